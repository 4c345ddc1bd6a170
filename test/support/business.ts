import type { Millis } from '../../src/core/clock.js';
import { writeBatch } from '../../src/ingest/batch-writer.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { simulate } from '../../src/simulate/simulate.js';
import type { Store } from '../../src/store/store.js';
import type { Contents } from './temp-store.js';

/** Midnight at which the simulated business of the tests ends. */
export const END: Millis = Date.UTC(2026, 0, 1);

/** A small simulated business as deliveries, in the order of their arrival. */
export function business(options: { seed?: number; accounts?: number; days?: number } = {}): Delivery[] {
  const { records } = simulate({
    seed: options.seed ?? 1,
    accounts: options.accounts ?? 60,
    days: options.days ?? 365,
    end: END,
  });
  return Array.from(records(), (record, offset) => ({
    ...record,
    origin: { topic: 'simulated', partition: 0, offset },
  }));
}

/** The same for stores that hold it from their beginning. */
export function businessOf(accounts = 60): Contents {
  return {
    name: `business-${accounts}`,
    write: (store) => writeAll(store, business({ accounts })),
  };
}

export async function writeAll(
  store: Store,
  deliveries: readonly Delivery[],
  batchRows = 20_000,
): Promise<void> {
  for (let i = 0; i < deliveries.length; i += batchRows)
    await writeBatch(store, deliveries.slice(i, i + batchRows));
}

export type StoredBytes = { risks: string; decisions: string; suppressions: string };

/** Everything that live passes store, byte for byte, but for when it was computed and stored. */
export async function storedBytes(store: Store): Promise<StoredBytes> {
  return {
    risks: await dump(store, 'risk_history', 'account_id, subscription_id, as_of'),
    decisions: await dump(store, 'decision_event_log', 'account_id, subscription_id, decision_id, version'),
    suppressions: await dump(store, 'suppressions', 'account_id, subscription_id, rule, action, as_of'),
  };
}

/** The same of what-ifs that were kept as runs. */
export async function runBytes(store: Store): Promise<Omit<StoredBytes, 'suppressions'>> {
  return {
    risks: await dump(store, 'run_risks', 'run, account_id, subscription_id, as_of'),
    decisions: await dump(
      store,
      'run_decision_log',
      'run, account_id, subscription_id, decision_id, version',
    ),
  };
}

function dump(store: Store, table: string, order: string): Promise<string> {
  const when =
    { risk_history: 'computed_at', run_risks: 'computed_at', suppressions: '' }[table] ?? 'stored_at';
  return store.text(
    `SELECT * ${when === '' ? '' : `EXCEPT ${when}`} FROM ${table} ORDER BY ${order} FORMAT TSVWithNames`,
  );
}

/** The first lines that differ, cut short: whole dumps would fill the screen. Empty when the bytes are equal. */
export function differences(actual: Partial<StoredBytes>, expected: Partial<StoredBytes>): string[] {
  const names = ['risks', 'decisions', 'suppressions'] as const;
  return names.flatMap((name) => {
    if (actual[name] === expected[name]) return [];
    const [a, e] = [(actual[name] ?? '').split('\n'), (expected[name] ?? '').split('\n')];
    const at = a.findIndex((line, i) => line !== e[i]);
    const shown = (lines: string[]) => (lines[at] ?? '(nothing)').slice(0, 300);
    return [`${name}: ${a.length} and ${e.length} lines; line ${at + 1}: ${shown(a)} instead of ${shown(e)}`];
  });
}
