import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import type { Subscription } from '../../src/signals/subscription.js';
import type { Store } from '../../src/store/store.js';
import { contract, day, outcome, writeRecords } from '../support/contracts.js';
import { tempStore } from '../support/temp-store.js';
import { emptyBusiness, storeDecisions, storeRisks, storeSuppressions } from './support.js';

const PRESENT = day('2026-01-01');

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
});
afterAll(() => close());
beforeEach(() => emptyBusiness(store, PRESENT));

const of = (id: string, more: Partial<Subscription> = {}): Subscription =>
  contract({
    accountId: id,
    subscriptionId: `${id}-1`,
    occurredAt: day('2025-01-01'),
    arrMinor: 100_00,
    currency: 'EUR',
    ...more,
  });
const ids = (id: string) => ({ accountId: id, subscriptionId: `${id}-1` });

test('decisions by rule: what fired, was opened, suppressed, seen and answered, and at what cost', async () => {
  const opened = { rule: 'win_back', kind: 'offer', action: 'twenty', openedAt: day('2025-11-05') };
  const seen = { ...opened, presentedAt: day('2025-11-06') };
  await storeDecisions(store, [
    {
      ...ids('A'),
      ...seen,
      status: 'accepted',
      closedAt: day('2025-11-09'),
      costMinor: 20_00,
      currency: 'EUR',
    },
    {
      ...ids('B'),
      ...seen,
      status: 'accepted',
      closedAt: day('2025-11-09'),
      costMinor: 30_00,
      currency: 'USD',
    },
    {
      ...ids('C'),
      ...seen,
      status: 'accepted',
      closedAt: day('2025-11-09'),
      costMinor: 30_00,
      currency: 'CHF',
    },
    {
      ...ids('D'),
      ...seen,
      status: 'declined',
      closedAt: day('2025-11-09'),
      costMinor: 30_00,
      currency: 'EUR',
    },
    { ...ids('E'), ...opened, status: 'open', costMinor: 7_00, currency: 'EUR' },
    {
      ...ids('F'),
      ...opened,
      status: 'lapsed',
      closedAt: day('2025-12-09'),
      costMinor: 7_00,
      currency: 'EUR',
    },
    {
      ...ids('G'),
      ...opened,
      status: 'cleared',
      closedAt: day('2025-12-09'),
      costMinor: 7_00,
      currency: 'EUR',
    },
    { ...ids('H'), ...opened, status: 'open', openedAt: day('2025-12-01'), costMinor: 0, currency: '' },
  ]);
  await storeSuppressions(store, [
    { ...ids('E'), rule: 'win_back', action: 'twenty', asOf: day('2025-11-20') },
    { ...ids('Z'), rule: 'win_back', action: 'twenty', asOf: day('2025-11-20') },
    { ...ids('Z'), rule: 'win_back', action: 'twenty', asOf: day('2025-11-21') },
  ]);
  const common = { rule: 'win_back', kind: 'offer', action: 'twenty' };
  expect(
    await store.rows('SELECT * EXCEPT month, toString(month) AS month FROM decisions_by_rule ORDER BY month'),
  ).toEqual([
    {
      ...common,
      month: '2025-11-01',
      fired: 8,
      opened: 7,
      suppressed: 2,
      still_open: 1,
      presented: 4,
      accepted: 3,
      declined: 1,
      expired: 1,
      resolved: 0,
      cleared: 1,
      acceptance_rate: 0.75,
      cost_spent_reporting: 35,
      cost_reserved_reporting: 7,
      cost_not_known: 1,
    },
    {
      ...common,
      month: '2025-12-01',
      fired: 1,
      opened: 1,
      suppressed: 0,
      still_open: 1,
      presented: 0,
      accepted: 0,
      declined: 0,
      expired: 0,
      resolved: 0,
      cleared: 0,
      acceptance_rate: null,
      cost_spent_reporting: 0,
      cost_reserved_reporting: 0,
      cost_not_known: 0,
    },
  ]);
});

test('a save counts only where the contract still runs 30 and 90 days later', async () => {
  const offered = { rule: 'win_back', kind: 'offer', action: 'twenty', openedAt: day('2025-06-01') };
  const accepted = {
    ...offered,
    presentedAt: day('2025-06-02'),
    status: 'accepted',
    answeredAt: day('2025-06-10'),
    closedAt: day('2025-06-10'),
  };
  const late = { presentedAt: day('2025-11-20'), answeredAt: day('2025-11-25'), closedAt: day('2025-11-25') };
  await writeRecords(store, {
    contracts: [
      ...['stays', 'leaves', 'pauses', 'declines', 'late', 'wavers', 'goes'].map((id) => of(id)),
      of('leaves', { occurredAt: day('2025-06-10') + 60 * DAY_MS, status: 'ended' }),
      of('pauses', { occurredAt: day('2025-06-20'), status: 'paused' }),
      of('goes', { occurredAt: day('2025-03-20'), status: 'ended' }),
    ],
    outcomes: [
      outcome({ ...ids('wavers'), kind: 'cancel_intent', occurredAt: day('2025-03-01') }),
      outcome({ ...ids('wavers'), kind: 'cancel_intent_withdrawn', occurredAt: day('2025-03-08') }),
      outcome({ ...ids('goes'), kind: 'cancel_intent', occurredAt: day('2025-03-01') }),
    ],
  });
  await storeDecisions(store, [
    ...['stays', 'leaves', 'pauses'].map((id) => ({ ...ids(id), ...accepted })),
    { ...ids('declines'), ...accepted, status: 'declined' },
    { ...ids('late'), ...accepted, ...late },
    {
      ...ids('wavers'),
      ...offered,
      openedAt: day('2025-03-02'),
      presentedAt: day('2025-03-03'),
      status: 'presented',
    },
    { ...ids('goes'), ...offered, status: 'open' },
  ]);
  const found = await store.rows(
    'SELECT account_id AS who, attempt, action, answer, active_30, active_90, saved_30, saved_90, arr FROM save_attempts ORDER BY who, attempt',
  );
  const offer = { attempt: 'offer', action: 'twenty', answer: 'accepted', arr: 100 };
  const yes = { active_30: true, active_90: true, saved_30: true, saved_90: true };
  const no = { active_30: false, active_90: false, saved_30: false, saved_90: false };
  expect(found).toEqual([
    { who: 'declines', ...offer, answer: 'declined', ...yes, saved_30: false, saved_90: false },
    { who: 'goes', attempt: 'cancel_intent', action: '', answer: '', arr: 100, ...no },
    { who: 'late', ...offer, ...yes, active_90: null, saved_90: null },
    { who: 'leaves', ...offer, ...yes, active_90: false, saved_90: false },
    { who: 'pauses', ...offer, ...no },
    { who: 'stays', ...offer, ...yes },
    { who: 'wavers', attempt: 'cancel_intent', action: 'twenty', answer: 'withdrawn', arr: 100, ...yes },
    { who: 'wavers', ...offer, answer: '', ...yes, saved_30: false, saved_90: false },
  ]);
});

test('the time of a renewal counts from its first touch to its outcome', async () => {
  const due = { kind: 'renewed', occurredAt: day('2025-06-15'), termEnd: day('2025-06-20') } as const;
  await writeRecords(store, {
    contracts: ['A', 'B', 'C'].map((id) => of(id, { renewal: day('2025-06-20') })),
    outcomes: ['A', 'B', 'C'].map((id) => outcome({ ...ids(id), ...due })),
    signals: (
      [
        ['A', 'A-1', 'renewal_quote_sent', '2025-05-01'],
        ['A', '', 'meeting_held', '2025-05-16'],
        ['A', '', 'meeting_held', '2024-10-01'],
        ['B', 'another', 'renewal_quote_sent', '2025-05-01'],
        ['B', '', 'meeting_held', '2025-06-14'],
      ] as const
    ).map(([accountId, subscriptionId, type, date], index) => ({
      source: 'crm',
      id: String(index),
      category: type === 'meeting_held' ? 'marketing' : 'billing',
      type,
      accountId,
      subscriptionId,
      occurredAt: day(date),
      value: null,
      attributes: {},
    })),
  });
  expect(
    await store.rows(
      'SELECT account_id, first_touch, days, days_before_due FROM time_to_renewal ORDER BY account_id',
    ),
  ).toEqual([
    { account_id: 'A', first_touch: 'renewal_quote_sent', days: 45, days_before_due: 5 },
    { account_id: 'B', first_touch: 'meeting_held', days: 1, days_before_due: 5 },
    { account_id: 'C', first_touch: '', days: null, days_before_due: 5 },
  ]);
});

test('the score is held against how terms ended, with what was known 30 to 120 days before', async () => {
  const due = '2025-06-30';
  const names = ['stays', 'leaves', 'silent'];
  await writeRecords(store, {
    contracts: names.map((id) => of(id, { renewal: day(due) })),
    outcomes: names.map((id) =>
      outcome({
        ...ids(id),
        kind: id === 'leaves' ? 'churned' : 'renewed',
        occurredAt: day(due),
        termEnd: day(due),
        arrBeforeMinor: 100_00,
        currency: 'EUR',
      }),
    ),
  });
  const at = (id: string, daysBefore: number, risk: number, tickets: number | null) => ({
    ...ids(id),
    asOf: day(due) - daysBefore * DAY_MS,
    probability: 1 - risk / 100,
    risk,
    band: risk > 50 ? 'high' : 'low',
    arrMinor: 100_00,
    features: { tickets },
  });
  await storeRisks(store, [
    at('leaves', 95, 20, 1),
    at('leaves', 40, 80, 9),
    at('leaves', 10, 99, 50),
    at('stays', 62, 10, 2),
    at('silent', 31, 30, null),
  ]);
  expect(
    await store.rows(
      `SELECT account_id, lead_days, renewed, band, risk FROM score_outcomes ORDER BY account_id, lead_days`,
    ),
  ).toEqual([
    { account_id: 'leaves', lead_days: 30, renewed: false, band: 'high', risk: 80 },
    { account_id: 'leaves', lead_days: 60, renewed: false, band: 'low', risk: 20 },
    { account_id: 'leaves', lead_days: 90, renewed: false, band: 'low', risk: 20 },
    { account_id: 'silent', lead_days: 30, renewed: true, band: 'low', risk: 30 },
    { account_id: 'stays', lead_days: 30, renewed: true, band: 'low', risk: 10 },
    { account_id: 'stays', lead_days: 60, renewed: true, band: 'low', risk: 10 },
  ]);
  expect(await store.rows('SELECT * FROM leading_indicators ORDER BY lead_days')).toEqual([
    {
      feature: 'tickets',
      lead_days: 30,
      terms: 3,
      known: 2,
      churned: 1,
      mean_renewed: 2,
      mean_churned: 9,
      auc: 1,
    },
    {
      feature: 'tickets',
      lead_days: 60,
      terms: 2,
      known: 2,
      churned: 1,
      mean_renewed: 2,
      mean_churned: 1,
      auc: 0,
    },
    {
      feature: 'tickets',
      lead_days: 90,
      terms: 1,
      known: 1,
      churned: 1,
      mean_renewed: null,
      mean_churned: 1,
      auc: null,
    },
  ]);
});

test('risk_history has the last risk of each day, and every one at which the band changed', async () => {
  const risk = (date: string, hours: number, band: string, bandChanged: boolean) => ({
    ...ids('A'),
    asOf: day(date) + hours * 3_600_000,
    probability: 0.5,
    band,
    bandChanged,
    arrMinor: 100,
  });
  await storeRisks(store, [
    risk('2025-10-31', 0, 'high', false),
    risk('2025-11-09', 1, 'high', false),
    risk('2025-11-09', 2, 'critical', true),
    risk('2025-11-09', 3, 'critical', false),
    risk('2025-11-09', 4, 'critical', false),
  ]);
  const times = await store.rows<{ at: string }>(
    "SELECT formatDateTime(as_of, '%F %H') AS at FROM risk_history ORDER BY as_of",
  );
  expect(times.map(({ at }) => at)).toEqual(['2025-10-31 00', '2025-11-09 02', '2025-11-09 04']);
});
