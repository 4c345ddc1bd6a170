import { PerennialError } from '../../core/errors.js';
import { nearest } from '../../core/nearest-name.js';
import { binFeatures } from '../regression/design.js';
import type { Direction, TrainingFeature, TrainingTable } from '../training-table.js';
import { type ReadColumn, readColumn } from './column-kind.js';
import { featureNamesFor } from './feature-names.js';
import { labelMeaning } from './label-meaning.js';
import { daysIn, isMissing, numberIn } from './parse-cell.js';
import type { CellTable } from './read-csv.js';
import type { SetAside } from './set-aside.js';
import { whyALeak, whyAnId } from './suspects.js';

/** Which columns of a table mean what. */
export interface TableRoles {
  readonly label: string;
  readonly positive?: string | undefined;
  readonly id?: string | undefined;
  readonly group?: string | undefined;
  readonly time?: string | undefined;
  readonly fold?: string | undefined;
  readonly ignore?: readonly string[] | undefined;
  /** Used although they look like ids or leaks. */
  readonly keep?: readonly string[] | undefined;
  readonly directions?: ReadonlyMap<string, Direction> | undefined;
}

/** A table, read for a fit. Rows without a label are not in it. */
export interface TableSource {
  readonly table: TrainingTable;
  readonly positive: string;
  readonly ids: readonly string[];
  readonly groups: readonly string[] | null;
  readonly times: Float64Array | null;
  readonly folds: readonly string[] | null;
  /** Columns that are not used, and why. */
  readonly setAside: readonly SetAside[];
  readonly withoutLabel: number;
  /** Columns in which words stand where numbers should, in sentences. */
  readonly notes: readonly string[];
}

/** Throws `invalid_argument` for roles that the table can't play. */
export function tableSource(cells: CellTable, roles: TableRoles): TableSource {
  const rolesTaken = checkedRoles(cells, roles);
  const labels = columnOf(cells, roles.label, '--label');
  const positive = labelMeaning(labels, roles.label, roles.positive);
  const rows = [...labels.keys()].filter((row) => !isMissing(labels[row]!));
  const taken = (column: readonly string[]) => rows.map((row) => column[row]!);
  const role = (name: string | undefined, flag: string) =>
    name === undefined ? null : taken(columnOf(cells, name, flag));
  const label = Uint8Array.from(taken(labels), (text) => Number(positive.is(text)));
  const times = role(roles.time, '--time');
  const setAside: SetAside[] = (roles.ignore ?? []).map((column) => ({ column, why: 'ignored', detail: '' }));
  const candidates = [...cells.columns.keys()].filter(
    (name) => !rolesTaken.has(name) && !(roles.ignore ?? []).includes(name),
  );
  const names = featureNamesFor(candidates);
  const features: TrainingFeature[] = [];
  const notes: string[] = [];
  for (const title of candidates) {
    const read = readColumn(taken(cells.columns.get(title)!));
    const aside = asideOf(title, read, roles);
    if (aside !== null) {
      setAside.push(aside);
      continue;
    }
    if (read.words.length > 0) notes.push(wordsInWords(title, read));
    const direction = roles.directions?.get(title) ?? null;
    if (direction !== null && read.kind === 'text')
      throw new PerennialError(
        'invalid_argument',
        `\`${title}\` is a column of texts: it can't rise or fall.`,
        {
          hint: '--rising and --falling are for columns of numbers and dates.',
        },
      );
    features.push({ name: names.get(title)!, title, column: read.column, direction });
  }
  features.sort((a, b) => (a.name < b.name ? -1 : 1));
  const table = withoutLeaks({ rows: rows.length, label, weights: null, features }, roles, setAside);
  if (table.features.length === 0) throw nothingToFit(setAside);
  return {
    table,
    positive: positive.value,
    ids: role(roles.id, '--id') ?? rows.map((row) => String(row + 1)),
    groups: role(roles.group, '--group'),
    times: times === null ? null : Float64Array.from(times, (cell) => timeOf(cell, roles.time!)),
    folds: role(roles.fold, '--fold'),
    setAside,
    withoutLabel: labels.length - rows.length,
    notes,
  };
}

/** The columns that are no features; refuses names that are not in the table, and one column in two roles. */
function checkedRoles(cells: CellTable, roles: TableRoles): ReadonlySet<string> {
  for (const [flag, names] of [
    ['--ignore', roles.ignore ?? []],
    ['--keep', roles.keep ?? []],
    ['--rising, --falling', [...(roles.directions?.keys() ?? [])]],
  ] as const)
    for (const name of names) columnOf(cells, name, flag);
  const taken = new Map<string, string>();
  for (const flag of ['label', 'id', 'group', 'time', 'fold'] as const) {
    const name = roles[flag];
    if (name === undefined) continue;
    const other = taken.get(name);
    // A row may be named by the account it is about.
    if (other !== undefined && (other === 'label' || flag === 'fold'))
      throw new PerennialError('invalid_argument', `\`${name}\` can't be both --${other} and --${flag}.`, {
        hint: 'What is predicted must not decide how.',
      });
    taken.set(name, flag);
  }
  return new Set(taken.keys());
}

function wordsInWords(title: string, { kind, words, wordCells, filled }: ReadColumn): string {
  const shown = words.slice(0, 3).map((word) => JSON.stringify(word.slice(0, 30)));
  const more = words.length > shown.length ? ', …' : '';
  return `${title}: ${wordCells} of ${filled} cells hold no ${kind} (${shown.join(', ')}${more}) and count as missing.`;
}

function nothingToFit(setAside: readonly SetAside[]): PerennialError {
  const why = setAside.map((one) => `${one.column} (${one.why})`).join(', ');
  return new PerennialError('invalid_argument', 'There is no column to fit to.', {
    hint:
      why === ''
        ? 'The table has nothing but the label, and columns that have another role.'
        : `Left out: ${why}. --keep uses columns that look like ids or leaks.`,
  });
}

function asideOf(title: string, read: ReadColumn, { keep }: TableRoles): SetAside | null {
  if (read.filled === 0) return { column: title, why: 'empty', detail: 'no row has a value' };
  if (keep?.includes(title) === true) return null;
  const detail = whyAnId(title, read);
  return detail === null ? null : { column: title, why: 'id', detail };
}

function withoutLeaks(
  table: TrainingTable,
  { label, keep }: TableRoles,
  setAside: SetAside[],
): TrainingTable {
  const leaks = new Map(
    binFeatures(table).binned.flatMap((binned) => {
      const why = keep?.includes(binned.feature.title) === true ? null : whyALeak(binned, label);
      return why === null ? [] : [[binned.feature.name, why] as const];
    }),
  );
  for (const { name, title } of table.features) {
    const detail = leaks.get(name);
    if (detail !== undefined) setAside.push({ column: title, why: 'leak', detail });
  }
  return { ...table, features: table.features.filter(({ name }) => !leaks.has(name)) };
}

function columnOf(cells: CellTable, name: string, flag: string): readonly string[] {
  const column = cells.columns.get(name);
  if (column !== undefined) return column;
  const meant = nearest(name, cells.columns.keys());
  throw new PerennialError('invalid_argument', `There is no column \`${name}\` in the table (${flag}).`, {
    hint: `${meant === undefined ? '' : `Did you mean \`${meant}\`? `}Columns: ${[...cells.columns.keys()].join(', ')}.`,
  });
}

function timeOf(cell: string, name: string): number {
  const time = daysIn(cell) ?? numberIn(cell);
  if (time !== null) return time;
  throw new PerennialError('invalid_argument', `"${cell}" in \`${name}\` is not a time.`, {
    hint: 'Times are ISO dates such as 2026-01-31, with or without a time of day, or numbers that grow.',
  });
}
