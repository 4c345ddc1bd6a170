import { DROPS } from './migration-lock.js';
import { quoteName } from './sql-quote.js';
import type { Store } from './store.js';

/** Days that rows of a kind are kept; 0: for ever. What is not named stays as it is. */
export type Keep = Partial<Readonly<Record<KeptKind, number>>>;

export type KeptKind = keyof typeof KEPT;

/** What can be kept for a time: its tables, and since when a row of them counts as old. */
const KEPT = {
  signals: [
    { table: 'signal_log', since: 'occurred_at' },
    // Else a signal that comes again would count as known, and not be stored.
    { table: 'record_index', since: 'day', where: 'of_signal = 1' },
  ],
  rejected: [{ table: 'rejection_log', since: 'received_at' }],
  risks: [{ table: 'risk_day_log', since: 'day' }],
  events: [{ table: 'decision_event_log', since: 'at' }],
  suppressions: [{ table: 'suppression_day_log', since: 'as_of' }],
  moments: [{ table: 'moment_log', since: 'asked_at' }],
  runs: [
    { table: 'run_log', since: 'ran_at' },
    { table: 'run_risk_log', since: 'computed_at' },
    { table: 'run_decision_log', since: 'stored_at' },
  ],
} as const satisfies Record<string, readonly Aging[]>;

interface Aging {
  readonly table: string;
  readonly since: string;
  readonly where?: string;
}

/**
 * Has the tables keep rows as long as asked. The engine removes older ones when it merges, and begins with what is there already.
 * Returns the tables that were changed.
 */
export async function applyRetention(store: Store, keep: Keep): Promise<string[]> {
  const wanted = Object.entries(keep).flatMap(([kind, days]) =>
    KEPT[kind as KeptKind].map((aging: Aging) => ({ table: aging.table, ttl: ttlOf(aging, days) })),
  );
  if (wanted.length === 0) return [];
  const ttls = await readTtls(store);
  const changed = wanted.filter(({ table, ttl }) => ttls.get(table) !== ttl);
  for (const { table, ttl } of changed) {
    const change = ttl === '' ? 'REMOVE TTL' : `MODIFY TTL ${ttl}`;
    await store.command(`ALTER TABLE ${quoteName(table)} ${change}`, {}, { settings: DROPS });
  }
  return changed.map(({ table }) => table);
}

/** As the engine writes it, so that what is there can be compared. */
function ttlOf({ since, where }: Aging, days: number): string {
  if (days === 0) return '';
  return `${since} + toIntervalDay(${days})${where === undefined ? '' : ` WHERE ${where}`}`;
}

/** For how long the rows of each table are kept, as the engine writes it; empty: for ever. */
export async function readTtls(store: Store): Promise<ReadonlyMap<string, string>> {
  const rows = await store.rows<{ name: string; ttl: string }>(
    `SELECT name, extract(engine_full, ' TTL (.*?)(?: SETTINGS |$)') AS ttl
     FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'`,
  );
  return new Map(rows.map(({ name, ttl }) => [name, ttl]));
}
