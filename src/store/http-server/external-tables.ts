import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { EngineConnection } from '../engine/engine-connection.js';
import { quoteName, quoteText } from '../sql-quote.js';
import type { SpoolFile } from './spool.js';
import { syntaxTree } from './syntax-tree.js';

/** A table that comes with a query and goes with it. */
export interface ExternalTable {
  readonly name: string;
  /** "id UInt64, name String", as SQL has it. */
  readonly structure: string;
  readonly format: string;
  readonly file: SpoolFile;
}

/** The tables of a form. What they are like stands beside it: `<name>_structure` or `<name>_types`, and `<name>_format`. */
export function externalTables(
  tables: ReadonlyMap<string, SpoolFile>,
  parameters: URLSearchParams,
): ExternalTable[] {
  return [...tables].map(([name, file]) => {
    if (!/^\w{1,128}$/.test(name)) throw wrong(`'${name.slice(0, 64)}' is no name of an external table.`);
    const types = parameters.get(`${name}_types`);
    const named =
      types === null
        ? null
        : splitTypes(types)
            .map((type, i) => `_${i + 1} ${type}`)
            .join(', ');
    const structure = parameters.get(`${name}_structure`) ?? named;
    if (structure === null)
      throw wrong(`The external table ${name} needs ${name}_structure or ${name}_types.`);
    const format = parameters.get(`${name}_format`) ?? 'TabSeparated';
    if (!/^\w+$/.test(format) || /^orc$/i.test(format)) throw wrong(`Rows in ${format} are not taken.`);
    return { name, structure, format, file };
  });
}

/** Names of parameters that describe the external tables, and are no settings. */
export function isAboutTable(parameter: string, tables: ReadonlyMap<string, unknown>): boolean {
  const found = /^(\w+)_(structure|types|format)$/.exec(parameter);
  return found !== null && tables.has(found[1]!);
}

/** Makes the tables on the connection that the query will run on. Their structure is judged first: it is the caller's SQL. */
export async function createExternalTables(
  connection: EngineConnection,
  tables: readonly ExternalTable[],
): Promise<void> {
  for (const { name, structure, format, file } of tables) {
    const create = `CREATE TEMPORARY TABLE ${quoteName(name)} (${structure})`;
    await checkStructure(connection, name, create);
    await connection.run(`${create} ENGINE = Memory`);
    await connection.run(
      `INSERT INTO ${quoteName(name)} FROM INFILE ${quoteText(file.path)} COMPRESSION 'none' FORMAT ${format}`,
    );
  }
}

/** Only columns with types: a default could read files, and behind a bracket anything could follow. */
async function checkStructure(connection: EngineConnection, name: string, create: string): Promise<void> {
  const { count } = await connection.classify(create);
  const tree = await syntaxTree(connection, create);
  const top = tree[0];
  const onlyColumns =
    count === 1 &&
    top?.type === 'CreateQuery' &&
    top.children.every(({ type }) => type === 'Identifier' || type === 'Columns definition') &&
    tree
      .filter(({ type }) => type === 'ColumnDeclaration')
      .every(({ children }) => children.length === 1 && /DataType$/.test(children[0]!.type)) &&
    !tree.some(({ type }) => /Query$|^Subquery$/.test(type) && type !== 'CreateQuery');
  if (!onlyColumns) throw wrong(`The structure of the external table ${name} may only have names and types.`);
}

/** At commas outside of brackets and quotes. */
function splitTypes(types: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let from = 0;
  for (let at = 0; at <= types.length; at++) {
    const sign = types[at];
    if (sign === "'" && types[at - 1] !== '\\') quoted = !quoted;
    if (quoted) continue;
    if (sign === '(') depth++;
    if (sign === ')') depth--;
    if (at === types.length || (sign === ',' && depth === 0)) {
      parts.push(types.slice(from, at).trim());
      from = at + 1;
    }
  }
  return parts;
}

function wrong(message: string): ClickHouseException {
  return new ClickHouseException(CODE.badArguments, 'BAD_ARGUMENTS', message);
}
