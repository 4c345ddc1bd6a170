import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY_MS, type Millis } from '../../src/core/clock.js';
import { readFeatures } from '../../src/features/read-features.js';
import { evaluateScorecards } from '../../src/scoring/evaluate.js';
import { BANDS } from '../../src/scoring/scorecard.js';
import type { Store } from '../../src/store/store.js';
import { defaultScoring } from '../scoring/scoring-files.js';
import { END, writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';
import { sentSignal } from './sent-signal.js';

const scoring = defaultScoring();
let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
});
afterAll(() => close());

/** What the default scorecards say of an account without a contract, and its features. */
async function scored(account: string, asOf: Millis) {
  const scope = { kind: 'accounts', accounts: [account] } as const;
  for await (const { batch } of readFeatures(store, scoring.catalogue, { scope, asOf })) {
    const scores = evaluateScorecards(scoring, batch);
    const features = batch.row(0) as Record<string, number | null>;
    return { band: BANDS[scores.band[0]!], features, known: scores.renewalProbability.valid!.has(0) };
  }
  throw new Error('nobody');
}

// The store is empty at first: each of these is all that anyone has sent until then.
it('an account of which nobody sends what features read is not known, and can be asked for', async () => {
  await writeAll(store, [sentSignal('unread', 'billing.invoice_issued', END - 350 * DAY_MS)]);
  expect(await scored('unread', END - 349 * DAY_MS)).toMatchObject({ band: 'unknown', known: false });
});

it('one message about an account before anything else is not known, now and after the days that silence takes', async () => {
  await writeAll(store, [sentSignal('first', 'usage.session_started', END - 300 * DAY_MS)]);
  for (const days of [300, 280, 260])
    expect(await scored('first', END - days * DAY_MS)).toMatchObject({ band: 'unknown', known: false });
});

it('nobody is healthy by what nobody sends', async () => {
  const at = END - 200 * DAY_MS;
  await writeAll(store, [
    sentSignal('few', 'billing.invoice_issued', at, { attributes: { invoice_id: 'i' } }),
    sentSignal('few', 'marketing.email_sent', at),
    sentSignal('few', 'support.csat_response', at, { value: 5 }),
    ...Array.from({ length: 18 }, (_, day) => sentSignal('few', 'usage.session_started', at - day * DAY_MS)),
  ]);
  const { band, known, features } = await scored('few', at);
  expect({ band, known }).toEqual({ band: 'unknown', known: false });
  expect(features).toMatchObject({
    failed_payment_streak: null,
    champion_left_90d: null,
    active_days_28d: 18,
  });
});

it('an invoice that is never paid does not heal by other billing signals, nor by growing old', async () => {
  const due = END - 190 * DAY_MS;
  const overdue = { attributes: { invoice_id: 'i1', days_past_due: '89' } };
  await writeAll(store, [
    sentSignal('late', 'billing.invoice_overdue', due, overdue),
    sentSignal('late', 'billing.payment_failed', due + DAY_MS),
    sentSignal('late', 'billing.invoice_paid', due + 101 * DAY_MS, { attributes: { invoice_id: 'other' } }),
  ]);
  const past = async (days: number) => (await scored('late', due + days * DAY_MS)).features.days_past_due_max;
  expect([await past(100), await past(102)]).toEqual([189, 191]);
  await writeAll(store, [
    sentSignal('late', 'billing.invoice_paid', due + 103 * DAY_MS, { attributes: { invoice_id: 'i1' } }),
  ]);
  expect(await past(104)).toBe(0);
});

it('an answer older than the look-back is no value where nobody answers any more, asked for at one time or at many', async () => {
  const answered = END - 900 * DAY_MS;
  await writeAll(store, [
    sentSignal('old', 'usage.session_started', answered),
    sentSignal('old', 'marketing.nps_response', answered, { value: 9 }),
  ]);
  const at = (days: number) => ({ accountId: 'old', subscriptionId: 'old', asOf: answered + days * DAY_MS });
  const observed = async (...days: number[]) => {
    const values: unknown[] = [];
    for await (const { batch } of readFeatures(store, scoring.catalogue, { observations: days.map(at) }))
      for (let row = 0; row < batch.length; row++) values.push(batch.row(row).nps_latest);
    return values;
  };
  expect((await scored('old', at(450).asOf)).features.nps_latest).toBeNull();
  expect(await observed(450)).toEqual([null]);
  expect(await observed(10, 450)).toEqual([expect.any(Number), null]);
});
