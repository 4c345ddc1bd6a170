import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { PerennialError } from '../../src/core/errors.js';
import { LIMITS } from '../../src/core/limits.js';
import { GetRiskRequest } from '../../src/gen/perennial/v1/risk.js';
import {
  Category,
  IngestSignalsRequest,
  type IngestSignalsResponse,
  Signal,
  SignalServiceService,
} from '../../src/gen/perennial/v1/signal.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { ask, errorOf, NOW, type ScoredEngine, type Served, scoredEngine, serve } from './support.js';

let scored: ScoredEngine;
let api: Served;

beforeAll(async () => {
  scored = await scoredEngine(5);
  api = await serve(scored.engine);
}, 120_000);
afterAll(async () => {
  await api.stop();
  await scored.close();
});

function signal(id: string, more: Partial<Signal> = {}): Signal {
  return Signal.fromPartial({
    id,
    source: 'test',
    category: Category.USAGE,
    type: 'feature_used',
    accountId: 'acc-new',
    time: new Date(NOW - DAY_MS),
    value: 2,
    attributes: { feature_key: 'reports' },
    ...more,
  });
}

/** Sends requests and resolves to the answer. */
function ingest(requests: readonly IngestSignalsRequest[], served = api): Promise<IngestSignalsResponse> {
  return new Promise((resolve, reject) => {
    const call = served.signals.ingestSignals((error, response) =>
      error === null ? resolve(response) : reject(error),
    );
    for (const request of requests) call.write(request);
    call.end();
  });
}

/** The same for bytes, as a client of another language, or a broken one, may send them. */
function ingestBytes(requests: readonly Uint8Array[]): Promise<IngestSignalsResponse> {
  const { path, responseDeserialize } = SignalServiceService.ingestSignals;
  return new Promise((resolve, reject) => {
    const call = api.signals.makeClientStreamRequest(
      path,
      (bytes: Uint8Array) => Buffer.from(bytes),
      responseDeserialize,
      (error, response) => (error === null ? resolve(response!) : reject(error)),
    );
    for (const request of requests) call.write(request);
    call.end();
  });
}

const stored = (sql: string) => scored.store.rows<Record<string, unknown>>(sql);
const counts = async () =>
  (
    await stored(
      `SELECT (SELECT count() FROM signals WHERE source = 'test') AS signals,
              (SELECT count() FROM rejected_signals WHERE _topic = 'grpc') AS rejections`,
    )
  )[0];

describe('IngestSignals', () => {
  it('keeps the good ones, answers and stores the bad ones with their reason, and a repeat changes nothing', async () => {
    const requests = [
      { signal: signal('a1') },
      { signal: signal('a2', { time: new Date(NOW + 3 * DAY_MS) }) },
      { signal: signal('a3') },
      { signal: signal('', {}) },
      { signal: signal('a4') },
    ];
    const answer = await ingest(requests);
    expect(answer).toMatchObject({
      accepted: 3,
      rejected: 2,
      rejections: [
        { index: 1, id: 'a2', reason: 'bad_time', field: 'time' },
        { index: 3, id: '', reason: 'missing_field', field: 'id' },
      ],
    });
    expect(await counts()).toEqual({ signals: 3, rejections: 2 });
    expect(await ingest(requests)).toEqual(answer);
    expect(await counts()).toEqual({ signals: 3, rejections: 2 });
  });

  it('keeps a refused signal as it came, so that it can be fed back', async () => {
    const [row] = await stored(`SELECT hex(raw) AS raw FROM rejected_signals WHERE id = 'a2'`);
    expect(Signal.decode(Buffer.from(String(row!.raw), 'hex'))).toEqual(
      signal('a2', { time: new Date(NOW + 3 * DAY_MS) }),
    );
  });

  it('answers once the rows are durable, and the risk knows them soon after', async () => {
    await ingest([{ signal: signal('b1', { accountId: 'acc-quick' }) }]);
    expect(await stored(`SELECT id FROM signals WHERE account_id = 'acc-quick'`)).toEqual([{ id: 'b1' }]);
    await scored.engine.idle();
    const request = GetRiskRequest.fromPartial({ subscriptionId: 'acc-quick' });
    const { risk } = await ask(api.risks, api.risks.getRisk, request);
    expect(risk?.accountId).toBe('acc-quick');
  });

  it('names field, value and range of a number outside of the catalogue', async () => {
    const { rejections } = await ingest([{ signal: signal('r1', { type: 'made_up', value: 1e303 }) }]);
    expect(rejections).toEqual([
      {
        index: 0,
        id: 'r1',
        reason: 'out_of_range',
        field: 'value',
        detail: '`value` is 1e+303: it must lie from -1000000000000000 to 1000000000000000.',
      },
    ]);
  });

  it('refuses what is no signal, one by one, and goes on', async () => {
    const good = (id: string) =>
      IngestSignalsRequest.encode(IngestSignalsRequest.fromPartial({ signal: signal(id) })).finish();
    const answer = await ingestBytes([
      good('c1'),
      Buffer.from('0a03', 'hex'),
      Buffer.from('0a03ffffff', 'hex'),
      // id is not UTF-8.
      Buffer.from('0a040a02c328', 'hex'),
      new Uint8Array(),
      good('c2'),
    ]);
    expect(answer.accepted).toBe(2);
    expect(answer.rejections.map(({ index, reason }) => [index, reason])).toEqual([
      [1, 'missing_field'],
      [2, 'not_protobuf'],
      [3, 'not_protobuf'],
      [4, 'missing_field'],
    ]);
  });

  it('reads a signal that came in parts as one, as protobuf does', async () => {
    const { id, ...rest } = signal('d1');
    const part = (fields: Partial<Signal>) =>
      IngestSignalsRequest.encode({ signal: Signal.fromPartial(fields) }).finish();
    const answer = await ingestBytes([Buffer.concat([part(rest), part({ id })])]);
    expect(answer).toMatchObject({ accepted: 1, rejected: 0 });
  });

  it('spells out the first thousand refusals and counts the rest', async () => {
    const requests = Array.from({ length: 1_002 }, (_, i) => ({ signal: signal(`e${i}`, { type: 'NO' }) }));
    const answer = await ingest(requests);
    expect(answer.rejected).toBe(1_002);
    expect(answer.rejections).toHaveLength(1_000);
    expect(answer.rejections.at(-1)?.index).toBe(999);
  });

  it('answers an empty stream', async () => {
    expect(await ingest([])).toEqual({ accepted: 0, rejected: 0, rejections: [] });
  });

  it('ends the call for a message over the size limit', async () => {
    const attributes = { big: 'x'.repeat(LIMITS.messageBytes + LIMITS.envelopeBytes) };
    const error = await errorOf(ingest([{ signal: signal('f1', { attributes }) }]));
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
  });
});

describe("IngestSignals on a store of one's own choosing", () => {
  const one = { signal: signal('z1', { attributes: { big: 'x'.repeat(8_000) } }) };

  it('says UNAVAILABLE, without the cause, when the batch can not be written', async () => {
    const served = await serve({
      questions: scored.engine.questions,
      ingest: () => Promise.reject(new PerennialError('unavailable', 'connect ECONNREFUSED 10.1.2.3:8123')),
    });
    const error = await errorOf(ingest([one], served));
    expect(error.code).toBe(status.UNAVAILABLE);
    expect(error.details).not.toContain('10.1.2.3');
    await served.stop();
  });

  it('reads no further while batches are being written', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const batches: (readonly Delivery[])[] = [];
    let first = () => {};
    const begun = new Promise<void>((resolve) => (first = resolve));
    const served = await serve({
      questions: scored.engine.questions,
      async ingest(batch) {
        batches.push(batch);
        first();
        await held;
        return scored.engine.ingest([]);
      },
    });
    let answer: IngestSignalsResponse | undefined;
    const call = served.signals.ingestSignals((_error, response) => (answer = response));
    const ended = once(call, 'status');
    let sent = 0;
    let blocked = false;
    // Twenty megabytes, of which the server holds two batches and the sockets some more.
    while (!blocked && sent < 10_000) {
      blocked =
        !call.write(one) && (await Promise.race([once(call, 'drain'), after(begun, 1_000)])) === 'late';
      sent++;
    }
    expect(blocked).toBe(true);
    expect(batches).toHaveLength(1);
    release();
    call.end();
    await ended;
    expect(answer).toMatchObject({ accepted: sent });
    expect(batches.reduce((sum, batch) => sum + batch.length, 0)).toBe(sent);
    await served.stop();
  });

  it('takes so many streams at once and no more, and again once some have ended', async () => {
    const served = await serve(scored.engine);
    const open = Array.from({ length: LIMITS.signalStreams }, () => {
      let done = (_accepted: number | undefined) => {};
      const ended = new Promise<number | undefined>((resolve) => (done = resolve));
      const call = served.signals.ingestSignals((_error, response) => done(response?.accepted));
      call.write(one);
      return { call, ended };
    });
    const error = await errorOf(ingest([one], served));
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(error.details).toContain('streams');
    for (const { call } of open) call.end();
    expect(await Promise.all(open.map(({ ended }) => ended))).toEqual(open.map(() => 1));
    expect((await ingest([one], served)).accepted).toBe(1);
    await served.stop();
  });

  it('stores what was complete when its caller goes away, and nothing after', async () => {
    let writes = 0;
    const served = await serve({
      questions: scored.engine.questions,
      ingest: (batch) => {
        writes++;
        return scored.engine.ingest(batch);
      },
    });
    const call = served.signals.ingestSignals(() => {});
    call.write(one);
    call.on('error', () => {});
    call.cancel();
    await served.stop();
    expect(writes).toBe(0);
  });
});

/** "late" so many milliseconds after something has begun. */
async function after(begun: Promise<void>, ms: number): Promise<'late'> {
  await begun;
  return new Promise((resolve) => setTimeout(() => resolve('late'), ms));
}
