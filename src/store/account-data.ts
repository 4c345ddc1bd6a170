import type { Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { dateTime64 } from '../core/sql-time.js';
import { hashOfName } from './erased-names.js';
import { REJECTION_KEY, rejectionsNaming } from './rejections-naming.js';
import { quoteName, quoteText } from './sql-quote.js';
import type { Store } from './store.js';

/** How long writers that began before the erasure may still write what they had read. */
const SETTLE_MS = 10_000;
/** Until old parts are gone, should the engine not look for them when it is asked to: by itself it does so every half minute to five. */
const PARTS_GONE_MS = 300_000;
const LOOK_MS = 1_000;
/** Looks before which the engine is woken: it may have come too early for the parts that the mutation itself makes old. */
const WAKES = 5;
/**
 * What was superseded is otherwise kept on disk for eight minutes. With the last two the engine looks for it when a mutation comes and
 * a table has two old parts.
 */
const NOTHING_OLD = {
  old_parts_lifetime: 0,
  cleanup_delay_period: 1,
  cleanup_thread_preferred_points_per_iteration: 1,
};
const REJECTIONS = 'rejection_log';

/** All that a store holds of one account, table by table, as rows of the tables. Refused messages that name it are among them. */
export async function* exportAccount(
  store: Store,
  account: string,
): AsyncGenerator<{ readonly table: string; readonly row: Record<string, unknown> }> {
  assertNamed(account);
  for (const table of await accountTables(store)) {
    const sql = `SELECT * FROM ${quoteName(table)} WHERE account_id = {account:String}`;
    for (const row of await store.rows<Record<string, unknown>>(sql, { account }, { lane: 'batch' }))
      yield { table, row };
  }
  const names = [account, ...(await subscriptionsOf(store, account))];
  for (const key of await rejectionsNaming(store, names))
    for (const row of await store.rows<Record<string, unknown>>(
      `SELECT * FROM ${REJECTIONS} WHERE ${REJECTION_KEY} = {key:UInt64}`,
      { key },
      { lane: 'batch' },
    ))
      yield { table: REJECTIONS, row };
}

/** Every refused message names an account without an id, as a variable that is not set would ask for. */
function assertNamed(account: string): void {
  if (account === '') throw new PerennialError('invalid_argument', 'The account has no id.');
}

export interface Erasure {
  /** Rows that went, by table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Whether the files that held them are gone too; else the engine removes them within minutes. */
  readonly filesGone: boolean;
}

/**
 * Erases an account from every table, refused messages that name it or its subscriptions included, and has it stay out: it is on the
 * list of erased names before the first row goes. Resolves when the parts of tables that held it have left the disk.
 */
export async function eraseAccount(store: Store, account: string, now: Millis): Promise<Erasure> {
  assertNamed(account);
  const subscriptions = await subscriptionsOf(store, account);
  await list(store, 'account', [account], now);
  await list(store, 'subscription', subscriptions, now);
  const rows: Record<string, number> = {};
  const tables = await accountTables(store);
  await eraseRows(store, account, tables, subscriptions, rows);
  if (store.shared) {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    await eraseRows(store, account, tables, subscriptions, rows);
  }
  return { rows, filesGone: await oldPartsGone(store, [...tables, REJECTIONS]) };
}

async function list(store: Store, kind: string, names: readonly string[], now: Millis): Promise<void> {
  if (names.length === 0) return;
  await store.command(
    `INSERT INTO erased_names SELECT {kind:String}, arrayJoin({hashes:Array(String)}), {now:DateTime64(3, 'UTC')}`,
    { kind, hashes: names.map(hashOfName), now: dateTime64(now) },
  );
}

/** Conditions name the account by its hash: the engine keeps the text of a mutation in a file. */
async function eraseRows(
  store: Store,
  account: string,
  tables: readonly string[],
  subscriptions: readonly string[],
  rows: Record<string, number>,
): Promise<void> {
  for (const table of tables) {
    const count = await countOf(
      store,
      `SELECT count() AS n FROM ${quoteName(table)} WHERE account_id = {account:String}`,
      { account },
    );
    if (count === 0) continue;
    await mutate(store, table, `lower(hex(SHA256(account_id))) = ${quoteText(hashOfName(account))}`);
    rows[table] = (rows[table] ?? 0) + count;
  }
  const refused = await rejectionsNaming(store, [account, ...subscriptions]);
  if (refused.length === 0) return;
  await mutate(store, REJECTIONS, `${REJECTION_KEY} IN (${refused.join(', ')})`);
  rows[REJECTIONS] = (rows[REJECTIONS] ?? 0) + refused.length;
}

async function mutate(store: Store, table: string, condition: string): Promise<void> {
  await store.command(
    `ALTER TABLE ${quoteName(table)} DELETE WHERE ${condition}`,
    {},
    { settings: { mutations_sync: 1 } },
  );
}

/**
 * Whether the parts that are old by now are gone from the disk, however they became old: an erasure that was cut off may have left them,
 * and finds no rows when it is repeated. What grows old meanwhile was written without the account.
 */
async function oldPartsGone(store: Store, tables: readonly string[]): Promise<boolean> {
  const old = await oldParts(store, tables);
  const until = performance.now() + PARTS_GONE_MS;
  try {
    const hurry = Object.entries(NOTHING_OLD).map(([name, value]) => `${name} = ${value}`);
    for (const table of tablesOf(old))
      await store.command(`ALTER TABLE ${quoteName(table)} MODIFY SETTING ${hurry.join(', ')}`);
    for (let looks = 0; old.size > 0 && performance.now() < until; looks++) {
      // A mutation of no rows makes old parts, and wakes what looks for them.
      if (looks < WAKES) for (const table of tablesOf(old)) await mutate(store, table, '0');
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      const there = await oldParts(store, tables);
      for (const part of old) if (!there.has(part)) old.delete(part);
    }
  } finally {
    for (const table of await hurried(store, tables))
      await store.command(
        `ALTER TABLE ${quoteName(table)} RESET SETTING ${Object.keys(NOTHING_OLD).join(', ')}`,
      );
  }
  return old.size === 0;
}

function tablesOf(parts: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...parts].map((part) => part.split(' ')[0]!));
}

/** Each as table, blank and part. */
async function oldParts(store: Store, tables: readonly string[]): Promise<Set<string>> {
  const rows = await store.rows<{ part: string }>(
    `SELECT concat(table, ' ', name) AS part FROM system.parts
     WHERE database = currentDatabase() AND NOT active AND table IN {tables:Array(String)}`,
    { tables },
    { lane: 'batch' },
  );
  return new Set(rows.map(({ part }) => part));
}

/** Tables that keep nothing old: also those that an erasure left so when it was cut off. */
async function hurried(store: Store, tables: readonly string[]): Promise<string[]> {
  const rows = await store.rows<{ name: string }>(
    `SELECT name FROM system.tables
     WHERE database = currentDatabase() AND name IN {tables:Array(String)} AND engine_full LIKE '%old_parts_lifetime = 0%'`,
    { tables },
  );
  return rows.map(({ name }) => name);
}

async function accountTables(store: Store): Promise<string[]> {
  const rows = await store.rows<{ name: string }>(
    `SELECT name FROM system.tables
     WHERE database = currentDatabase() AND engine LIKE '%MergeTree'
       AND name IN (SELECT table FROM system.columns WHERE database = currentDatabase() AND name = 'account_id')
     ORDER BY name`,
  );
  return rows.map(({ name }) => name);
}

async function subscriptionsOf(store: Store, account: string): Promise<string[]> {
  const rows = await store.rows<{ id: string }>(
    "SELECT DISTINCT subscription_id AS id FROM subscription_log WHERE account_id = {account:String} AND id != ''",
    { account },
  );
  return rows.map(({ id }) => id);
}

async function countOf(store: Store, sql: string, params: Record<string, unknown>): Promise<number> {
  const [row] = await store.rows<{ n: number }>(sql, params, { lane: 'batch' });
  return row?.n ?? 0;
}
