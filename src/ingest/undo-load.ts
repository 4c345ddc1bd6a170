import type { Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { undoneVersions } from '../signals/undone-versions.js';
import type { Version } from '../signals/versions.js';
import { markEmptied } from '../store/accounts.js';
import { type Load, readLoad, saveLoad, undoneLoads } from '../store/load-log.js';
import { movedOf, settleMoves } from '../store/moved-subscriptions.js';
import { OUTCOMES } from '../store/outcome-log.js';
import type { RecordTable } from '../store/record-table.js';
import { SIGNALS } from '../store/signal-log.js';
import type { Store } from '../store/store.js';
import { countOfLoad, readRecordsOfLoad } from '../store/stored-versions.js';
import { SUBSCRIPTIONS } from '../store/subscription-log.js';
import { insertVersions } from '../store/write-records.js';
import { alone } from './alone.js';

/** Records at a time: their versions are held in memory. */
const AT_ONCE = 50_000;

export interface UndoneLoad {
  readonly load: Load;
  /** Records that the load had brought, and that are gone now. */
  readonly removed: number;
  /** Records that hold again as they did without the load. */
  readonly restored: number;
  /** Records that the load had brought, and that stay: they came from elsewhere, too. */
  readonly kept: number;
  readonly accounts: readonly string[];
}

/** Records that a load brought or ended. */
export async function recordsOfLoad(store: Store, id: string): Promise<number> {
  let records = 0;
  for (const of of [SIGNALS, SUBSCRIPTIONS, OUTCOMES] as unknown as readonly RecordTable<never>[])
    records += await countOfLoad(store, of, id);
  return records;
}

/**
 * Undoes a load from now on: records are as they would be without it. What came after it stays, and what was known in between is still
 * what was known then. Throws `failed_precondition` for one that was undone before. Of one that still runs what it has brought so far
 * is undone; when it ends it can be undone again.
 */
export async function undoLoad(
  store: Store,
  id: string,
  { by, reason, now }: { readonly by: string; readonly reason: string; readonly now: Millis },
): Promise<UndoneLoad> {
  return alone(store, async () => {
    const load = await readLoad(store, id);
    if (load.status === 'undone')
      throw new PerennialError('failed_precondition', `The load ${id} was undone already.`);
    const without = new Set([...(await undoneLoads(store)), id]);
    const undoing = { id, without, now, accounts: new Set<string>(), removed: 0, restored: 0, kept: 0 };
    // First: should this die half way, undoing it again does the rest.
    await undoTable(store, SIGNALS, undoing);
    await undoTable(store, SUBSCRIPTIONS, undoing);
    await undoTable(store, OUTCOMES, undoing);
    const accounts = [...undoing.accounts].sort();
    await settleMoves(store, await movedOf(store, accounts));
    await markEmptied(store, accounts);
    const undone = { ...load, status: 'undone' as const, undoneAt: now, undoneBy: by, undoneReason: reason };
    await saveLoad(store, undone);
    const { removed, restored, kept } = undoing;
    return { load: undone, removed, restored, kept, accounts };
  });
}

interface Undoing {
  readonly id: string;
  readonly without: ReadonlySet<string>;
  readonly now: Millis;
  readonly accounts: Set<string>;
  removed: number;
  restored: number;
  kept: number;
}

async function undoTable<T>(store: Store, of: RecordTable<T>, undoing: Undoing): Promise<void> {
  const parts = Math.ceil((await countOfLoad(store, of, undoing.id)) / AT_ONCE);
  for (let part = 0; part < parts; part++) {
    const changes: Version<T>[] = [];
    for (const record of (await readRecordsOfLoad(store, of, undoing.id, part, parts)).values()) {
      const { changed, removed, restored, kept } = undoneVersions(
        record,
        undoing.id,
        undoing.without,
        undoing.now,
      );
      for (const version of changed) changes.push(version);
      undoing.removed += Number(removed);
      undoing.restored += Number(restored);
      undoing.kept += Number(kept);
      if (removed || restored)
        for (const { value } of record.versions) undoing.accounts.add(of.accountOf(value));
    }
    await insertVersions(store, of, changes);
  }
}
