import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import type { Decision } from '../../src/decisions/decision.js';
import { encodeDecisions, readDecisionHistory } from '../../src/store/decision-log.js';
import { insertRows } from '../../src/store/encoded-rows.js';
import type { Store } from '../../src/store/store.js';
import { day } from '../decisions/situations.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
});
afterAll(() => close());

const CLOSED: Decision = {
  decisionId: 'd1',
  accountId: 'a',
  subscriptionId: 's',
  asOf: day(2),
  kind: 'offer',
  action: 'ten',
  params: { offer: 'ten' },
  status: 'resolved',
  openedAt: day(0),
  closedBy: 'offer_declined',
  closedAt: day(2),
  expiresAt: day(14),
  rule: 'price_is_the_problem',
  reasons: ['"quoted", ünïcode'],
  suppressed: [{ rule: 'r', kind: 'touchpoint', action: 't', guardrail: 'g', reason: 'because' }],
  risk: 61.5,
  band: 'critical',
  arrAtRiskMinor: 600_000,
  currency: 'EUR',
  owner: 'olga',
  discountPct: 10,
  costMinor: 120_000,
  rulesRevision: 'r1',
  scoringRevision: 's1',
};

const only = (account: string) => ({ kind: 'accounts', accounts: [account] }) as const;

it('gives decisions back as they were stored, each in its latest state before a time', async () => {
  const opened: Decision = { ...CLOSED, asOf: day(0), status: 'open', closedBy: '', closedAt: null };
  await insertRows(store, encodeDecisions([CLOSED, opened], day(2)));
  expect(await readDecisionHistory(store, only('a'), day(0))).toEqual([]);
  expect(await readDecisionHistory(store, only('a'), day(1))).toEqual([opened]);
  expect(await readDecisionHistory(store, only('a'), day(2))).toEqual([opened]);
  expect(await readDecisionHistory(store, only('a'), day(2) + 1)).toEqual([CLOSED]);
  expect(await readDecisionHistory(store, only('b'), day(9))).toEqual([]);
});

// Bug: a guardrail may look back ten years, and was shown 400 days.
it('remembers what was decided for as long as a guardrail can look back', async () => {
  expect(await readDecisionHistory(store, only('a'), day(2) + 3_650 * DAY_MS)).toEqual([CLOSED]);
});
