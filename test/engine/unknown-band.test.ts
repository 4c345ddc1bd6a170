import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import { explainChange } from '../../src/engine/explain-change.js';
import { decisionMessage } from '../../src/engine/kafka/events.js';
import type { PassSummary } from '../../src/engine/pass.js';
import { whatIf } from '../../src/engine/what-if.js';
import type { Signal } from '../../src/signals/signal.js';
import { readEventsOf } from '../../src/store/decision-log.js';
import { RISK_ORDERS } from '../../src/store/risk-list.js';
import type { Store } from '../../src/store/store.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { business, END, writeAll } from '../support/business.js';
import { contract, writeRecords } from '../support/contracts.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
let engine: Engine;

/** A customer of whom too little is known for a band, for whom a rule fires all the same. */
const LITTLE = { accountId: 'acc-little', subscriptionId: 'sub-little' } as const;

beforeAll(async () => {
  ({ store, close } = await tempStore());
  const definitions = await loadDefinitions(store, 'scoring', 'rules');
  engine = new Engine({
    ...{ store, definitions, clock: () => END, log: silentLogger(), fullRescoreEveryMs: null },
  });
  await writeAll(store, business({ accounts: 5 }));
  const failed = (days: number): Signal => ({
    ...{ id: `failed-${days}`, source: 'test', category: 'billing', type: 'payment_failed' },
    ...{
      accountId: LITTLE.accountId,
      subscriptionId: LITTLE.subscriptionId,
      occurredAt: END - days * DAY_MS,
    },
    ...{ value: null, attributes: {} },
  });
  await writeRecords(store, {
    contracts: [contract({ ...LITTLE, occurredAt: END - 90 * DAY_MS, arrMinor: 1_000_000, currency: 'EUR' })],
    signals: [failed(3), failed(2), failed(1)],
  });
  await engine.rescoreAll();
  const asked: PassSummary[] = [];
  for await (const pass of whatIf({ store, definitions, clock: () => END, times: [END], run: 'unknown' }))
    asked.push(pass);
  expect(asked).toHaveLength(1);
}, 120_000);
afterAll(() => close());

// Bug: below the coverage floor the band was "unknown" and the probability NULL, and `risk` still showed the points of the few
// features that happened to be known: sums and averages over views counted them.
describe('where the band is unknown the risk is not known', () => {
  it('in what made it another one, whose parts sum all the same', async () => {
    const { scoring } = engine.definitions;
    const change = await explainChange(
      store,
      { before: scoring, after: scoring },
      { ...LITTLE, since: END - 10 * DAY_MS, asOf: END },
    );
    expect(change).toMatchObject({ riskBefore: null, riskAfter: null });
    const { total, ...parts } = change!.parts;
    expect(Object.values(parts).reduce((sum, part) => sum + part, 0)).toBeCloseTo(total, 9);
    expect(total).toBeGreaterThan(1);
  });

  it.each(['risks', 'risk_history', 'run_risks', 'decisions', 'run_decisions'])('in %s', async (view) => {
    const rows = await store.rows<{ band: string; risk: number | null }>(
      `SELECT DISTINCT band, risk FROM ${view} WHERE subscription_id = {subscription:String}`,
      { subscription: LITTLE.subscriptionId },
    );
    expect(rows).toEqual([{ band: 'unknown', risk: null }]);
  });

  it('in no view that has both', async () => {
    const views = await store.rows<{ view: string; type: string }>(
      `SELECT table AS view, type FROM system.columns WHERE database = currentDatabase() AND name = 'risk'
         AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View')
         AND table IN (SELECT table FROM system.columns WHERE database = currentDatabase() AND name = 'band')`,
    );
    expect(views.length).toBeGreaterThan(5);
    for (const { view, type } of views) {
      expect([view, type]).toEqual([view, 'Nullable(Float64)']);
      const [row] = await store.rows<{ told: number }>(
        `SELECT countIf((band = 'unknown') != (risk IS NULL)) AS told FROM ${view}`,
      );
      expect([view, row]).toEqual([view, { told: 0 }]);
    }
  });

  it('in the events of decisions', async () => {
    const [opened] = await store.rows<{ id: string }>(
      `SELECT decision_id AS id FROM decisions WHERE subscription_id = {subscription:String} LIMIT 1`,
      { subscription: LITTLE.subscriptionId },
    );
    const [event] = await readEventsOf(store, opened!.id);
    const { value } = decisionMessage(event!);
    expect(JSON.parse(String(value)).data.decision).toMatchObject({ band: 'unknown', risk: null });
  });

  it('and comes last in every order of risk', async () => {
    for (const order of RISK_ORDERS.filter((one) => !one.startsWith('renewal'))) {
      const risks = await engine.questions.risks({}, 1_000, order);
      expect(risks.at(-1)).toMatchObject({ risk: null, band: 'unknown', arrAtRiskMinor: null });
    }
    expect(await engine.questions.risks({ minRisk: 0, accountIds: [LITTLE.accountId] }, 10)).toEqual([]);
  });
});
