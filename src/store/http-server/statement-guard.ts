import { existsSync } from 'node:fs';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { EngineConnection } from '../engine/engine-connection.js';
import { readsOnly } from '../engine/reads-only.js';
import { readMigrations } from '../migration-files.js';
import { quoteText } from '../sql-quote.js';
import {
  CLOSED_FUNCTIONS,
  FILE_NAMES,
  OPEN_ALTERS,
  OPEN_ENGINES,
  OPEN_SYSTEM_TABLES,
  OPEN_TABLE_FUNCTIONS,
  READING_NODES,
  WRITING_NODES,
} from './open-names.js';
import type { SettingGuard } from './setting-guard.js';
import { type StatementNames, statementSettings } from './statement-settings.js';
import { type Node, syntaxTree } from './syntax-tree.js';
import type { User } from './users.js';

/** What the judges need to know beside the text. */
export interface Asked {
  readonly sql: string;
  /** The current database. */
  readonly database: string;
  readonly user: Pick<User, 'kind' | 'databases' | 'files'>;
  /** Names of the settings that came with the request. */
  readonly settings: ReadonlySet<string>;
}

/** What is to run, and what the engine's `readonly` is set to before it. */
export interface Checked {
  readonly sql: string;
  readonly readonly: 0 | 1 | 2;
}

/**
 * What each kind of user may run, because the embedded engine has no users of its own to grant to (ADR 0031, 0080). All that is
 * judged is the engine's own reading of the text: its classifier, and its tree of the statement with the parameters filled in.
 *
 * - a reader: one statement that leaves no trace, names only what is open, and changes only harmless settings; it then
 *   runs with `readonly`, which lets pass `file()` as a scalar function, `DESCRIBE file(...)` and `INTO OUTFILE`;
 * - a writer: that, and what the classifier says writes into one of its databases and nowhere else;
 * - a full user: everything but files and programs of this machine, unless the users file says `files: true`.
 */
export class StatementGuard {
  readonly #closedFunctions: ReadonlySet<string>;
  readonly #settings: SettingGuard;

  private constructor(closed: Iterable<string>, settings: SettingGuard) {
    this.#closedFunctions = new Set(closed);
    this.#settings = settings;
  }

  /** Asks the engine which functions talk to other services, read files or look into the process. */
  static async load(connection: EngineConnection, settings: SettingGuard): Promise<StatementGuard> {
    const functions = await connection.rows<{ name: string; alias_to: string; refused: number }>(
      `SELECT name, alias_to, toUInt8(match(categories, 'AI|Machine Learning|Introspection')) AS refused
       FROM system.functions`,
    );
    const closed = new Set<string>(CLOSED_FUNCTIONS);
    for (const f of functions) if (f.refused === 1) closed.add(f.name.toLowerCase());
    for (const f of functions) if (closed.has(f.alias_to.toLowerCase())) closed.add(f.name.toLowerCase());
    // `x IN url(...)` reads from a table function although it stands where a function stands.
    const known = new Set(functions.map((f) => f.name.toLowerCase()));
    for (const { name } of await connection.rows<{ name: string }>(
      'SELECT name FROM system.table_functions',
    )) {
      const lower = name.toLowerCase();
      if (!known.has(lower) && !OPEN_TABLE_FUNCTIONS.has(lower)) closed.add(lower);
    }
    return new StatementGuard(closed, settings);
  }

  /**
   * Throws READONLY or ACCESS_DENIED. The connection has the request's parameters and database set, and is the one that the
   * statement will run on. Resolves to what is to run: for those who may only read without its settings, which are set instead, so
   * that the engine's `readonly` can be locked behind them.
   */
  async check(connection: EngineConnection, asked: Asked): Promise<Checked> {
    const { kind } = asked.user;
    if (kind === 'full') {
      const tree = await syntaxTree(connection, asked.sql);
      if (asked.user.files !== true) await refuseFiles(connection, asked.sql, tree);
      if (DROPPING_NODES.has(tree[0]?.type ?? '')) await keepOwnTables(connection, asked, tree[0]!);
      return { sql: asked.sql, readonly: 0 };
    }
    // Names without a database would mean its tables.
    if (asked.database.toLowerCase() === 'system') refuse(`the database system is not open to ${kind}s`);
    if (/^\s*SET\s/i.test(asked.sql)) {
      await this.#checkSet(connection, asked);
      return { sql: asked.sql, readonly: 0 };
    }
    const reads = await readsOnly(connection, asked.sql);
    if (!reads && kind === 'reader') {
      throw new ClickHouseException(
        CODE.readonly,
        'READONLY',
        'This user may only read: one SELECT, SHOW, DESCRIBE, EXPLAIN or EXISTS at a time.',
      );
    }
    if (!reads) await refuseElsewhere(connection, asked);
    const tree = await syntaxTree(connection, asked.sql);
    const top = tree[0]?.type ?? '';
    if (!READING_NODES.has(top) && !(kind === 'writer' && WRITING_NODES.has(top)))
      refuse(`${top || 'this statement'} is not open to ${kind}s`);
    for (const node of tree) this.#checkNode(node, kind);
    const readonly = reads ? lockOf(tree) : 0;
    const found = await this.#checkSettings(connection, asked, tree);
    if (found?.files === true) refuse(`INTO OUTFILE and FROM INFILE are not open to ${kind}s`);
    if (!reads || found === undefined || found.settings.length === 0) return { sql: asked.sql, readonly };
    await connection.set(found.settings.filter(([name]) => name !== 'readonly'));
    return { sql: found.bare, readonly };
  }

  #checkNode(node: Node, kind: string): void {
    const { type, name, parent } = node;
    switch (type) {
      case 'Function':
      case 'FunctionWithKeyValueArguments':
        if (parent?.type === 'Storage definition' && parent.children[0] === node) {
          if (!OPEN_ENGINES.has(name)) refuse(`the engine ${name} is not open to ${kind}s`);
        } else if (parent?.type === 'TableExpression' || parent?.type === 'CreateQuery') {
          if (!OPEN_TABLE_FUNCTIONS.has(name.toLowerCase()))
            refuse(`the table function ${name} is not open to ${kind}s`);
        } else if (this.#closedFunctions.has(name.toLowerCase()))
          refuse(`the function ${name} is not open to ${kind}s`);
        return;
      case 'TableOverride':
        refuse(`TABLE OVERRIDE is not open to ${kind}s`);
        return;
      case 'Dictionary definition':
      case 'ViewTargets':
        refuse(`dictionaries and materialized views are not open to ${kind}s`);
        return;
      case 'AlterCommand':
        if (!OPEN_ALTERS.test(name)) refuse(`ALTER ... ${name.replaceAll('_', ' ')} is not open to ${kind}s`);
        return;
      case 'TableIdentifier':
        checkTable(name, kind);
        refuseFileName(name);
        return;
      case 'Identifier':
        if (!standsForTable(node)) return;
        checkTable(name, kind);
        refuseFileName(name);
        return;
      default:
        if (SHOWS_ONE.test(type)) checkTable(node.children.map((child) => child.name).join('.'), kind);
    }
  }

  /** `SET a = 1` alone: drivers try with it whether a setting may be sent. Without a session nothing of it stays. */
  async #checkSet(connection: EngineConnection, { sql, user }: Asked): Promise<void> {
    const tree = await syntaxTree(connection, sql);
    const { clauses, settings } = await statementSettings(connection, sql);
    if (tree.length !== 1 || tree[0]?.type !== 'Set' || clauses !== 1)
      refuse(`this statement is not open to ${user.kind}s`);
    for (const [name, value] of settings) this.#settings.check(name, value, user.kind);
  }

  /** What the statement sets, in whatever part of it; undefined when a reader's sets nothing. */
  async #checkSettings(
    connection: EngineConnection,
    asked: Asked,
    tree: readonly Node[],
  ): Promise<StatementNames | undefined> {
    const sets = tree.filter(({ type }) => type === 'Set').length;
    if (sets === 0 && asked.user.kind === 'reader') return undefined;
    const found = await statementSettings(connection, asked.sql);
    if (found.clauses !== sets) refuse('these SETTINGS are not understood; send them in the URL');
    for (const [name, value] of found.settings)
      if (name === TABLE_FILTERS) await this.#checkFilters(connection, value, asked.user.kind);
      else this.#settings.check(name, value, asked.user.kind);
    return found;
  }

  /** Grafana's ad hoc filters: conditions by table, which may name what a statement may and set nothing. */
  async #checkFilters(connection: EngineConnection, value: string, kind: User['kind']): Promise<void> {
    // As the engine has read it: what is judged is what it will apply.
    await connection.set([[TABLE_FILTERS, value]]);
    const filters = await connection.rows<{ condition: string }>(
      `SELECT arrayJoin(mapValues(getSetting('${TABLE_FILTERS}'))) AS condition`,
    );
    for (const { condition } of filters) {
      const sql = `SELECT (\n${condition}\n)`;
      if (!(await readsOnly(connection, sql))) refuse(`${TABLE_FILTERS} holds more than a condition`);
      const tree = await syntaxTree(connection, sql);
      if (tree[0]?.type !== 'SelectWithUnionQuery' || tree.some(({ type }) => type === 'Set'))
        refuse(`${TABLE_FILTERS} holds more than a condition`);
      for (const node of tree) this.#checkNode(node, kind);
    }
  }
}

/**
 * 1 lets nothing pass; but then `system.settings` says of every setting that it can't be changed, and drivers that ask it send none.
 * Under 2 it says what holds here: harmless ones can.
 */
function lockOf(tree: readonly Node[]): 1 | 2 {
  return tree.some(({ type, name }) => type === 'TableIdentifier' && name === 'system.settings') ? 2 : 1;
}

/** By the place of a name: `a IN system.users` reads the table, `system.x` elsewhere is a column of what is called system. */
function standsForTable(node: Node): boolean {
  const list = node.parent;
  const call = list?.type === 'ExpressionList' ? list.parent : undefined;
  if (call?.type !== 'Function') return false;
  if (/^(global)?(not)?(null)?in(ignoreset)?$/i.test(call.name)) return list?.children[1] === node;
  return /^(dict|joinget)/i.test(call.name);
}

/** The engine's classifier: one statement that writes into one of these databases and nowhere else. */
async function refuseElsewhere(connection: EngineConnection, { sql, user }: Asked): Promise<void> {
  const databases = user.databases ?? [];
  for (const database of databases) {
    const { count, kind, writesOnly } = await connection.classify(sql, database);
    if (count === 1 && kind === 'write' && writesOnly) return;
  }
  refuse(`this user writes into ${databases.join(', ')} only, one statement at a time`);
}

/**
 * Files by what is called (functions, engines, sources, disks), in the engine's own writing of the statement, where names are names
 * and texts are quoted; and by the names of tables, since the engine takes an unknown one for a file.
 */
async function refuseFiles(connection: EngineConnection, sql: string, tree: readonly Node[]): Promise<void> {
  const { calls } = await statementSettings(connection, sql);
  const found = calls.find((name) => FILE_NAMES.has(name.toLowerCase()));
  if (found !== undefined) refuse(`${found} ${REACHES_FILES}`);
  for (const node of tree)
    if (node.type === 'TableIdentifier' || standsForTable(node)) refuseFileName(node.name);
}

const REACHES_FILES =
  'reaches files of the machine; give this user `files: true` in the users file, or start with --allow-files, if that is meant';

/**
 * A slip must not lose what can't be had again: tables with rows in them, in a database of Perennial's, are dropped or emptied only by
 * those who send `max_table_size_to_drop = 0`, which is ClickHouse's own way to say that it is meant.
 */
async function keepOwnTables(connection: EngineConnection, asked: Asked, top: Node): Promise<void> {
  if (asked.settings.has('max_table_size_to_drop')) return;
  const names = top.children.filter(({ type }) => type === 'Identifier').map(({ name }) => name);
  // One name is a table of the current database, or a database with all that is in it.
  const own = OWN_TABLES.has(names.at(-1) ?? '');
  const databases = names.length > 1 ? [names[0]!] : [...(own ? [asked.database] : []), ...names];
  if (names.length > 1 && !own) return;
  const held = await connection.rows(
    `SELECT 1 FROM system.tables
     WHERE name = 'perennial_migrations' AND database IN (${databases.map(quoteText).join(', ')})`,
  );
  if (held.length > 0) await connection.run('SET max_table_size_to_drop = 1, max_partition_size_to_drop = 1');
}

/** The tables that migrations make, under every name that they have had. */
const OWN_TABLES: ReadonlySet<string> = new Set([
  'perennial_migrations',
  ...readMigrations().flatMap(({ sql }) =>
    [...sql.matchAll(/^(?:CREATE TABLE(?: IF NOT EXISTS)?|RENAME TABLE .* TO) (\w+)/gm)].map(
      ([, name]) => name!,
    ),
  ),
]);

/** The engine takes the name of a table that is not there for that of a file, of several, or of an address. */
function refuseFileName(name: string): void {
  const table = name.slice(name.indexOf('.') + 1);
  if (/[/\\*?{}~:]/.test(name) || existsSync(name) || existsSync(table)) refuse(`${name} ${REACHES_FILES}`);
}

/** A table `system.x`. */
function checkTable(name: string, kind: string): void {
  const dot = name.indexOf('.');
  if (dot < 0 || name.slice(0, dot).toLowerCase() !== 'system') return;
  const table = name.slice(dot + 1);
  if (!OPEN_SYSTEM_TABLES.has(table)) refuse(`the table system.${table} is not open to ${kind}s`);
}

function refuse(what: string): never {
  throw new ClickHouseException(CODE.accessDenied, 'ACCESS_DENIED', `Not enough privileges: ${what}.`);
}

const TABLE_FILTERS = 'additional_table_filters';

const DROPPING_NODES: ReadonlySet<string> = new Set(['DropQuery', 'TruncateQuery', 'AlterQuery']);

const SHOWS_ONE = /^(ShowCreate|Exists)\w+Query$/;
