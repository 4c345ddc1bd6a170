import { expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import { readLatestRisks } from '../../src/store/risk-state.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { business, END, writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';

it('what is taken over from a pass is what reading it back gives, in every field of every subscription', async () => {
  const { store, close } = await tempStore();
  const definitions = await loadDefinitions(store, 'scoring', 'rules');
  let now = END - 30 * DAY_MS;
  const engine = new Engine({
    store,
    definitions,
    clock: () => now,
    log: silentLogger(),
    fullRescoreEveryMs: null,
  });
  await writeAll(store, business({ accounts: 80 }));
  await engine.rescoreAll();
  const ids = await store.rows<{ id: string }>(
    'SELECT DISTINCT subscription_id AS id FROM risks ORDER BY id',
  );
  expect(ids.length).toBeGreaterThan(50);
  for (const { id } of ids) await engine.questions.latest(id);
  now = END;
  await engine.rescoreAll();
  for (const { id } of ids)
    expect([engine.questions.latestInMemory(id)]).toEqual(await readLatestRisks(store, [id]));
  await engine.stop();
  await close();
});
