import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi } from '../../src/api/server.js';
import { formatAddress } from '../../src/core/address.js';
import { PerennialError } from '../../src/core/errors.js';
import { LIMITS } from '../../src/core/limits.js';
import { type Explanation, Questions } from '../../src/engine/questions.js';
import { ExplainRiskRequest, GetRiskRequest, ListRisksRequest } from '../../src/gen/perennial/v1/risk.js';
import { EMPTY_CATALOGUE } from '../../src/signals/catalogue.js';
import { Health } from '../../src/telemetry/health.js';
import { createLogger, silentLogger } from '../../src/telemetry/log.js';
import { ask, clientsOf, errorOf, NOW, type ScoredEngine, scoredEngine, serve } from './support.js';

let scored: ScoredEngine;
beforeAll(async () => {
  scored = await scoredEngine(5);
}, 120_000);
afterAll(() => scored.close());

const api = (more: object) =>
  startApi({
    engine: scored.engine,
    catalogue: () => EMPTY_CATALOGUE,
    health: new Health(),
    clock: () => NOW,
    log: silentLogger(),
    address: '127.0.0.1:0',
    ...more,
  });

/** Explanations that come when the test says so; everything else is the engine's own. */
class HeldQuestions extends Questions {
  readonly begun: Promise<AbortSignal>;
  readonly #hold: Promise<void>;
  release: () => void = () => {};
  #begin: (signal: AbortSignal) => void = () => {};
  failure: Error | undefined;

  constructor() {
    super(
      scored.store,
      () => scored.engine.definitions,
      () => NOW,
    );
    this.begun = new Promise((resolve) => (this.#begin = resolve));
    this.#hold = new Promise((resolve) => (this.release = resolve));
  }

  override async explain(id: string, asOf?: number, signal?: AbortSignal): Promise<Explanation> {
    this.#begin(signal!);
    await this.#hold;
    if (this.failure !== undefined) throw this.failure;
    return super.explain(id, asOf, signal);
  }
}

function heldEngine() {
  const questions = new HeldQuestions();
  return { questions, ingest: scored.engine.ingest.bind(scored.engine) };
}

async function someId(): Promise<string> {
  const [risk] = await scored.engine.questions.risks({ limit: 1 });
  return risk!.subscriptionId;
}

const aborted = (signal: AbortSignal) =>
  new Promise<unknown>((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });

describe('the address', () => {
  it.each(['0.0.0.0:0', '[::]:0', '192.0.2.7:0', 'localhost.invalid:0'])(
    'is refused when others could reach it: %s',
    async (address) => {
      await expect(api({ address })).rejects.toMatchObject({
        code: 'failed_precondition',
        hint: expect.stringContaining('--insecure'),
      });
    },
  );

  it('may be open to others when told so', async () => {
    const server = await api({ address: '0.0.0.0:0', insecure: true });
    expect(server.address.port).toBeGreaterThan(0);
    await server.stop();
  });

  it.each(['127.0.0.1:0', '[::1]:0', 'localhost:0'])('may be this machine: %s', async (address) => {
    const server = await api({ address });
    const served = clientsOf(server);
    expect((await errorOf(ask(served.risks, served.risks.getRisk, GetRiskRequest.create()))).code).toBe(
      status.INVALID_ARGUMENT,
    );
    await served.stop();
  });

  it.each(['127.0.0.1', '127.0.0.1:', ':50051', '127.0.0.1:99999', '::1:50051', 'a:b'])(
    'is refused when it is none: %s',
    async (address) => {
      await expect(api({ address })).rejects.toMatchObject({ code: 'invalid_argument' });
    },
  );

  it('that is taken is told as such', async () => {
    const first = await api({});
    await expect(api({ address: formatAddress(first.address) })).rejects.toMatchObject({
      code: 'unavailable',
      hint: expect.stringContaining('PERENNIAL_GRPC'),
    });
    await first.stop();
  });
});

describe('a call', () => {
  it('that is cancelled is over for the server too', async () => {
    const engine = heldEngine();
    const served = await serve(engine);
    const request = ExplainRiskRequest.fromPartial({ subscriptionId: 'x' });
    const ended = new Promise<unknown>((resolve) => {
      const call = served.risks.explainRisk(request, (error) => resolve(error));
      void engine.questions.begun.then(() => call.cancel());
    });
    expect(await ended).toMatchObject({ code: status.CANCELLED });
    expect(await aborted(await engine.questions.begun)).toMatchObject({ code: 'cancelled' });
    engine.questions.release();
    await served.stop();
  });

  it('whose deadline passes is over for the server too', async () => {
    const engine = heldEngine();
    const served = await serve(engine);
    const request = ExplainRiskRequest.fromPartial({ subscriptionId: 'x' });
    const error = await errorOf(
      ask(served.risks, served.risks.explainRisk, request, { deadline: Date.now() + 300 }),
    );
    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
    expect(await aborted(await engine.questions.begun)).toBeDefined();
    engine.questions.release();
    await served.stop();
  });

  it('that was given up asks the store no further', async () => {
    const queries: string[] = [];
    const store = {
      ...scored.store,
      rows: async <T>(sql: string) => {
        queries.push(sql);
        return [] as T[];
      },
      // biome-ignore lint/correctness/useYield: it must not be reached.
      arrow: async function* () {
        throw new Error('the store was asked');
      },
    };
    const questions = new Questions(
      store,
      () => scored.engine.definitions,
      () => NOW,
    );
    const gone = AbortSignal.abort(new PerennialError('cancelled', 'gone'));
    await expect(questions.explain('x', NOW, gone)).rejects.toMatchObject({ code: 'cancelled' });
    expect(queries.length).toBeLessThanOrEqual(1);
  });

  it('with a request over the size limit is refused', async () => {
    const served = await serve(scored.engine);
    const subscriptionId = 'x'.repeat(LIMITS.messageBytes + LIMITS.envelopeBytes);
    const request = GetRiskRequest.fromPartial({ subscriptionId });
    expect((await errorOf(ask(served.risks, served.risks.getRisk, request))).code).toBe(
      status.RESOURCE_EXHAUSTED,
    );
    await served.stop();
  });

  it('that hits a defect tells the caller an id, and the log the cause', async () => {
    const lines: string[] = [];
    const engine = heldEngine();
    engine.questions.failure = new TypeError('secret of /srv/data');
    engine.questions.release();
    const served = await serve(engine, { log: createLogger('info', { write: (line) => lines.push(line) }) });
    const request = ExplainRiskRequest.fromPartial({ subscriptionId: 'x' });
    const error = await errorOf(ask(served.risks, served.risks.explainRisk, request));
    expect(error.code).toBe(status.INTERNAL);
    expect(error.details).not.toContain('secret');
    expect(JSON.stringify(error.metadata.getMap())).not.toContain('secret');
    const logged = JSON.parse(lines[0]!) as { errorId: string };
    expect(error.details).toContain(logged.errorId);
    expect(lines[0]).toContain('secret of /srv/data');
    await served.stop();
  });

  it('that fails carries a google.rpc.ErrorInfo with reason, domain and hint', async () => {
    const served = await serve(scored.engine);
    const error = await errorOf(ask(served.risks, served.risks.getRisk, GetRiskRequest.create()));
    const bytes = error.metadata.get('grpc-status-details-bin')[0] as Buffer;
    for (const text of ['type.googleapis.com/google.rpc.ErrorInfo', 'INVALID_ARGUMENT', 'perennial', 'hint'])
      expect(bytes.includes(text)).toBe(true);
    await served.stop();
  });
});

describe('a score', () => {
  it('shows in the next GetRisk, and in ListRisks', async () => {
    const served = await serve(scored.engine);
    const subscriptionId = await someId();
    const read = async () =>
      (await ask(served.risks, served.risks.getRisk, GetRiskRequest.fromPartial({ subscriptionId }))).risk!;
    let latest = (await read()).asOf!;
    for (let i = 1; i <= 3; i++) {
      const { asOf } = await scored.engine.rescoreAll();
      expect(asOf).toBeGreaterThan(latest.getTime());
      latest = new Date(asOf);
      expect((await read()).asOf).toEqual(latest);
    }
    const { risks } = await ask(served.risks, served.risks.listRisks, ListRisksRequest.create());
    expect(risks.every(({ asOf }) => asOf?.getTime() === latest.getTime())).toBe(true);
    await served.stop();
  });
});

describe('stopping', () => {
  it('lets a call under way end, and takes no new one', async () => {
    const engine = heldEngine();
    const served = await serve(engine);
    const subscriptionId = await someId();
    const request = ExplainRiskRequest.fromPartial({ subscriptionId });
    const answer = ask(served.risks, served.risks.explainRisk, request);
    await engine.questions.begun;
    const stopped = served.server.stop();
    const late = clientsOf(served.server);
    const refused = await errorOf(ask(late.risks, late.risks.getRisk, GetRiskRequest.create()));
    expect(refused.code).toBe(status.UNAVAILABLE);
    engine.questions.release();
    expect((await answer).risk?.subscriptionId).toBe(subscriptionId);
    await stopped;
    await late.stop();
  });

  it('cancels at the deadline what does not end, and waits until it works no more', async () => {
    const engine = heldEngine();
    const served = await serve(engine);
    const request = ExplainRiskRequest.fromPartial({ subscriptionId: 'x' });
    const failed = errorOf(ask(served.risks, served.risks.explainRisk, request));
    const signal = await engine.questions.begun;
    let over = false;
    const stopped = served.server.stop(50).then(() => (over = true));
    await aborted(signal);
    const error = await failed;
    expect([status.UNAVAILABLE, status.CANCELLED, status.INTERNAL]).toContain(error.code);
    expect(over).toBe(false);
    engine.questions.release();
    await stopped;
  });

  it('twice is as good as once', async () => {
    const server = await api({});
    await Promise.all([server.stop(), server.stop()]);
  });
});
