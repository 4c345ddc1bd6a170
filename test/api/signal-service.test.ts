import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { credentials, Client as GrpcClient, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  Category,
  Code,
  OutcomeKind,
  type SignalSchema,
  StreamSignalsRequestSchema,
} from '../../src/client/index.js';
import { DAY_MS } from '../../src/core/clock.js';
import { PerennialError } from '../../src/core/errors.js';
import { LIMITS } from '../../src/core/limits.js';
import { Signal } from '../../src/gen/perennial/v1/signal.js';
import { SignalSchema as SignalType } from '../../src/gen/perennial/v1/signal_pb.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { all, errorOf, NOW, type ScoredEngine, type Served, scoredEngine, serve } from './support.js';

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

type SignalInit = MessageInitShape<typeof SignalSchema>;

function signal(id: string, more: SignalInit = {}): SignalInit {
  return {
    id,
    source: 'test',
    category: Category.USAGE,
    type: 'feature_used',
    accountId: 'acc-new',
    time: timestampFromMs(NOW - DAY_MS),
    value: 2,
    attributes: { feature_key: 'reports' },
    ...more,
  };
}

const ingest = (signals: SignalInit[], served = api) => served.client.signals.ingestSignals({ signals });

/** The same for bytes, as a client of another language, or a broken one, may send them. */
function ingestBytes(request: Uint8Array): Promise<Buffer> {
  const client = new GrpcClient(api.target, credentials.createInsecure());
  return new Promise<Buffer>((resolve, reject) => {
    client.makeUnaryRequest(
      '/perennial.v1.SignalService/IngestSignals',
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes) => bytes,
      request,
      (error: ServiceError | null, response) => (error === null ? resolve(response!) : reject(error)),
    );
  }).finally(() => client.close());
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
    const signals = [
      signal('a1'),
      signal('a2', { time: timestampFromMs(NOW + 3 * DAY_MS) }),
      signal('a3'),
      signal('', {}),
      signal('a4'),
    ];
    const answer = await ingest(signals);
    expect(answer).toMatchObject({
      acceptedCount: 3,
      rejectedCount: 2,
      rejections: [
        { index: 1, id: 'a2', reason: 'bad_time', field: 'time' },
        { index: 3, id: '', reason: 'missing_field', field: 'id' },
      ],
    });
    expect(answer.counts).toMatchObject({ newCount: 3, sameCount: 0, correctedCount: 0 });
    expect(await counts()).toEqual({ signals: 3, rejections: 2 });
    const { counts: _, ...rest } = answer;
    expect(await ingest(signals)).toMatchObject({ ...rest, counts: { newCount: 0, sameCount: 3 } });
    expect(await counts()).toEqual({ signals: 3, rejections: 2 });
  });

  it('counts what was new, the same and corrected for each call, also where several are stored together', async () => {
    await ingest([signal('k1'), signal('k2')]);
    const answers = await Promise.all([
      ingest([signal('k1'), signal('k3'), signal('', {})]),
      ingest([signal('k2', { value: 7 })]),
      ingest([signal('k4')]),
    ]);
    expect(
      answers.map(({ counts, rejectedCount }) => [
        counts?.newCount,
        counts?.sameCount,
        counts?.correctedCount,
        rejectedCount,
      ]),
    ).toEqual([
      [1, 1, 0, 1],
      [0, 0, 1, 0],
      [1, 0, 0, 0],
    ]);
    const checked = await api.client.signals.ingestSignals({ signals: [signal('k1')], validateOnly: true });
    expect(checked.counts).toBeUndefined();
  });

  it('stores nothing with validate_only, and says the same', async () => {
    const { client } = api;
    const answer = await client.signals.ingestSignals({
      signals: [signal('v1'), signal('v2', { type: 'NO' })],
      validateOnly: true,
    });
    expect(answer).toMatchObject({ acceptedCount: 1, rejectedCount: 1 });
    expect(await stored(`SELECT id FROM signals WHERE id = 'v1'`)).toEqual([]);
  });

  it('keeps a refused signal as it came, so that it can be fed back', async () => {
    const [row] = await stored(`SELECT hex(raw) AS raw FROM rejected_signals WHERE id = 'a2'`);
    expect(Signal.decode(Buffer.from(String(row!.raw), 'hex'))).toMatchObject({
      id: 'a2',
      time: { seconds: NOW / 1_000 + 3 * 86_400, nanos: 0 },
    });
  });

  it('answers once the rows are durable, and the risk knows them soon after', async () => {
    await ingest([signal('b1', { accountId: 'acc-quick' })]);
    expect(await stored(`SELECT id FROM signals WHERE account_id = 'acc-quick'`)).toEqual([{ id: 'b1' }]);
    await scored.engine.idle();
    const risk = await api.client.risks.getRisk({ subject: { case: 'subscriptionId', value: 'acc-quick' } });
    expect(risk.accountId).toBe('acc-quick');
  });

  it('cuts a time off at the millisecond', async () => {
    const seconds = BigInt((NOW - DAY_MS) / 1_000);
    await ingest([signal('n1', { time: { seconds, nanos: 999_999_999 } })]);
    expect(
      await stored(`SELECT toUnixTimestamp64Milli(occurred_at) AS ms FROM signals WHERE id = 'n1'`),
    ).toEqual([{ ms: NOW - DAY_MS + 999 }]);
  });

  it('names field, value and range of a number outside of the catalogue', async () => {
    const { rejections } = await ingest([signal('r1', { type: 'made_up', value: 1e303 })]);
    expect(rejections).toMatchObject([
      {
        index: 0,
        id: 'r1',
        reason: 'out_of_range',
        field: 'value',
        detail: '`value` is 1e+303: it must lie from -1000000000000000 to 1000000000000000.',
      },
    ]);
  });

  it('refuses what is no signal, and one that is too large, alone; and goes on', async () => {
    const record = (bytes: Uint8Array) => {
      const length: number[] = [];
      for (let left = bytes.length; ; left >>>= 7) {
        length.push((left & 127) | (left > 127 ? 128 : 0));
        if (left <= 127) break;
      }
      return Buffer.concat([Buffer.from([10, ...length]), bytes]);
    };
    const encode = (init: SignalInit) => toBinary(SignalType, create(SignalType, init));
    const big = signal('c3', { attributes: { big: 'x'.repeat(LIMITS.messageBytes + 1) } });
    await ingestBytes(
      Buffer.concat([
        record(encode(signal('c1'))),
        // A signal cut short, one whose id is not UTF-8, an empty one, and one over a mebibyte.
        record(Buffer.from('0a03', 'hex')),
        record(Buffer.from('0a02c328', 'hex')),
        record(new Uint8Array()),
        record(encode(big)),
        record(encode(signal('c2'))),
      ]),
    );
    expect(await stored(`SELECT id FROM signals WHERE id IN ('c1', 'c2', 'c3') ORDER BY id`)).toEqual([
      { id: 'c1' },
      { id: 'c2' },
    ]);
    expect(
      await stored(`SELECT reason, count() AS n FROM rejected_signals
        WHERE reason IN ('not_protobuf', 'too_large') GROUP BY reason ORDER BY reason`),
    ).toEqual([
      { reason: 'not_protobuf', n: 2 },
      { reason: 'too_large', n: 1 },
    ]);
  });

  it('refuses a request that is none of its kind, and an empty one', async () => {
    await expect(ingestBytes(Buffer.from('0a03ff', 'hex'))).rejects.toMatchObject({ code: 3 });
    expect((await errorOf(ingest([]))).code).toBe(Code.InvalidArgument);
  });

  it('spells out the first thousand refusals and counts the rest', async () => {
    const answer = await ingest(Array.from({ length: 1_002 }, (_, i) => signal(`e${i}`, { type: 'NO' })));
    expect(answer.rejectedCount).toBe(1_002);
    expect(answer.rejections).toHaveLength(1_000);
    expect(answer.rejections.at(-1)?.index).toBe(999);
  });
});

describe('IngestOutcomes', () => {
  it('stores what happened, and refuses what is none', async () => {
    const outcome = {
      source: 'crm',
      accountId: 'acc-new',
      subscriptionId: 'acc-new',
      kind: OutcomeKind.RENEWED,
      time: timestampFromMs(NOW - DAY_MS),
    };
    const answer = await api.client.signals.ingestOutcomes({
      outcomes: [
        { ...outcome, id: 'o1' },
        { ...outcome, id: 'o2', kind: OutcomeKind.UNSPECIFIED },
      ],
    });
    expect(answer).toMatchObject({
      acceptedCount: 1,
      rejectedCount: 1,
      rejections: [{ index: 1, id: 'o2' }],
      counts: { newCount: 1, sameCount: 0, correctedCount: 0 },
    });
    expect(await stored(`SELECT kind FROM outcomes WHERE source = 'crm'`)).toEqual([{ kind: 'renewed' }]);
  });
});

describe('StreamSignals', () => {
  it('answers each request once it is durable, without the stream having to end', async () => {
    const sent = queue<SignalInit[]>();
    const requests = (async function* () {
      for await (const signals of sent) yield { signals };
    })();
    const answers = api.client.signals.streamSignals(requests)[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i++) {
      sent.push([signal(`s${i}`), signal(`t${i}`, { type: 'NO' })]);
      const { value } = await answers.next();
      expect(value).toMatchObject({
        requestIndex: BigInt(i),
        acceptedCount: 1,
        rejectedCount: 1,
        rejections: [{ index: 1, id: `t${i}` }],
        counts: { newCount: 1 },
      });
      expect(await stored(`SELECT id FROM signals WHERE id = 's${i}'`)).toEqual([{ id: `s${i}` }]);
    }
    sent.end();
    expect((await answers.next()).done).toBe(true);
  });

  it('stores requests that come together with one insert', async () => {
    const batches: number[] = [];
    const served = await serve({
      questions: scored.engine.questions,
      ingest(batch) {
        batches.push(batch.length);
        return scored.engine.ingest(batch);
      },
    });
    const requests = Array.from({ length: 200 }, (_, i) => ({ signals: [signal(`g${i}`)] }));
    const answers = await all(served.client.signals.streamSignals(each(requests)));
    expect(answers.map(({ requestIndex }) => requestIndex)).toEqual(requests.map((_, i) => BigInt(i)));
    expect(batches.reduce((sum, rows) => sum + rows, 0)).toBe(200);
    expect(batches.length).toBeLessThan(20);
    await served.stop();
  });

  it('ends a stream on which nothing comes, and no other', async () => {
    const served = await serve(scored.engine, { idleStreamMs: 150 });
    const silent = queue<SignalInit[]>();
    const requests = (async function* () {
      for await (const signals of silent) yield { signals };
    })();
    silent.push([signal('i1')]);
    const error = await errorOf(all(served.client.signals.streamSignals(requests)));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.rawMessage).toContain('0.15 seconds');
    silent.end();
    expect((await ingest([signal('i2')], served)).acceptedCount).toBe(1);
    await served.stop();
  });

  it('serves others while hundreds of streams send nothing', async () => {
    const served = await serve(scored.engine);
    const open = Array.from({ length: 300 }, () => {
      const sent = queue<SignalInit[]>();
      const requests = (async function* () {
        for await (const signals of sent) yield { signals };
      })();
      const answers = served.client.signals.streamSignals(requests)[Symbol.asyncIterator]();
      sent.push([signal('w1')]);
      return { sent, answers };
    });
    for (const { answers } of open) expect((await answers.next()).value?.acceptedCount).toBe(1);
    expect((await ingest([signal('w2')], served)).acceptedCount).toBe(1);
    for (const { sent } of open) sent.end();
    for (const { answers } of open) expect((await answers.next()).done).toBe(true);
    await served.stop();
  });
});

describe("signals on a store of one's own choosing", () => {
  const one = signal('z1', { attributes: { big: 'x'.repeat(8_000) } });

  it('are UNAVAILABLE, without the cause, when they can not be written', async () => {
    const served = await serve({
      questions: scored.engine.questions,
      ingest: () => Promise.reject(new PerennialError('unavailable', 'connect ECONNREFUSED 10.1.2.3:8123')),
    });
    for (const call of [
      ingest([one], served),
      all(served.client.signals.streamSignals(each([{ signals: [one] }]))),
    ]) {
      const error = await errorOf(call);
      expect(error.code).toBe(Code.Unavailable);
      expect(error.rawMessage).not.toContain('10.1.2.3');
    }
    await served.stop();
  });

  it('are read no further while batches are being written', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const batches: (readonly Delivery[])[] = [];
    const served = await serve({
      questions: scored.engine.questions,
      async ingest(batch) {
        batches.push(batch);
        await held;
        return scored.engine.ingest([]);
      },
    });
    let sent = 0;
    const request = create(StreamSignalsRequestSchema, { signals: Array.from({ length: 16 }, () => one) });
    const requests = (async function* () {
      for (; sent < 400; sent++) yield request;
    })();
    const answers = all(served.client.signals.streamSignals(requests));
    // Fifty megabytes in all, of which the server takes a few before it waits.
    await still(() => sent);
    expect(sent).toBeLessThan(200);
    release();
    expect((await answers).length).toBe(400);
    expect(batches.reduce((sum, batch) => sum + batch.length, 0)).toBe(400 * 16);
    await served.stop();
  });

  it('are not stored when the caller went away before they were complete', async () => {
    let writes = 0;
    const served = await serve({
      questions: scored.engine.questions,
      ingest: (batch) => {
        writes++;
        return scored.engine.ingest(batch);
      },
    });
    const abort = new AbortController();
    const sent = queue<SignalInit[]>();
    const requests = (async function* () {
      for await (const signals of sent) yield { signals };
    })();
    const answers = all(served.client.signals.streamSignals(requests, { signal: abort.signal }));
    abort.abort();
    await errorOf(answers);
    sent.end();
    await served.stop();
    expect(writes).toBe(0);
  });
});

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** What a test sends when it wants to. */
function queue<T>() {
  const items: T[] = [];
  let ended = false;
  let wake = () => {};
  return {
    push(item: T) {
      items.push(item);
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const item = items.shift();
        if (item !== undefined) yield item;
        else if (ended) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

/** Resolves once a number has not changed for a while. */
async function still(number: () => number): Promise<void> {
  for (let last = -1; last !== number(); ) {
    last = number();
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
