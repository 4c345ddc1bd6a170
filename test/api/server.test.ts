import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi } from '../../src/api/server.js';
import {
  Code,
  ErrorInfoSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
  RunQueryRequestSchema,
} from '../../src/client/index.js';
import { formatAddress } from '../../src/core/address.js';
import { PerennialError } from '../../src/core/errors.js';
import { LIMITS } from '../../src/core/limits.js';
import { localDecider } from '../../src/engine/decider.js';
import type { Explanation } from '../../src/engine/explain-risk.js';
import { Questions } from '../../src/engine/questions.js';
import { EMPTY_CATALOGUE } from '../../src/signals/catalogue.js';
import type { Store } from '../../src/store/store.js';
import { Health } from '../../src/telemetry/health.js';
import { createLogger, silentLogger } from '../../src/telemetry/log.js';
import {
  all,
  clientOf,
  errorOf,
  NOW,
  type ScoredEngine,
  type Served,
  scoredEngine,
  serve,
} from './support.js';

let scored: ScoredEngine;
beforeAll(async () => {
  scored = await scoredEngine(5);
}, 120_000);
afterAll(() => scored.close());

const api = (more: object) =>
  startApi({
    engine: scored.engine,
    store: scored.store,
    decider: localDecider(scored.engine),
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
  asked = 0;

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
    this.asked++;
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
  const [risk] = await scored.engine.questions.risks({}, 1);
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
    const served = clientOf(server);
    expect((await errorOf(served.client.risks.getRisk({}))).code).toBe(Code.InvalidArgument);
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

const getRisk = (served: Pick<Served, 'client'>, value: string) =>
  served.client.risks.getRisk({ subject: { case: 'subscriptionId', value } });

describe('a call', () => {
  it('that is cancelled is over for the server too', async () => {
    const engine = heldEngine();
    const served = await serve(engine);
    const abort = new AbortController();
    const ended = errorOf(served.client.risks.explainRisk({ subscriptionId: 'x' }, { signal: abort.signal }));
    void engine.questions.begun.then(() => abort.abort());
    expect((await ended).code).toBe(Code.Canceled);
    expect(await aborted(await engine.questions.begun)).toMatchObject({ code: 'cancelled' });
    engine.questions.release();
    await served.stop();
  });

  it('whose deadline passes is over for the server too', async () => {
    const engine = heldEngine();
    const served = await serve(engine);
    const error = await errorOf(served.client.risks.explainRisk({ subscriptionId: 'x' }, { timeoutMs: 300 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    expect(await aborted(await engine.questions.begun)).toBeDefined();
    engine.questions.release();
    await served.stop();
  });

  it('that was given up while it waited is never begun', async () => {
    const engine = heldEngine();
    const served = await serve(engine);
    const explain = (timeoutMs: number) =>
      errorOf(served.client.risks.explainRisk({ subscriptionId: 'x' }, { timeoutMs }));
    const running = [explain(20_000), explain(20_000)];
    await engine.questions.begun;
    // Two of them run, and these wait behind them until their callers go.
    const gone = await Promise.all(Array.from({ length: 20 }, () => explain(50)));
    expect(gone.map(({ code }) => code)).toEqual(gone.map(() => Code.DeadlineExceeded));
    engine.questions.release();
    await Promise.all(running);
    await served.stop();
    expect(engine.questions.asked).toBe(2);
  });

  it('beyond what one caller may have waiting is refused with when to come again, and others are served', async () => {
    const engine = heldEngine();
    engine.questions.failure = new PerennialError('not_found', 'There is none.');
    const served = await serve(engine);
    const calls = Array.from({ length: 40 }, () =>
      errorOf(served.client.risks.explainRisk({ subscriptionId: 'nobody' })),
    );
    const refused = await Promise.race(calls);
    expect(refused.code).toBe(Code.ResourceExhausted);
    expect(refused.findDetails(RetryInfoSchema)).toHaveLength(1);
    // A risk that is in memory waits behind none of them.
    const subscriptionId = await someId();
    expect((await getRisk(served, subscriptionId)).subscriptionId).toBe(subscriptionId);
    engine.questions.release();
    const codes = (await Promise.all(calls)).map(({ code }) => code);
    expect(codes.filter((code) => code === Code.ResourceExhausted)).toHaveLength(8);
    expect(codes.filter((code) => code === Code.NotFound)).toHaveLength(32);
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

  it('has every question that it puts to the store end with it, whatever is asked for', async () => {
    const without: string[] = [];
    const note = (sql: string, options?: { signal?: AbortSignal | undefined }) => {
      if (options?.signal === undefined) without.push(sql);
    };
    const { store } = scored;
    const recording: Store = {
      ...{ name: store.name, shared: store.shared, ping: () => store.ping(), close: () => store.close() },
      rows: (sql, params, options) => {
        note(sql, options);
        return store.rows(sql, params, options);
      },
      text: (sql, params, options) => {
        note(sql, options);
        return store.text(sql, params, options);
      },
      stream: (sql, format, options) => {
        note(sql, options);
        return store.stream(sql, format, options);
      },
      arrow: (sql, params, options) => {
        note(sql, options);
        return store.arrow(sql, params, options);
      },
      command: (sql, params, options) => {
        note(sql, options);
        return store.command(sql, params, options);
      },
      insertArrow: (table, columns, bytes) => store.insertArrow(table, columns, bytes),
    };
    const { engine } = scored;
    const { definitions } = engine;
    const questions = new Questions(
      recording,
      () => definitions,
      () => NOW,
    );
    const served = await serve(
      { questions, ingest: (batch) => engine.ingest(batch), definitions, touch: () => {} },
      { store: recording },
    );
    const subscriptionId = await someId();
    // A lookup that is not in memory is shared by all who wait for it, and ends with none of them.
    await questions.latest(subscriptionId);
    without.length = 0;
    const { risks, decisions, customers, rules, runs, retractions, queries } = served.client;
    const subject = { case: 'subscriptionId', value: subscriptionId } as const;
    const { accountId } = await risks.getRisk({ subject, asOf: timestampFromMs(NOW - 86_400_000) });
    await risks.getRisk({ subject: { case: 'accountId', value: accountId } });
    const { nextPageToken } = await risks.listRisks({ pageSize: 1 });
    await risks.listRisks({ pageSize: 1, pageToken: nextPageToken });
    await risks.listRiskHistory({ subscriptionId });
    await risks.explainRisk({ subscriptionId, compareWith: timestampFromMs(NOW - 86_400_000) });
    const listed = await decisions.listDecisions({ filter: { anyStatus: true } });
    const { decisionId } = listed.decisions[0]!;
    await decisions.getDecision({ decisionId });
    await decisions.listDecisionEvents({ decisionId });
    await decisions.listSuppressions({});
    await customers.getCustomer({ subject });
    await customers.listCustomerEvents({ accountId });
    await rules.getRuleSet({});
    await rules.listRuleSets({});
    const { files } = await rules.getRuleSet({});
    await rules.checkRules({ files });
    await rules.previewRules({ files });
    await runs.listRuns({});
    await retractions.listRetractions({});
    await all(queries.runQuery({ sql: 'SELECT 1' }));
    expect(without).toEqual([]);
    await served.stop();
  });

  it('that does not read its stream is cut off, and holds up nobody', async () => {
    const served = await serve(scored.engine, { idleStreamMs: 300 });
    const session = connectHttp2(`http://${served.target}`);
    const query = create(RunQueryRequestSchema, {
      sql: "SELECT repeat('x', 1000) AS x FROM numbers(100000)",
    });
    const body = toBinary(RunQueryRequestSchema, query);
    const frame = Buffer.alloc(5 + body.length);
    frame.writeUInt32BE(body.length, 1);
    frame.set(body, 5);
    // Two queries run at once: more than that of them, and none is read.
    const closed = Array.from({ length: 5 }, async () => {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/perennial.v1.QueryService/RunQuery',
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      stream.on('error', () => {});
      stream.end(frame);
      await once(stream, 'close');
      return stream.rstCode;
    });
    const answer = await all(served.client.queries.runQuery({ sql: 'SELECT 1 AS one' }));
    expect(Buffer.concat(answer.map(({ data }) => data)).toString()).toBe('{"one":1}\n');
    expect(await Promise.all(closed)).toEqual(closed.map(() => constants.NGHTTP2_CANCEL));
    session.close();
    await served.stop();
  });

  it('with a request over the size limit is refused', async () => {
    const served = await serve(scored.engine);
    const error = await errorOf(getRisk(served, 'x'.repeat(LIMITS.requestBytes)));
    expect(error.code).toBe(Code.ResourceExhausted);
    await served.stop();
  });

  it('that hits a defect tells the caller an id, and the log the cause, and not more of it than is of use', async () => {
    const lines: string[] = [];
    const engine = heldEngine();
    engine.questions.failure = new TypeError('secret of /srv/data');
    engine.questions.release();
    const served = await serve(engine, { log: createLogger('info', { write: (line) => lines.push(line) }) });
    const error = await errorOf(served.client.risks.explainRisk({ subscriptionId: 'x' }));
    expect(error.code).toBe(Code.Internal);
    expect(JSON.stringify([error.message, error.details, [...error.metadata]])).not.toContain('secret');
    const logged = JSON.parse(lines[0]!) as { errorId: string };
    expect(error.rawMessage).toContain(logged.errorId);
    expect(lines[0]).toContain('secret of /srv/data');
    for (let i = 0; i < 60; i++) await errorOf(served.client.risks.explainRisk({ subscriptionId: 'x' }));
    expect(lines.filter((line) => line.includes('a call failed')).length).toBeLessThanOrEqual(40);
    await served.stop();
  });

  it('is answered with the request id it came with', async () => {
    const lines: string[] = [];
    const engine = heldEngine();
    engine.questions.failure = new TypeError('broken');
    engine.questions.release();
    const served = await serve(engine, { log: createLogger('info', { write: (line) => lines.push(line) }) });
    const error = await errorOf(
      served.client.risks.explainRisk({ subscriptionId: 'x' }, { headers: { 'x-request-id': 'order-4711' } }),
    );
    expect(error.rawMessage).toContain('order-4711');
    expect(lines[0]).toContain('order-4711');
    await served.stop();
  });

  it('while the store is away says UNAVAILABLE each time, and the log once', async () => {
    const lines: string[] = [];
    const engine = heldEngine();
    engine.questions.failure = new PerennialError('unavailable', 'connect ECONNREFUSED 10.1.2.3:8123');
    engine.questions.release();
    const served = await serve(engine, { log: createLogger('info', { write: (line) => lines.push(line) }) });
    for (let i = 0; i < 5; i++) {
      const error = await errorOf(served.client.risks.explainRisk({ subscriptionId: 'x' }));
      expect(error.code).toBe(Code.Unavailable);
      expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay?.seconds).toBe(1n);
      expect(error.rawMessage).not.toContain('10.1.2.3');
    }
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('10.1.2.3');
    await served.stop();
  });

  it('that fails carries a google.rpc.ErrorInfo with a reason of its own, domain and hint', async () => {
    const served = await serve(scored.engine);
    const error = await errorOf(getRisk(served, 'nobody'));
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([
      { reason: 'SUBSCRIPTION_NOT_FOUND', domain: 'perennial', metadata: { retryable: 'false' } },
    ]);
    expect(error.findDetails(ResourceInfoSchema)).toMatchObject([
      { resourceType: 'subscription', resourceName: 'nobody' },
    ]);
    await served.stop();
  });
});

describe('that there is no such thing', () => {
  it('is remembered for a moment, and no longer than it is true', async () => {
    let asked = 0;
    const { store } = scored;
    const rows: Store['rows'] = (sql, params, options) => {
      asked++;
      return store.rows(sql, params, options);
    };
    const counting: Store = Object.assign(Object.create(store) as Store, { rows });
    const questions = new Questions(
      counting,
      () => scored.engine.definitions,
      () => NOW,
    );
    const ask = () => questions.mostAtRisk('acc-none').catch((thrown: PerennialError) => thrown.code);
    const before = asked;
    expect([await ask(), await ask(), await ask()]).toEqual(['not_found', 'not_found', 'not_found']);
    expect(asked - before).toBe(1);
    const unsubscribe = scored.engine.subscribe({
      onScored: (batch, asOf) => questions.stored(batch, asOf),
      onLeft: () => {},
      onDecided: () => {},
    });
    await scored.engine.rescoreAll();
    await ask();
    expect(asked - before).toBe(2);
    unsubscribe();
  });
});

describe('a score', () => {
  it('shows in the next GetRisk, and in ListRisks', async () => {
    const served = await serve(scored.engine);
    const subscriptionId = await someId();
    const read = async () => timestampMs((await getRisk(served, subscriptionId)).asOf!);
    let latest = await read();
    for (let i = 1; i <= 3; i++) {
      const { asOf } = await scored.engine.rescoreAll();
      expect(asOf).toBeGreaterThan(latest);
      latest = asOf;
      expect(await read()).toBe(latest);
    }
    const { risks } = await served.client.risks.listRisks({});
    expect(risks.every(({ asOf }) => timestampMs(asOf!) === latest)).toBe(true);
    await served.stop();
  });
});

describe('stopping', () => {
  it('lets a running call end, and takes no new one', async () => {
    const engine = heldEngine();
    const served = await serve(engine);
    const subscriptionId = await someId();
    const answer = served.client.risks.explainRisk({ subscriptionId });
    await engine.questions.begun;
    const stopped = served.server.stop();
    const late = clientOf(served.server);
    expect((await errorOf(getRisk(late, subscriptionId))).code).toBe(Code.Unavailable);
    engine.questions.release();
    expect((await answer).risk?.subscriptionId).toBe(subscriptionId);
    await stopped;
    await late.stop();
    await served.stop();
  });

  it('cancels at the deadline what does not end, and waits until it works no more', async () => {
    const engine = heldEngine();
    const served = await serve(engine);
    const failed = errorOf(served.client.risks.explainRisk({ subscriptionId: 'x' }));
    const signal = await engine.questions.begun;
    let over = false;
    const stopped = served.server.stop(50).then(() => (over = true));
    await aborted(signal);
    expect([Code.Unavailable, Code.Canceled, Code.Internal]).toContain((await failed).code);
    expect(over).toBe(false);
    engine.questions.release();
    await stopped;
    await served.stop();
  });

  it('twice is as good as once', async () => {
    const server = await api({});
    await Promise.all([server.stop(), server.stop()]);
  });
});
