import type { Millis } from '../../src/core/clock.js';
import { writeBatch } from '../../src/ingest/batch-writer.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { simulate } from '../../src/simulate/simulate.js';
import type { Store } from '../../src/store/store.js';

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

export async function writeAll(
  store: Store,
  deliveries: readonly Delivery[],
  batchRows = 20_000,
): Promise<void> {
  for (let i = 0; i < deliveries.length; i += batchRows)
    await writeBatch(store, deliveries.slice(i, i + batchRows));
}

export type StoredBytes = { risks: string; decisions: string; suppressions: string };

/** Everything that a pass stores, byte for byte, but for when it was computed. */
export async function storedBytes(store: Store): Promise<StoredBytes> {
  const dump = (view: string, order: string) =>
    store.text(`SELECT * EXCEPT computed_at FROM ${view} ORDER BY ${order} FORMAT TSVWithNames`);
  return {
    risks: await dump('risk_history', 'account_id, subscription_id, as_of, scoring_revision'),
    decisions: await dump('decision_history', 'account_id, subscription_id, decision_id, as_of'),
    suppressions: await dump('suppressions', 'account_id, subscription_id, rule, action, as_of'),
  };
}

/** The first lines that differ, cut short: whole dumps would fill the screen. Empty when the bytes are equal. */
export function differences(actual: StoredBytes, expected: StoredBytes): string[] {
  const names = ['risks', 'decisions', 'suppressions'] as const;
  return names.flatMap((name) => {
    if (actual[name] === expected[name]) return [];
    const [a, e] = [actual[name].split('\n'), expected[name].split('\n')];
    const at = a.findIndex((line, i) => line !== e[i]);
    const shown = (lines: string[]) => (lines[at] ?? '(nothing)').slice(0, 300);
    return [`${name}: ${a.length} and ${e.length} lines; line ${at + 1}: ${shown(a)} instead of ${shown(e)}`];
  });
}
