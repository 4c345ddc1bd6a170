import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { EngineConnection } from '../engine/engine-connection.js';
import { readsOnly } from '../engine/reads-only.js';

/**
 * What a reader may run. Three locks, because the embedded engine has no users of its own to grant to (ADR 0031):
 *
 * 1. the engine's parser says that the text is one statement that leaves no trace;
 * 2. the engine's own tree of the statement (`EXPLAIN AST`, parameters filled in) names only what is on the lists below:
 *    the engine's `readonly` lets pass `file()` as a scalar function, `DESCRIBE file(...)` and `INTO OUTFILE`;
 * 3. the statement runs with `readonly = 1`, which refuses writes, other sources and every change of settings.
 */
export class ReaderGuard {
  readonly #refusedFunctions: ReadonlySet<string>;

  private constructor(refused: Iterable<string>) {
    this.#refusedFunctions = new Set(refused);
  }

  /** Asks the engine which functions talk to other services, read files or look into the process. */
  static async load(connection: EngineConnection): Promise<ReaderGuard> {
    const functions = await connection.rows<{ name: string; alias_to: string; refused: number }>(
      `SELECT name, alias_to, toUInt8(match(categories, 'AI|Machine Learning|Introspection')) AS refused
       FROM system.functions`,
    );
    const refused = new Set<string>(REFUSED_FUNCTIONS);
    for (const f of functions) if (f.refused === 1) refused.add(f.name.toLowerCase());
    for (const f of functions) if (refused.has(f.alias_to.toLowerCase())) refused.add(f.name.toLowerCase());
    // `x IN url(...)` reads from a table function although it stands where a function stands.
    const known = new Set(functions.map((f) => f.name.toLowerCase()));
    for (const { name } of await connection.rows<{ name: string }>(
      'SELECT name FROM system.table_functions',
    )) {
      const lower = name.toLowerCase();
      if (!known.has(lower) && !TABLE_FUNCTIONS.has(lower)) refused.add(lower);
    }
    return new ReaderGuard(refused);
  }

  /**
   * Throws READONLY or ACCESS_DENIED. The connection has the request's parameters and database set, and is the one that the
   * statement will run on.
   */
  async check(connection: EngineConnection, sql: string, database: string): Promise<void> {
    // Names without a database would mean its tables.
    if (database.toLowerCase() === 'system') refuse('the database system is not open to readers');
    if (!(await readsOnly(connection, sql))) {
      throw new ClickHouseException(
        CODE.readonly,
        'READONLY',
        'This user may only read: one SELECT, SHOW, DESCRIBE, EXPLAIN or EXISTS at a time.',
      );
    }
    const tree = await connection.rows<{ explain: string }>(`EXPLAIN AST ${sql}`);
    this.#checkTree(tree.map((row) => readNode(row.explain)));
  }

  #checkTree(nodes: readonly Node[]): void {
    const top = nodes[0]?.type ?? '';
    if (!TOP_NODES.has(top)) refuse(`${top || 'this statement'} is not open to readers`);
    nodes.forEach((node, i) => {
      if (node.type === 'Function') {
        const inFrom = nodes[i - 1]?.type === 'TableExpression' && nodes[i - 1]!.depth < node.depth;
        const name = node.name.toLowerCase();
        if (inFrom && !TABLE_FUNCTIONS.has(name))
          refuse(`the table function ${node.name} is not open to readers`);
        if (!inFrom && this.#refusedFunctions.has(name)) {
          refuse(`the function ${node.name} is not open to readers`);
        }
      }
      // In a subquery the engine would take these in spite of `readonly`.
      if (node.type === 'Set') {
        const message =
          'Cannot modify settings in readonly mode. Send those that are open to readers in the URL.';
        throw new ClickHouseException(CODE.readonly, 'READONLY', message);
      }
      if (node.type === 'TableOverride') refuse('TABLE OVERRIDE is not open to readers');
      if (node.type === 'TableIdentifier' || node.type === 'Identifier' || SHOWS_ONE.test(node.type)) {
        checkTable(node.name);
      }
    });
  }
}

/** A name of the form `system.x` is refused wherever it stands, since `a IN system.users` reads the table too. */
function checkTable(name: string): void {
  const dot = name.indexOf('.');
  if (dot < 0 || name.slice(0, dot).toLowerCase() !== 'system') return;
  const table = name.slice(dot + 1);
  if (!SYSTEM_TABLES.has(table)) refuse(`the table system.${table} is not open to readers`);
}

function refuse(what: string): never {
  throw new ClickHouseException(CODE.accessDenied, 'ACCESS_DENIED', `Not enough privileges: ${what}.`);
}

interface Node {
  readonly depth: number;
  readonly type: string;
  readonly name: string;
}

/** One line of EXPLAIN AST: blanks for depth, a type, and for some types a name. */
function readNode(line: string): Node {
  const text = line.trimStart();
  const [type = '', ...rest] = text.split(/\s+/);
  return {
    depth: line.length - text.length,
    type,
    name: rest[0]?.startsWith('(') === true ? '' : (rest[0] ?? ''),
  };
}

const SHOWS_ONE = /^(ShowCreate|Exists)\w+Query$/;

const TOP_NODES = new Set([
  'SelectWithUnionQuery',
  'SelectIntersectExceptQuery',
  'SelectQuery',
  'DescribeQuery',
  'Explain',
  'ShowTables',
  'ShowColumns',
  'ShowFunctions',
  'ShowSetting',
  'ShowCreateTableQuery',
  'ShowCreateViewQuery',
  'ShowCreateDatabaseQuery',
  'ShowCreateDictionaryQuery',
  'ExistsTableQuery',
  'ExistsViewQuery',
  'ExistsDatabaseQuery',
  'ExistsDictionaryQuery',
]);

/** Table functions that make rows out of nothing. All others read files, other services or hidden tables. */
const TABLE_FUNCTIONS = new Set([
  'numbers',
  'numbers_mt',
  'zeros',
  'zeros_mt',
  'generateseries',
  'generate_series',
  'primes',
  'values',
  'view',
  'null',
]);

/** System tables that SQL tools and clients need to show what there is. Others hold queries, users, paths or secrets. */
const SYSTEM_TABLES = new Set([
  'one',
  'numbers',
  'numbers_mt',
  'zeros',
  'databases',
  'tables',
  'columns',
  'functions',
  'aggregate_function_combinators',
  'table_functions',
  'table_engines',
  'data_type_families',
  'data_skipping_indices',
  'settings',
  'merge_tree_settings',
  'formats',
  'keywords',
  'completions',
  'collations',
  'time_zones',
  'contributors',
  'licenses',
  'build_options',
]);

/** Beside those that the engine lists by category: they read files, other tables, settings of the server, or waste time. */
const REFUSED_FUNCTIONS = [
  'file',
  'catboostevaluate',
  'evalmlmethod',
  'getmacro',
  'getserversetting',
  'getserverport',
  'tcpport',
  'getclienthttpheader',
  'showcertificate',
  'sleep',
  'sleepeachrow',
  'fqdn',
  'filesystemavailable',
  'filesystemcapacity',
  'filesystemunreserved',
  'getoskernelversion',
  'generateserialid',
  'fuzzquery',
] as const;
