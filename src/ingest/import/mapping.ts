import { didYouMean } from '../../core/nearest-name.js';
import type { Problem } from '../../core/problem.js';
import { checkYaml, problemAt, readYaml, type YamlFile } from '../../core/yaml-file.js';
import { formulaColumns, parseFormula } from './formula.js';
import { type FileMapping, type MappingData, mappingSchema } from './mapping-schema.js';
import { columnsOf, parseTemplate } from './template.js';

/** A checked mapping file. */
export interface Mapping {
  readonly file: YamlFile;
  readonly data: MappingData;
}

/** Reads and checks a mapping. It is undefined exactly when there are problems. */
export function loadMapping(
  path: string,
  text: string,
): { mapping: Mapping; problems: readonly [] } | { mapping: undefined; problems: readonly Problem[] } {
  const file = readYaml(path, text);
  const checked = checkYaml(file, mappingSchema);
  if (checked.data === undefined) return { mapping: undefined, problems: checked.problems };
  const problems = checked.data.files.flatMap((entry, i) => checkEntry(file, checked.data, entry, i));
  return problems.length > 0
    ? { mapping: undefined, problems }
    : { mapping: { file, data: checked.data }, problems: [] };
}

function checkEntry(file: YamlFile, data: MappingData, entry: FileMapping, index: number): Problem[] {
  const problems: Problem[] = [];
  const at = ['files', index];
  const namesakes = data.files.filter(({ name }) => name !== undefined && name === entry.name);
  if (namesakes.length > 1) {
    problems.push(
      problemAt(file, [...at, 'name'], 'duplicate-name', `The name \`${entry.name}\` stands twice.`),
    );
  }
  if (
    entry.signals.length + entry.subscriptions.length + entry.outcomes.length === 0 &&
    entry.key === undefined
  ) {
    const message =
      'This file becomes nothing: give it signals, subscriptions or outcomes, or a `key` for joins.';
    problems.push(problemAt(file, at, 'no-records', message));
  }
  for (const name of Object.keys(entry.join ?? {})) {
    const joinable = data.files
      .filter((other) => other !== entry && other.key !== undefined)
      .map((other) => other.name ?? '');
    if (joinable.includes(name)) continue;
    const suggestion = didYouMean(name, joinable);
    problems.push(
      problemAt(
        file,
        [...at, 'join', name],
        'unknown-join',
        `No other file has the name \`${name}\` and a \`key\`.`,
        {
          key: true,
          ...(suggestion === undefined ? {} : { suggestion }),
        },
      ),
    );
  }
  const circle = joinCircle(data, entry);
  if (circle !== undefined) {
    const message = `These files join each other in a circle: ${circle.join(', ')}.`;
    problems.push(problemAt(file, [...at, 'join'], 'join-circle', message, { key: true }));
  }
  return problems;
}

/** The names along which the joins of a file lead back to itself. */
function joinCircle(data: MappingData, entry: FileMapping): readonly string[] | undefined {
  const start = entry.name;
  if (start === undefined) return undefined;
  const from = (name: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(name)) return name === start ? path : undefined;
    const joined = data.files.find((file) => file.name === name);
    for (const next of Object.keys(joined?.join ?? {})) {
      const circle = from(next, [...path, name]);
      if (circle !== undefined) return circle;
    }
    return undefined;
  };
  return from(start, []);
}

/** A column that a file's mapping names, and where. */
interface ColumnUse {
  readonly path: readonly PropertyKey[];
  readonly column: string;
}

/** Every column that the mapping of a file names, joined ones as `name.column`. */
export function columnUses(mapping: Mapping, index: number): ColumnUse[] {
  const uses: ColumnUse[] = [];
  const walk = (value: unknown, path: readonly PropertyKey[]): void => {
    if (typeof value === 'string') {
      const columns =
        path.at(-1) === 'formula' ? formulaColumns(parseFormula(value)) : columnsOf(parseTemplate(value));
      for (const column of columns) uses.push({ path, column });
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value)) {
        // An attribute may have any name.
        if (path.at(-1) === 'attributes' || !CONSTANTS.has(key))
          walk(member, [...path, Array.isArray(value) ? Number(key) : key]);
      }
    }
  };
  const root = mapping.file.value as { files: Record<string, unknown>[] };
  for (const part of ['skip', 'join', 'signals', 'subscriptions', 'outcomes']) {
    walk(root.files[index]?.[part], ['files', index, part]);
  }
  return uses;
}

/** Members of expressions and conditions that are no templates. */
const CONSTANTS: ReadonlySet<string> = new Set([
  'map',
  'at',
  'formats',
  'zone',
  'is',
  'is_not',
  'decimal',
  'group',
]);

/** The columns that are named in the mapping of a file and are not in it, with the nearest that is. */
export function unknownColumns(mapping: Mapping, index: number, columns: readonly string[]): Problem[] {
  const file = mapping.data.files[index];
  // What lies in other files, in lists and in JSON is seen when it is read.
  const inside = [...Object.keys(file?.join ?? {}), ...Object.keys(file?.each ?? {}), ...(file?.json ?? [])];
  return columnUses(mapping, index)
    .filter(
      ({ column }) => !columns.includes(column) && !inside.some((name) => column.startsWith(`${name}.`)),
    )
    .map(({ path, column }) => {
      const suggestion = didYouMean(column, columns);
      return problemAt(mapping.file, path, 'unknown-column', `The file has no column \`${column}\`.`, {
        ...(suggestion === undefined ? {} : { suggestion }),
      });
    });
}
