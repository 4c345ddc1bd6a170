import { afterAll, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { PerennialError } from '../../src/core/errors.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import { readScoringFailures } from '../../src/store/scoring-failures.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { business, END, writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';

const { store, close } = await tempStore();
afterAll(close);

it('live passes count the decisions they open and the accounts they can not score', async () => {
  await writeAll(store, business({ accounts: 30 }));
  const defect = new PerennialError('internal', 'inf or nan to integer conversion');
  let failing = false;
  const picky = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name === 'arrow' && failing)
        return () => {
          throw defect;
        };
      return value.bind(target);
    },
  });
  let now = END;
  const definitions = await loadDefinitions(store, 'scoring', 'rules');
  const metrics = createMetrics();
  const engine = new Engine({
    store: picky,
    definitions,
    clock: () => now,
    log: silentLogger(),
    metrics,
  });
  const { opened, braked } = await engine.rescoreAll();
  expect(opened).toBeGreaterThan(0);
  expect((await metrics.decisionsOpened.get()).values[0]?.value).toBe(opened);
  expect((await metrics.decisionsBraked.get()).values[0]?.value).toBe(braked);
  expect((await metrics.accountsFailed.get()).values[0]?.value).toBe(0);

  const rows = await store.rows<{ id: string }>(
    'SELECT DISTINCT account_id AS id FROM accounts ORDER BY id LIMIT 2',
  );
  const accounts = rows.map(({ id }) => id);
  failing = true;
  const { failures } = await engine.rescoreAccounts(accounts);
  expect(failures.flatMap(({ accounts }) => accounts)).toEqual(accounts);
  expect((await metrics.accountsFailed.get()).values[0]?.value).toBe(2);
  expect(await readScoringFailures(store, END)).toMatchObject({
    accounts: 2,
    first: accounts.map((accountId) => ({ accountId, reason: defect.message })),
  });
  failing = false;
  now += 60_000;
  await engine.rescoreAccounts(accounts);
  expect(await readScoringFailures(store, now)).toEqual({ accounts: 0, first: [] });

  // A pass that wants to open more than the brake lets through.
  const { plan } = definitions;
  await engine.activate({
    ...definitions,
    plan: { ...plan, set: { ...plan.set, brake: { maxOpened: 0, maxSharePct: 0 } } },
  });
  now += 200 * DAY_MS;
  const held = await engine.rescoreAll();
  expect(held.braked).toBeGreaterThan(0);
  expect((await metrics.decisionsBraked.get()).values[0]?.value).toBe(braked + held.braked);
  await engine.stop();
});
