import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { steadyClock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { quoteName, quoteText } from './sql-quote.js';
import type { Store } from './store.js';

/** What a migration drops, it means to: the HTTP interface holds back a slip of others. */
export const DROPS = { max_table_size_to_drop: 0, max_partition_size_to_drop: 0 } as const;

/** A table that only one process at a time can make: ClickHouse has no other lock. Its comment names the owner. */
const TABLE = 'perennial_migrating';
/** What a lock that was taken over is renamed to, with the owner that was lost. */
const LOST = `${TABLE}_lost_`;

export interface LockTimes {
  /** How often the owner says that it is alive. */
  readonly beatMs: number;
  /** Without a beat for so long, by the store's clock, the owner is taken for dead. */
  readonly staleMs: number;
  /** How often others look. */
  readonly lookMs: number;
  /** How long others wait. */
  readonly waitMs: number;
}

const TIMES: LockTimes = { beatMs: 5_000, staleMs: 60_000, lookMs: 500, waitMs: 600_000 };

/** What the work of the owner has of its lock. */
export interface MigrationLock {
  /** Throws `unavailable` when another process has taken the lock over: this one was silent for too long. */
  assertStillOwner(): Promise<void>;
}

/**
 * Runs work while no other process migrates this store; waits for one that does, and takes over from one that is silent. Throws
 * `unavailable` when that takes longer than ten minutes. The work asks its lock before each statement that changes something.
 */
export async function withMigrationLock<T>(
  store: Store,
  work: (lock: MigrationLock) => Promise<T>,
  times: LockTimes = TIMES,
): Promise<T> {
  const owner = randomUUID();
  let beatenAt = await acquire(store, owner, times);
  const beating = setInterval(
    () =>
      void beat(store, owner).then(
        (at) => (beatenAt = at),
        () => {},
      ),
    times.beatMs,
  );
  const assertStillOwner = async () => {
    // While the latest beat is young no other process can have taken the lock.
    if (steadyClock() - beatenAt > times.staleMs / 2) await assertOwner(store, owner);
  };
  try {
    return await work({ assertStillOwner });
  } finally {
    clearInterval(beating);
    await release(store, owner);
  }
}

/** Waits for the lock, and takes it; when the first beat was sent. */
async function acquire(store: Store, owner: string, { staleMs, lookMs, waitMs }: LockTimes): Promise<number> {
  const until = steadyClock() + waitMs;
  while (!(await make(store, owner))) {
    const holder = await read(store);
    if (holder !== undefined && holder.silentMs > staleMs) {
      // Of several who see this one succeeds, and none takes a lock made since: the new name is there already then.
      const taken = await store.command(`RENAME TABLE ${TABLE} TO ${quoteName(LOST + holder.owner)}`).then(
        () => true,
        () => false,
      );
      if (taken) continue;
    }
    if (steadyClock() > until) {
      throw new PerennialError(
        'unavailable',
        `${holder?.host ?? 'Another process'} has been migrating ${store.name} for ${Math.round(waitMs / 60_000)} minutes.`,
        { hint: `If it does not, drop the table ${TABLE} and try again.` },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
  return await beat(store, owner);
}

/** Whether this process has made the table. Its comment says who made it, where, and when by the store's clock. */
async function make(store: Store, owner: string): Promise<boolean> {
  const [now] = await store.rows<{ ms: number }>('SELECT toUnixTimestamp64Milli(now64(3)) AS ms');
  try {
    await store.command(
      `CREATE TABLE ${TABLE} (owner String, at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = MergeTree ORDER BY at
       COMMENT ${quoteText(`${owner} ${hostname()} ${now!.ms}`)}`,
    );
    return true;
  } catch (thrown) {
    if (PerennialError.from(thrown).message.includes('already exists')) return false;
    throw thrown;
  }
}

/** Lets go of the lock, unless it is another's by now, and of what was taken over. */
async function release(store: Store, owner: string): Promise<void> {
  if ((await read(store))?.owner === owner) await drop(store, TABLE);
  const lost = await store.rows<{ name: string }>(
    'SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, {lost:String})',
    { lost: LOST },
  );
  for (const { name } of lost) await drop(store, name);
}

function drop(store: Store, table: string): Promise<void> {
  return store.command(`DROP TABLE IF EXISTS ${quoteName(table)} SYNC`, {}, { settings: DROPS });
}

/** Says that the owner is alive; when it was certain to have the lock, by this process's clock. */
async function beat(store: Store, owner: string): Promise<number> {
  const at = steadyClock();
  await assertOwner(store, owner);
  try {
    await store.command(`INSERT INTO ${TABLE} (owner) SELECT {owner:String}`, { owner }, { lane: 'serve' });
  } catch (thrown) {
    // Taken over in between, it is not there any more.
    await assertOwner(store, owner);
    throw thrown;
  }
  return at;
}

async function assertOwner(store: Store, owner: string): Promise<void> {
  const holder = await read(store);
  if (holder?.owner === owner) return;
  throw new PerennialError(
    'unavailable',
    `${holder?.host ?? 'Another process'} has taken over the migration of ${store.name}: this process was silent for too long.`,
    { hint: 'Start again: what is missing by then is applied.' },
  );
}

/** Who has the lock, and for how long it has said nothing; before its first beat, since it began to make the table. Undefined: nobody. */
async function read(store: Store): Promise<{ owner: string; host: string; silentMs: number } | undefined> {
  // Not the table's own times: while it is being made they are those of 1970.
  const [made] = await store.rows<{ comment: string; ms: number }>(
    `SELECT comment, toUnixTimestamp64Milli(now64(3)) AS ms FROM system.tables
     WHERE database = currentDatabase() AND name = '${TABLE}'`,
  );
  if (made === undefined) return undefined;
  const [owner = '', host = '', since = ''] = made.comment.split(' ');
  const beats = await store
    .rows<{ silentMs: number }>(
      `SELECT dateDiff('millisecond', max(at), now64(3)) AS silentMs FROM ${TABLE} WHERE owner = {owner:String} HAVING count() > 0`,
      { owner },
    )
    // It is gone since, or not made to the end.
    .catch(() => []);
  return { owner, host, silentMs: beats[0]?.silentMs ?? (since === '' ? 0 : made.ms - Number(since)) };
}
