import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { PerennialError } from '../core/errors.js';
import type { Store } from './store.js';

/** What a migration drops, it means to: the HTTP interface holds back a slip of others. */
export const DROPS = { max_table_size_to_drop: 0, max_partition_size_to_drop: 0 } as const;

/** A table that only one process at a time can make: ClickHouse has no other lock. */
const TABLE = 'perennial_migrating';
const BEAT_MS = 5_000;
/** Without a beat for so long, by the store's clock, its owner is taken for dead. */
const STALE_SECONDS = 60;
const LOOK_MS = 500;
const WAIT_MS = 600_000;

/**
 * Runs work while no other process migrates this store; waits for one that does. Throws `unavailable` when that takes longer than
 * ten minutes.
 */
export async function withMigrationLock<T>(store: Store, work: () => Promise<T>): Promise<T> {
  const owner = randomUUID();
  await acquire(store, owner);
  const beating = setInterval(() => void beat(store, owner).catch(() => {}), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beating);
    await drop(store, TABLE);
  }
}

async function acquire(store: Store, owner: string): Promise<void> {
  const until = performance.now() + WAIT_MS;
  while (!(await make(store))) {
    const holder = await read(store);
    if (holder !== undefined && holder.silent > STALE_SECONDS) {
      // Of several who see this one succeeds: the others find the table renamed, or made anew.
      const aside = `${TABLE}_${owner.replaceAll('-', '')}`;
      await store.command(`RENAME TABLE ${TABLE} TO ${aside}`).catch(() => {});
      await drop(store, aside);
      continue;
    }
    if (performance.now() > until) {
      throw new PerennialError(
        'unavailable',
        `${holder?.host ?? 'Another process'} has been migrating ${store.name} for ten minutes.`,
        {
          hint: `If it does not, drop the table ${TABLE} and try again.`,
        },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  await beat(store, owner);
}

/** Whether this process has made the table. */
async function make(store: Store): Promise<boolean> {
  try {
    await store.command(
      `CREATE TABLE ${TABLE} (owner String, host String, at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = MergeTree ORDER BY at`,
    );
    return true;
  } catch (thrown) {
    if (PerennialError.from(thrown).message.includes('already exists')) return false;
    throw thrown;
  }
}

function drop(store: Store, table: string): Promise<void> {
  return store.command(`DROP TABLE IF EXISTS ${table} SYNC`, {}, { settings: DROPS });
}

async function beat(store: Store, owner: string): Promise<void> {
  await store.command(
    `INSERT INTO ${TABLE} (owner, host) SELECT {owner:String}, {host:String}`,
    { owner, host: hostname() },
    { lane: 'serve' },
  );
}

/** The latest beat; of a table that has none the time it was made. Undefined when it is gone. */
async function read(store: Store): Promise<{ host: string; silent: number } | undefined> {
  try {
    const [row] = await store.rows<{ host: string; silent: number }>(
      `SELECT argMax(host, at) AS host, dateDiff('second', greatest(max(at), (
           SELECT max(metadata_modification_time) FROM system.tables WHERE database = currentDatabase() AND name = '${TABLE}'
         )), now64(3)) AS silent FROM ${TABLE}`,
    );
    return row;
  } catch {
    return undefined;
  }
}
