import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Category, Code, OutcomeKind } from '../../src/client/index.js';
import {
  all,
  errorOf,
  NOW,
  type ScoredEngine,
  type Served,
  scoredEngine,
  serve,
  violationsOf,
} from './support.js';

const HOUR = 3_600_000;
/** Moves on, so that what is retracted has arrived before. */
let now = NOW;
let scored: ScoredEngine;
let api: Served;
beforeAll(async () => {
  scored = await scoredEngine(2, () => ++now);
  api = await serve(scored.engine, { clock: () => ++now });
}, 120_000);
afterAll(async () => {
  await api.stop();
  await scored.close();
});

const send = (source: string, ids: readonly string[], accountId = 'acme') =>
  api.client.signals.ingestSignals({
    signals: ids.map((id) => ({
      ...{ id, source, accountId, category: Category.SUPPORT, type: 'csat_response', value: 2 },
      time: timestampFromMs(NOW - HOUR),
    })),
  });
const ids = async (view: 'signals' | 'outcomes', source: string) =>
  (
    await scored.store.rows<{ id: string }>(
      `SELECT id FROM ${view} WHERE source = {source:String} ORDER BY id`,
      {
        source,
      },
    )
  ).map(({ id }) => id);

it('a producer takes records back one by one: they are gone, stay gone, and their accounts are scored anew', async () => {
  await send('desk', ['a', 'b', 'c']);
  await api.client.signals.ingestOutcomes({
    outcomes: [
      {
        ...{ id: 'o', source: 'desk', accountId: 'acme', kind: OutcomeKind.CANCEL_INTENT },
        time: timestampFromMs(NOW - HOUR),
      },
    ],
  });
  await scored.engine.idle();
  const before = await api.client.risks.getRisk({ subject: { case: 'accountId', value: 'acme' } });
  const retractions = [
    { record: { case: 'signal' as const, value: { source: 'desk', id: 'a' } }, reason: 'sent by mistake' },
    { record: { case: 'outcome' as const, value: { source: 'desk', id: 'o' } } },
    { record: { case: 'signal' as const, value: { source: 'desk', id: 'late' } } },
  ];
  const { retractions: service } = api.client;
  expect((await service.retractRecords({ retractions, validateOnly: true })).acceptedCount).toBe(3);
  expect(await ids('signals', 'desk')).toEqual(['a', 'b', 'c']);
  expect((await service.retractRecords({ retractions })).acceptedCount).toBe(3);
  await send('desk', ['a']);
  expect([await ids('signals', 'desk'), await ids('outcomes', 'desk')]).toEqual([['b', 'c'], []]);
  await scored.engine.idle();
  const after = await api.client.risks.getRisk({ subject: { case: 'accountId', value: 'acme' } });
  expect(after.asOf!.seconds * 1_000n + BigInt(after.asOf!.nanos)).not.toBe(
    before.asOf!.seconds * 1_000n + BigInt(before.asOf!.nanos),
  );
  const wrong = await errorOf(
    service.retractRecords({
      retractions: [{ record: { case: 'signal', value: { source: 'desk', id: '' } } }],
    }),
  );
  expect(violationsOf(wrong)).toMatchObject([{ field: 'retractions[0].signal.id' }]);
});

it('all of a source is left out once it was said what that is, and comes back', async () => {
  await send('meter', ['1', '2'], 'bolt');
  await send('meter', ['3'], 'acme');
  const { retractions: service } = api.client;
  const request = { source: 'meter', reason: 'wrong unit', requestId: 'call-1' };
  const looked = await service.createRetraction({ ...request, validateOnly: true });
  expect(looked).toMatchObject({
    retractionId: '',
    signalCount: 3n,
    accountIds: ['acme', 'bolt'],
    accountCount: 2n,
  });
  expect(await ids('signals', 'meter')).toEqual(['1', '2', '3']);

  const done = await service.createRetraction({ ...request, actor: 'ada' });
  expect(done).toMatchObject({ signalCount: 3n, actor: 'ada', reason: 'wrong unit' });
  expect(await ids('signals', 'meter')).toEqual([]);
  // A try again is the same retraction, and not one of nothing.
  expect((await service.createRetraction({ ...request, actor: 'ada' })).retractionId).toBe(done.retractionId);
  // Bug: another source under that id was said to be retracted, and was not.
  const other = await errorOf(service.createRetraction({ ...request, actor: 'ada', source: 'other' }));
  expect(other.rawMessage).toContain('`request_id` was used for a call with another source.');
  const why = await errorOf(service.createRetraction({ ...request, actor: 'ada', reason: 'test' }));
  expect(why.rawMessage).toContain('`request_id` was used for a call with another reason.');
  const blank = await errorOf(service.createRetraction({ source: 'meter', reason: ' \n' }));
  expect(blank.rawMessage).toContain('`reason`: says nothing');
  const nothing = await errorOf(service.createRetraction({ reason: 'why' }));
  expect(nothing.rawMessage).toContain('`source or account_id`: give source');
  const again = await errorOf(service.createRetraction({ ...request, requestId: 'call-2' }));
  expect(again.code).toBe(Code.NotFound);

  const undone = await service.undoRetraction({ retractionId: done.retractionId, actor: 'eve' });
  expect(undone).toMatchObject({ undoActor: 'eve', signalCount: 3n });
  expect(await ids('signals', 'meter')).toEqual(['1', '2', '3']);
  const twice = await service.undoRetraction({ retractionId: done.retractionId, actor: 'bob' });
  expect(twice.undoActor).toBe('eve');
  const unknown = await errorOf(service.undoRetraction({ retractionId: 'r-000000000000' }));
  expect(unknown.code).toBe(Code.NotFound);
});

it.each([
  ['nothing', {}],
  ['an id without its source', { id: '1', accountId: 'acme' }],
])('%s names no retraction', async (_what, selection) => {
  const refused = await errorOf(api.client.retractions.createRetraction({ ...selection, reason: 'x' }));
  expect([refused.code, refused.rawMessage.includes('source and id')]).toEqual([Code.InvalidArgument, true]);
});

it('retractions are listed page by page, the newest first, those of producers too', async () => {
  async function* pages() {
    let pageToken = '';
    do {
      const page = await api.client.retractions.listRetractions({ pageSize: 1, pageToken });
      yield page.retractions;
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
  }
  const found = (await all(pages())).flat();
  const whole = await api.client.retractions.listRetractions({});
  expect(found).toEqual(whole.retractions);
  expect(found[0]).toMatchObject({ source: 'meter', actor: 'ada', undoActor: 'eve' });
  expect(new Set(found.slice(1).map(({ source, id, actor }) => `${source} ${id} ${actor}`))).toEqual(
    new Set(['desk a ', 'desk late ', 'desk o ']),
  );
});
