import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
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
      contract({
        accountId: `a${currency}`,
        subscriptionId: 'main',
        occurredAt: T,
        start: T,
        arrMinor,
        currency,
      }),
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

describe('features, with a column for each', () => {
  // Bug: `avg(features['nps_latest'])` was nan, and `features['typo']` was 0.
  test('are NULL where they are not known, and a typo is an error', async () => {
    const { features } = engine.definitions.scoring.catalogue;
    for (const view of ['features_current', 'features_history']) {
      const columns = await store.rows<{ name: string; type: string }>(
        'SELECT name, type FROM system.columns WHERE table = {view:String} AND database = currentDatabase() ORDER BY position',
        { view },
      );
      expect(columns.slice(4)).toEqual(
        features.map(({ name, type }) => ({
          name,
          type: type === 'boolean' ? 'Nullable(Bool)' : 'Nullable(Float64)',
        })),
      );
      expect(await store.rows(`SELECT avg(nps_latest) AS mean, count() AS rows FROM ${view}`)).toEqual([
        { mean: null, rows: AMOUNTS.length },
      ]);
      await expect(store.rows(`SELECT nps_latst FROM ${view}`)).rejects.toThrow(/nps_latst/);
    }
    const source = features.map(
      ({ name }) =>
        `sum(isNaN(features['${name}']) != isNull(f.${name}) OR ifNull(features['${name}'] != f.${name}, false)) AS ${name}`,
    );
    const [differ] = await store.rows<Record<string, number>>(
      `SELECT ${source.join(', ')} FROM risks AS r INNER JOIN features_current AS f USING (account_id, subscription_id)`,
    );
    expect(Object.values(differ!).filter((count) => count !== 0)).toEqual([]);
    expect(await store.rows('SELECT DISTINCT tenure_days FROM features_current')).toEqual([
      { tenure_days: (NOW - T) / DAY_MS },
    ]);
  });

  test('follow the catalogue that is active', async () => {
    const before = engine.definitions;
    const catalogue = {
      ...before.scoring.catalogue,
      features: before.scoring.catalogue.features.slice(0, 2),
    };
    await engine.activate({
      ...before,
      scoring: { ...before.scoring, catalogue, revision: 'another', scorecards: [] },
    });
    const names = async () =>
      (
        await store.rows<{ name: string }>(
          "SELECT name FROM system.columns WHERE table = 'features_current' AND database = currentDatabase()",
        )
      ).length;
    expect(await names()).toBe(4 + 2);
    await engine.activate(before);
    expect(await names()).toBe(4 + before.scoring.catalogue.features.length);
  });

  test('are traced from the signals that they read to the scorecards and rules that use them', async () => {
    const of = (feature: string) =>
      store.rows(
        'SELECT relation, name, weight FROM lineage WHERE feature = {feature:String} ORDER BY relation, name',
        { feature },
      );
    const card = engine.definitions.scoring.scorecards.find(({ when }) => when === null)!;
    const { name, weight } = card.features.find((feature) => feature.name === 'nps_latest')!;
    expect(await of('nps_latest')).toEqual(
      expect.arrayContaining([
        { relation: 'reads_signals', name: 'nps_response', weight: null },
        { relation: 'in_scorecard', name: card.name, weight },
      ]),
    );
    expect(name).toBe('nps_latest');
    expect(await of('tenure_days')).toContainEqual({
      relation: 'reads_contract',
      name: 'start',
      weight: null,
    });
    const traced = await store.rows<{ feature: string }>(
      "SELECT DISTINCT feature FROM lineage WHERE relation IN ('reads_signals', 'reads_contract')",
    );
    expect(traced.length).toBe(engine.definitions.scoring.catalogue.features.length);
    const { rules } = engine.definitions.plan.set;
    const used = await store.rows<{ name: string }>(
      "SELECT DISTINCT name FROM lineage WHERE relation = 'in_rule'",
    );
    expect(used.length).toBeGreaterThan(3);
    for (const rule of used) expect(rules.map((one) => one.name)).toContain(rule.name);
  });
});

test('that definitions can not be shown stops no pass, and the next one shows them', async () => {
  const before = engine.definitions;
  await store.command('RENAME TABLE lineage_log TO lineage_log_away');
  await engine.activate({ ...before, scoring: { ...before.scoring, revision: 'shown-later' } });
  expect((await engine.rescoreAll()).subscriptions).toBe(AMOUNTS.length);
  await store.command('RENAME TABLE lineage_log_away TO lineage_log');
  await engine.rescoreAll();
  expect(await store.rows('SELECT DISTINCT scoring_revision FROM lineage')).toEqual([
    { scoring_revision: 'shown-later' },
  ]);
  await engine.activate(before);
});

// Bug: a migration that made `decisions` anew left its money out.
test('every amount in minor units is there in major units, too', async () => {
  const columns = await store.rows<{ table: string; name: string }>(
    `SELECT table, name FROM system.columns WHERE database = currentDatabase()
     AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View')`,
  );
  const all = new Set(columns.map(({ table, name }) => `${table}.${name}`));
  const minor = [...all].filter((name) => name.endsWith('_minor'));
  expect(minor.length).toBeGreaterThan(10);
  expect(minor.filter((name) => !all.has(name.replace(/_minor$/, '')))).toEqual([]);
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
