import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Category, Code, ConnectError, connect, each, type Risk, watch } from '../../src/client/index.js';
import { formatAddress } from '../../src/core/address.js';
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

let now = NOW;
let scored: ScoredEngine;
let api: Served;
beforeAll(async () => {
  scored = await scoredEngine(8, () => ++now);
  api = await serve(scored.engine);
}, 120_000);
afterAll(async () => {
  await api.stop();
  await scored.close();
});

/** A signal that gives an account of its own a risk. */
const touch = (accountId: string) =>
  scored.engine.ingest([
    {
      record: {
        kind: 'signal',
        signal: {
          ...{ source: 't', id: accountId, category: 'usage', type: 'feature_used', accountId },
          ...{ subscriptionId: '', occurredAt: NOW - 1_000, value: 1, attributes: {} },
        },
      },
      origin: { topic: 't', partition: 0, offset: 0 },
      receivedAt: now,
    },
  ]);

// Bug: Connect's own client gives such a timeout to a timer, which went off at once: DEADLINE_EXCEEDED.
it('calls with a timeout of years, which is longer than a timer counts', async () => {
  const timeoutMs = 10 * 365 * 86_400_000;
  const { risks } = await api.client.risks.listRisks({ pageSize: 1 }, { timeoutMs });
  expect(risks).toHaveLength(1);
  const patient = connect({ server: formatAddress(api.server.address), deadlineMs: timeoutMs });
  expect((await patient.risks.listRisks({ pageSize: 1 })).risks).toEqual(risks);
  patient.close();
});

describe('each', () => {
  it('brings every item of every page, in order, and begins where it is asked to', async () => {
    const { listRisks } = api.client.risks;
    const whole = await listRisks({});
    expect(await all(each(listRisks, 'risks', { pageSize: 3 }))).toEqual(whole.risks);
    const { nextPageToken } = await listRisks({ pageSize: 3 });
    expect(await all(each(listRisks, 'risks', { pageSize: 3, pageToken: nextPageToken }))).toEqual(
      whole.risks.slice(3),
    );
  });

  it('asks for no page that is not wanted, and fails as the call does', async () => {
    let asked = 0;
    const counted: typeof api.client.risks.listRisks = (...given) => {
      asked++;
      return api.client.risks.listRisks(...given);
    };
    for await (const _ of each(counted, 'risks', { pageSize: 2 })) break;
    expect(asked).toBe(1);
    const error = await errorOf(all(each(counted, 'risks', { orderBy: 'name' })));
    expect(error.code).toBe(Code.InvalidArgument);
  });

  it('walks through other lists, too', async () => {
    const { listDecisions } = api.client.decisions;
    const { decisions } = await listDecisions({});
    expect(await all(each(listDecisions, 'decisions', { pageSize: 2 }))).toEqual(decisions);
  });
});

describe('watch', () => {
  it('goes on after the server was away, and misses nothing', async () => {
    const address = formatAddress(api.server.address);
    const { client } = clientOf(api.server);
    const stop = new AbortController();
    const seen = new Map<string, Risk>();
    let wake = () => {};
    let begun = () => {};
    const ready = new Promise<void>((resolve) => (begun = resolve));
    const watching = (async () => {
      for await (const { risks } of watch(client.risks.watchRisks, {}, { signal: stop.signal })) {
        begun();
        for (const risk of risks) seen.set(risk.accountId, risk);
        wake();
      }
    })();
    const until = async (account: string) => {
      while (!seen.has(account)) await new Promise<void>((resolve) => (wake = resolve));
    };
    await ready;
    await touch('acc-before');
    await until('acc-before');
    await api.server.stop(0);
    await touch('acc-meanwhile');
    await scored.engine.idle();
    api = await serve(scored.engine, { address });
    await until('acc-meanwhile');
    await touch('acc-after');
    await until('acc-after');
    stop.abort();
    await watching;
    client.close();
  });

  it('is over when it is no longer wanted, and fails where another try would not help', async () => {
    for await (const _ of watch(api.client.risks.watchRisks, {})) break;
    const wrong = all(watch(api.client.risks.watchRisks, { resumeToken: 'made up' }));
    expect((await errorOf(wrong)).code).toBe(Code.InvalidArgument);
    const gone = AbortSignal.abort();
    expect(await all(watch(api.client.risks.watchRisks, {}, { signal: gone }))).toEqual([]);
  });

  it('tries again what passes, with pauses, and begins where the last response was', async () => {
    const tokens: (string | undefined)[] = [];
    const answers: (string | Code)[][] = [
      ['a', Code.Unavailable],
      [Code.Canceled],
      ['b', 'c'],
      [Code.NotFound],
    ];
    async function* method({ resumeToken }: { resumeToken?: string }) {
      tokens.push(resumeToken);
      for (const answer of answers.shift()!) {
        if (typeof answer !== 'string') throw new ConnectError('cut', answer);
        yield { resumeToken: answer };
      }
    }
    const error = await errorOf(all(watch(method, { resumeToken: '0' })));
    expect([error.code, tokens]).toEqual([Code.NotFound, ['0', 'a', 'a', 'c']]);
  });
});

it('signals sent by the client are there', async () => {
  const signal = {
    id: 'c-1',
    source: 'client',
    category: Category.USAGE,
    type: 'feature_used',
    accountId: 'acc-c',
  };
  const { acceptedCount } = await api.client.signals.ingestSignals({
    signals: [{ ...signal, time: timestampFromMs(NOW - 1_000) }],
  });
  expect(acceptedCount).toBe(1);
});
