import { afterEach, describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import { pagesOfAccounts } from '../../src/engine/pages.js';
import { runPass } from '../../src/engine/pass.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import type { Store } from '../../src/store/store.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { business, differences, END, storedBytes, writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const { close } of open.splice(0)) await close();
});

async function emptyStore(): Promise<Store> {
  const temp = await tempStore();
  open.push(temp);
  return temp.store;
}

async function engineOn(store: Store, now = END): Promise<Engine> {
  const definitions = await loadDefinitions(store, 'scoring', 'rules');
  return new Engine({ store, definitions, clock: () => now, log: silentLogger(), fullRescoreEveryMs: null });
}

/** A fixed shuffle, so that a failure can be seen again. */
function shuffled<T>(items: readonly T[]): T[] {
  const out = [...items];
  let state = 12345;
  for (let i = out.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    const j = state % (i + 1);
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}

describe('the same input', () => {
  const deliveries = business();

  it('gives byte-equal risks and decisions, whatever the order of arrival and the sizes of batches and pages', async () => {
    const plain = await emptyStore();
    await writeAll(plain, deliveries);
    const first = await engineOn(plain);
    const summary = await first.scoreAll(END);
    const expected = await storedBytes(plain);
    expect(summary.subscriptions).toBeGreaterThan(50);
    expect(summary.opened).toBeGreaterThan(5);
    expect(expected.risks.split('\n').length).toBe(summary.subscriptions + 2);
    expect(expected.decisions.split('\n').length).toBe(summary.opened + 2);
    expect(expected.suppressions.split('\n').length).toBe(summary.suppressed + 2);
    expect(summary.suppressed).toBeGreaterThan(0);

    await open.pop()!.close();
    const other = await emptyStore();
    const repeated: Delivery[] = [...deliveries, ...deliveries.filter((_, i) => i % 50 === 0)];
    await writeAll(other, shuffled(repeated), 1_777);
    const second = await engineOn(other);
    const { definitions } = second;
    await second.use(definitions);
    await runPass({ store: other, definitions, clock: () => END + 1 }, pagesOfAccounts(other, END, 7), END);
    expect(differences(await storedBytes(other), expected)).toEqual([]);
  });

  it('scored again as of the same time changes nothing, also once later signals and later passes are in', async () => {
    const store = await emptyStore();
    const at = END - 30 * DAY_MS;
    await writeAll(
      store,
      deliveries.filter(({ receivedAt }) => receivedAt <= at),
    );
    const engine = await engineOn(store);
    await engine.scoreAll(at, at);
    const then = await storedBytes(store);
    await writeAll(
      store,
      deliveries.filter(({ receivedAt }) => receivedAt > at),
    );
    await engine.scoreAll(at, at);
    expect(differences(await storedBytes(store), then)).toEqual([]);
    await engine.scoreAll(END);
    await engine.scoreAll(at, at);
    const later = await storedBytes(store);
    for (const [name, bytes] of Object.entries(then) as [keyof typeof then, string][]) {
      const now = new Set(later[name].split('\n'));
      expect(bytes.split('\n').filter((line) => !now.has(line))).toEqual([]);
    }
  });
});

describe('a pass', () => {
  it('stores contributions that sum to the risk within 1e-9', async () => {
    const store = await emptyStore();
    await writeAll(store, business({ accounts: 40, days: 200 }));
    await (await engineOn(store)).scoreAll(END);
    const [row] = await store.rows<{ worst: number; scored: number }>(
      'SELECT max(abs(arraySum(contributions) - risk)) AS worst, count() AS scored FROM risk_log',
    );
    expect(row!.scored).toBeGreaterThan(20);
    expect(row!.worst).toBeLessThan(1e-9);
  });

  it('opens a decision once: scoring on does not repeat it, and closes it when its rule no longer fires', async () => {
    const store = await emptyStore();
    await writeAll(store, business());
    const engine = await engineOn(store);
    const first = await engine.scoreAll(END);
    const second = await engine.scoreAll(END + 3_600_000);
    expect(first.opened).toBeGreaterThan(0);
    expect(second.opened).toBeLessThan(first.opened / 4);
    // Half a year of silence later nobody is like that any more.
    const silent = await engine.scoreAll(END + 180 * DAY_MS);
    expect(silent.closed).toBeGreaterThan(0);
    const rows = await store.rows<{ status: string }>(
      `SELECT DISTINCT status FROM decisions WHERE closed_at IS NOT NULL ORDER BY status`,
    );
    expect(rows.map(({ status }) => status)).toContain('expired');
  });

  it('sees what another pass decided in the same millisecond, or by a clock that is ahead', async () => {
    const store = await emptyStore();
    await writeAll(store, business());
    const first = await (await engineOn(store, END)).scoreAll();
    expect(first.opened).toBeGreaterThan(0);
    for (const now of [END, END - 60_000]) {
      const again = await (await engineOn(store, now)).scoreAll();
      expect(again.asOf).toBeGreaterThan(first.asOf);
      expect(again.opened).toBeLessThan(first.opened / 4);
    }
    const offers = await store.rows<{ most: number }>(
      `SELECT max(n) AS most FROM (SELECT count() AS n FROM decisions WHERE kind = 'offer' AND status IN ('open', 'pending_approval')
       GROUP BY account_id, subscription_id)`,
    );
    expect(offers).toEqual([{ most: 1 }]);
  });
});
