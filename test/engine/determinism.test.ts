import { afterEach, describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { Ledger } from '../../src/decisions/shared-limits.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import { LiveSink } from '../../src/engine/live-sink.js';
import { pagesOfAccounts } from '../../src/engine/pages.js';
import { runPass } from '../../src/engine/pass.js';
import { featuresAt, halving } from '../../src/engine/pass-ports.js';
import { StayingConditions } from '../../src/engine/staying-conditions.js';
import { StoredPast } from '../../src/engine/stored-past.js';
import { whatIf } from '../../src/engine/what-if.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import type { Store } from '../../src/store/store.js';
import { silentLogger } from '../../src/telemetry/log.js';
import {
  business,
  businessOf,
  differences,
  END,
  runBytes,
  storedBytes,
  writeAll,
} from '../support/business.js';
import { type Contents, tempStore } from '../support/temp-store.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const { close } of open.splice(0)) await close();
});

async function openedStore(contents?: Contents): Promise<Store> {
  const temp = await tempStore(contents);
  open.push(temp);
  return temp.store;
}

async function engineOn(store: Store, now: () => number = () => END): Promise<Engine> {
  const definitions = await loadDefinitions(store, 'scoring', 'rules');
  return new Engine({ store, definitions, clock: now, log: silentLogger(), fullRescoreEveryMs: null });
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
    const plain = await openedStore();
    await writeAll(plain, deliveries);
    const summary = await (await engineOn(plain)).rescoreAll();
    const expected = await storedBytes(plain);
    expect(summary.subscriptions).toBeGreaterThan(50);
    expect(summary.opened).toBeGreaterThan(5);
    expect(expected.risks.split('\n').length).toBe(summary.subscriptions + 2);
    expect(expected.decisions.split('\n').length).toBe(summary.opened + 2);
    expect(summary.suppressed).toBeGreaterThan(0);

    await open.pop()!.close();
    const store = await openedStore();
    const repeated: Delivery[] = [...deliveries, ...deliveries.filter((_, i) => i % 50 === 0)];
    await writeAll(store, shuffled(repeated), 1_777);
    const other = await engineOn(store);
    const { definitions } = other;
    await other.activate(definitions);
    const ledger = new Ledger();
    const options = { store, scoring: definitions.scoring, clock: () => END + 1, listeners: [] };
    await runPass(
      {
        features: featuresAt(store, definitions.scoring, END),
        past: new StoredPast(store),
        sink: new LiveSink(options),
        limits: Object.assign(ledger, {
          prepare: (running: number) => ledger.setBrake(definitions.plan.set.brake, running),
        }),
        staying: new StayingConditions(store, definitions.plan.set),
        halve: halving(store, END),
      },
      definitions,
      pagesOfAccounts(store, END, 7),
      END,
    );
    expect(differences(await storedBytes(store), expected)).toEqual([]);
  });

  it('asked again as of a time with what was known then gives the same, also once later signals and passes are in', async () => {
    const store = await openedStore();
    const at = END - 30 * DAY_MS;
    const ask = async (run: string) => {
      const { definitions } = await engineOn(store);
      await (await engineOn(store)).activate(definitions);
      for await (const _ of whatIf({ store, definitions, clock: () => END, times: [at], knownAt: at, run }));
      const { risks, decisions } = await runBytes(store);
      const of = (text: string) =>
        text
          .split('\n')
          .filter((line) => line.startsWith(`${run}\t`))
          .map((line) => line.slice(run.length));
      return { risks: of(risks), decisions: of(decisions) };
    };
    await writeAll(
      store,
      deliveries.filter(({ receivedAt }) => receivedAt <= at),
    );
    const then = await ask('then');
    expect(then.decisions.length).toBeGreaterThan(5);
    await writeAll(
      store,
      deliveries.filter(({ receivedAt }) => receivedAt > at),
    );
    await (await engineOn(store)).rescoreAll();
    expect(await ask('later')).toEqual(then);
  });
});

describe('a pass', () => {
  it('stores contributions that sum to the risk within 1e-9', async () => {
    const store = await openedStore();
    await writeAll(store, business({ accounts: 40, days: 200 }));
    await (await engineOn(store)).rescoreAll();
    const [row] = await store.rows<{ worst: number; scored: number }>(
      'SELECT max(abs(arraySum(contributions) - risk)) AS worst, count() AS scored FROM risk_state WHERE NOT gone',
    );
    expect(row!.scored).toBeGreaterThan(20);
    expect(row!.worst).toBeLessThan(1e-9);
  });

  it('opens a decision once: scoring on does not repeat it, and time closes it', async () => {
    const store = await openedStore(businessOf());
    let now = END;
    const engine = await engineOn(store, () => now);
    const first = await engine.rescoreAll();
    now += 3_600_000;
    const second = await engine.rescoreAll();
    expect(first.opened).toBeGreaterThan(0);
    expect(second.opened).toBeLessThan(first.opened / 4);
    now = END + 180 * DAY_MS;
    const silent = await engine.rescoreAll();
    expect(silent.closed).toBeGreaterThan(0);
    const rows = await store.rows<{ status: string }>(
      'SELECT DISTINCT status FROM decisions WHERE closed_at IS NOT NULL',
    );
    expect(rows.map(({ status }) => status)).toContain('lapsed');
  });

  it('sees what another pass decided in the same millisecond, or by a clock that is ahead', async () => {
    const store = await openedStore(businessOf());
    const first = await (await engineOn(store)).rescoreAll();
    expect(first.opened).toBeGreaterThan(0);
    for (const now of [END, END - 60_000]) {
      const again = await (await engineOn(store, () => now)).rescoreAll();
      expect(again.asOf).toBeGreaterThan(first.asOf);
      expect(again.opened).toBeLessThan(first.opened / 4);
    }
    const offers = await store.rows<{ most: number }>(
      `SELECT max(n) AS most FROM (SELECT count() AS n FROM decisions WHERE kind = 'offer' AND closed_at IS NULL
       GROUP BY account_id, subscription_id)`,
    );
    expect(offers).toEqual([{ most: 1 }]);
  });
});
