import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Code, each } from '../../src/client/index.js';
import { DAY_MS } from '../../src/core/clock.js';
import {
  errorOf,
  NOW,
  type ScoredEngine,
  type Served,
  scoredEngine,
  serve,
  violationsOf,
} from './support.js';

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

it('a risk is what a caller says, is explained beside what was computed, and is computed again once that is lifted', async () => {
  const { risks, riskOverrides } = api.client;
  const [first] = (await risks.listRisks({ pageSize: 1 })).risks;
  const { subscriptionId } = first!;
  const endTime = timestampFromMs(NOW + 30 * DAY_MS);
  const set = await riskOverrides.setRiskOverride({
    subscriptionId,
    risk: 12.5,
    reason: 'signed',
    endTime,
    author: 'ada',
  });
  expect(set).toMatchObject({ subscriptionId, risk: 12.5, author: 'ada', endTime });
  await scored.engine.idle();
  const risk = await risks.getRisk({ subject: { case: 'subscriptionId', value: subscriptionId } });
  expect(risk).toMatchObject({ risk: 12.5, override: { reason: 'signed', author: 'ada', endTime } });
  expect(risk.computedRisk).not.toBe(12.5);
  const compareWith = timestampFromMs(timestampMs(first!.asOf!) - 30 * DAY_MS);
  const { change } = await risks.explainRisk({ subscriptionId, compareWith });
  const { signals, passingTime, missingData, cardEdit, override } = change!;
  expect(signals + passingTime + missingData + cardEdit + override).toBeCloseTo(
    change!.riskAfter! - change!.riskBefore!,
    9,
  );
  expect(change!.riskAfter).toBe(12.5);
  expect((await riskOverrides.listRiskOverrides({})).overrides).toMatchObject([
    { subscriptionId, risk: 12.5 },
  ]);

  await riskOverrides.liftRiskOverride({ subscriptionId });
  await scored.engine.idle();
  const again = await risks.getRisk({ subject: { case: 'subscriptionId', value: subscriptionId } });
  expect(again.override).toBeUndefined();
  expect(again.risk).toBe(again.computedRisk);
  expect((await riskOverrides.listRiskOverrides({})).overrides).toEqual([]);
  expect((await errorOf(riskOverrides.liftRiskOverride({ subscriptionId }))).code).toBe(Code.NotFound);
});

it('is only looked at with validate_only, and carried out once with a request_id, whatever came after', async () => {
  const { risks, riskOverrides } = api.client;
  const [first] = (await risks.listRisks({ pageSize: 1 })).risks;
  const { subscriptionId } = first!;
  const endTime = timestampFromMs(NOW + 30 * DAY_MS);
  const request = { subscriptionId, risk: 0, reason: 'signed', endTime, requestId: 'set-1' };
  const holding = async () => (await riskOverrides.listRiskOverrides({})).overrides;
  const looked = await riskOverrides.setRiskOverride({ ...request, requestId: '', validateOnly: true });
  expect(looked).toMatchObject({ subscriptionId, risk: 0 });
  expect(await holding()).toEqual([]);
  const set = await riskOverrides.setRiskOverride(request);
  await riskOverrides.liftRiskOverride({ subscriptionId, validateOnly: true });
  expect(await holding()).toEqual([set]);
  const lift = { subscriptionId, requestId: 'lift-1' };
  const lifted = await riskOverrides.liftRiskOverride(lift);
  expect(lifted).toEqual(set);
  // Bug: a try again of a call that had been carried out was NOT_FOUND, or set what had been lifted since.
  expect(await riskOverrides.liftRiskOverride(lift)).toEqual(lifted);
  expect(await riskOverrides.setRiskOverride(request)).toEqual(set);
  expect(await holding()).toEqual([]);
  // Bug: another risk or reason under that id was answered with the first, as if it were set.
  for (const other of [
    riskOverrides.liftRiskOverride({ ...lift, subscriptionId: 'other' }),
    riskOverrides.liftRiskOverride({ ...lift, reason: 'why' }),
    riskOverrides.setRiskOverride({ ...request, risk: 1 }),
    riskOverrides.setRiskOverride({ ...request, endTime: timestampFromMs(NOW + 31 * DAY_MS) }),
  ])
    expect(violationsOf(await errorOf(other))).toMatchObject([
      { field: 'request_id', reason: 'REQUEST_ID_REUSED' },
    ]);
});

it('what is no risk, has no reason or no end is refused, field by field', async () => {
  const wrong = await errorOf(api.client.riskOverrides.setRiskOverride({ subscriptionId: 's', risk: 101 }));
  expect(violationsOf(wrong).map(({ field }) => field)).toEqual(['risk', 'reason', 'end_time']);
  // Bug: a risk that was left out was taken for 0, the best there is.
  const endTime = timestampFromMs(NOW + DAY_MS);
  const none = await errorOf(
    api.client.riskOverrides.setRiskOverride({ subscriptionId: 's', reason: 'r', endTime }),
  );
  expect(violationsOf(none).map(({ field }) => field)).toEqual(['risk']);
  const past = { subscriptionId: 's', risk: 1, reason: 'r', endTime: timestampFromMs(NOW - DAY_MS) };
  const over = await errorOf(api.client.riskOverrides.setRiskOverride(past));
  expect(violationsOf(over).map(({ field }) => field)).toEqual(['end_time']);
});

// Bug: what was more than an answer of 4 MiB held could not be had.
it('lists what held at the first page, page by page', async () => {
  const { risks, riskOverrides } = api.client;
  const list = riskOverrides.listRiskOverrides;
  const ids = (await risks.listRisks({})).risks.map(({ subscriptionId }) => subscriptionId);
  expect(ids.length).toBeGreaterThan(1);
  const endTime = timestampFromMs(NOW + 30 * DAY_MS);
  const set = [];
  for (const subscriptionId of ids)
    set.push(await riskOverrides.setRiskOverride({ subscriptionId, risk: 1, reason: 'signed', endTime }));
  const paged = [];
  for await (const one of each(list, 'overrides', { pageSize: 1 })) {
    paged.push(one);
    if (paged.length === 1)
      for (const subscriptionId of ids) await riskOverrides.liftRiskOverride({ subscriptionId });
  }
  const sorted = set.toSorted((a, b) =>
    a.accountId + a.subscriptionId < b.accountId + b.subscriptionId ? -1 : 1,
  );
  expect(paged).toEqual(sorted);
  expect(await list({})).toMatchObject({ overrides: [], nextPageToken: '' });
  expect(violationsOf(await errorOf(list({ pageToken: 'x' })))).toMatchObject([{ field: 'page_token' }]);
});
