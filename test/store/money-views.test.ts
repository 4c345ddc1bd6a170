import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTextFiles } from '../../src/core/text-files.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import { factCatalogue } from '../../src/engine/facts.js';
import { loadRuleSet } from '../../src/rules/load.js';
import { verifiedPlan } from '../../src/rules/verified-plan.js';
import type { Store } from '../../src/store/store.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { contract, day, outcome, writeRecords } from '../support/contracts.js';
import { projectFile } from '../support/project.js';
import { tempStore } from '../support/temp-store.js';

const NOW = day('2026-03-01');
const T = day('2026-01-01');
/** One of each kind of currency: minor units, and what they are in major ones. */
const AMOUNTS = [
  ['EUR', 1_050, 10.5],
  ['JPY', 15_000_000, 15_000_000],
  ['KWD', 1_500, 1.5],
  // ICU, and with it Intl, says that the forint has no part; ISO 4217 gives it two decimals.
  ['HUF', 500_000, 5_000],
  ['USD', 10_000, 100],
  ['', 700, null],
] as const;

let store: Store;
let close: () => Promise<void>;
let engine: Engine;
beforeAll(async () => {
  ({ store, close } = await tempStore());
  await writeRecords(store, {
    contracts: AMOUNTS.map(([currency, arrMinor]) =>
      contract({ accountId: `a${currency}`, subscriptionId: 'main', occurredAt: T, arrMinor, currency }),
    ),
    outcomes: AMOUNTS.map(([currency, arrBeforeMinor]) =>
      outcome({
        accountId: `a${currency}`,
        subscriptionId: 'main',
        occurredAt: T,
        kind: 'churned',
        arrBeforeMinor,
        arrAfterMinor: 0,
        currency,
      }),
    ),
  });
});
afterAll(async () => {
  await engine.stop();
  await close();
});

const amounts = (view: string, column = 'arr') =>
  store.rows(`SELECT currency, ${column} AS amount FROM ${view} ORDER BY account_id`);
const byCurrency = (of: (currency: string, minor: number, major: number | null) => number | null) =>
  AMOUNTS.map(([currency, minor, major]) => ({ currency, amount: of(currency, minor, major) })).sort(
    (a, b) => (`a${a.currency}` < `a${b.currency}` ? -1 : 1),
  );

// Bug: 15,000,000 yen were shown as 150,000, and 5,000 forints as 50.
test('major units have the decimals of ISO 4217, also before any definitions are loaded', async () => {
  const major = byCurrency((_currency, _minor, amount) => amount);
  expect(await amounts('subscriptions')).toEqual(major);
  expect(await amounts('subscription_history')).toEqual(major);
  expect(await amounts('outcomes', 'arr_before')).toEqual(major);
  expect(await amounts('subscriptions', 'arr_reporting')).toEqual(byCurrency(() => null));
});

describe('with definitions', () => {
  const RATES: Record<string, number> = { EUR: 1, USD: 0.92, JPY: 0.0061 };
  beforeAll(async () => {
    const definitions = await loadDefinitions(store, projectFile('scoring'), projectFile('rules'));
    engine = new Engine({
      store,
      definitions,
      clock: () => NOW,
      log: silentLogger(),
      fullRescoreEveryMs: null,
    });
    await engine.rescoreAll();
  });

  test('amounts are there in the reporting currency, and unknown without a rate', async () => {
    const wanted = byCurrency((currency, _minor, major) =>
      major === null || RATES[currency] === undefined ? null : major * RATES[currency],
    );
    expect(wanted.filter(({ amount }) => amount === null)).toHaveLength(3);
    for (const view of ['subscriptions', 'risks', 'risk_history'])
      expect(await amounts(view, 'arr_reporting')).toEqual(wanted);
    expect(await amounts('outcomes', 'arr_before_reporting')).toEqual(wanted);
    expect(await amounts('risks')).toEqual(byCurrency((_currency, _minor, major) => major));
    expect(await store.rows("SELECT * EXCEPT stored_at FROM currencies WHERE currency = 'JPY'")).toEqual([
      { currency: 'JPY', exponent: 0, minor_units: 1, rate: 0.0061, reporting: 'EUR' },
    ]);
  });

  test('other rates count as soon as their definitions are active, and the earlier ones when they come back', async () => {
    const before = engine.definitions;
    const files = new Map(readTextFiles(projectFile('rules')));
    files.set('currencies.yaml', 'reporting: USD\nrates:\n  EUR: 1.25\n');
    const facts = factCatalogue(before.scoring.catalogue);
    const plan = await verifiedPlan(loadRuleSet(files, { facts }), null);
    if ('reason' in plan) throw new Error(plan.reason);
    const of = async (currency: string) =>
      (
        await store.rows<{ amount: number | null }>(
          `SELECT arr_reporting AS amount FROM risks WHERE currency = {currency:String}`,
          { currency },
        )
      )[0]!.amount;
    await engine.activate({ ...before, plan });
    expect(await Promise.all(['USD', 'EUR', 'JPY'].map(of))).toEqual([100, 10.5 * 1.25, null]);
    await engine.activate(before);
    expect(await Promise.all(['USD', 'EUR', 'JPY'].map(of))).toEqual([92, 10.5, 15_000_000 * 0.0061]);
  });
});

// Bug: `system.columns.comment` and `system.tables.comment` were empty for every view.
test('every view and every column of one has a comment, which SQL tools show', async () => {
  const views = await store.rows<{ name: string; comment: string }>(
    "SELECT name, comment FROM system.tables WHERE database = currentDatabase() AND engine = 'View'",
  );
  expect(views.length).toBeGreaterThan(15);
  expect(views.filter(({ comment }) => comment === '')).toEqual([]);
  const columns = await store.rows<{ name: string }>(
    `SELECT concat(table, '.', name) AS name, comment FROM system.columns
     WHERE database = currentDatabase() AND table IN {views:Array(String)} AND comment = ''`,
    { views: views.map(({ name }) => name) },
  );
  expect(columns).toEqual([]);
});
