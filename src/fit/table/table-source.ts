import { PerennialError } from '../../core/errors.js';
import { nearest } from '../../core/yaml-file.js';
import { binFeatures } from '../regression/design.js';
import type { Direction, TrainingFeature, TrainingTable } from '../training-table.js';
import { type ReadColumn, readColumn } from './column-kind.js';
import { featureNamesFor } from './feature-names.js';
import { daysIn, isMissing, numberIn } from './parse-cell.js';
import type { CellTable } from './read-csv.js';
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
}

export interface SetAside {
  readonly column: string;
  readonly why: 'ignored' | 'id' | 'leak' | 'empty';
  readonly detail: string;
}

/** Throws `invalid_argument` for roles that the table can't play. */
export function tableSource(cells: CellTable, roles: TableRoles): TableSource {
  const labels = columnOf(cells, roles.label, '--label');
  const positive = roles.positive ?? positiveOf(labels, roles.label);
  if (!labels.some((label) => label.trim() === positive))
    throw new PerennialError('invalid_argument', `No row of ${roles.label} is "${positive}".`, {
      hint: `It has ${[...new Set(labels)]
        .slice(0, 5)
        .map((text) => `"${text}"`)
        .join(', ')}. Name the one that means: not renewed.`,
    });
  const rows = [...labels.keys()].filter((row) => !isMissing(labels[row]!));
  const taken = (column: readonly string[]) => rows.map((row) => column[row]!);
  const role = (name: string | undefined, flag: string) =>
    name === undefined ? null : taken(columnOf(cells, name, flag));
  for (const name of [...(roles.ignore ?? []), ...(roles.keep ?? []), ...(roles.directions?.keys() ?? [])])
    columnOf(cells, name, 'the list');
  const label = Uint8Array.from(taken(labels), (text) => Number(text.trim() === positive));
  const times = role(roles.time, '--time');
  const given = new Set([roles.label, roles.id, roles.group, roles.time, roles.fold]);
  const setAside: SetAside[] = (roles.ignore ?? []).map((column) => ({ column, why: 'ignored', detail: '' }));
  const candidates = [...cells.columns.keys()].filter(
    (name) => !given.has(name) && !(roles.ignore ?? []).includes(name),
  );
  const names = featureNamesFor(candidates);
  const features: TrainingFeature[] = [];
  for (const title of candidates) {
    const read = readColumn(taken(cells.columns.get(title)!));
    const aside = asideOf(title, read, roles);
    if (aside !== null) setAside.push(aside);
    else
      features.push({
        name: names.get(title)!,
        title,
        column: read.column,
        direction: roles.directions?.get(title) ?? null,
      });
  }
  features.sort((a, b) => (a.name < b.name ? -1 : 1));
  const table = withoutLeaks({ rows: rows.length, label, weights: null, features }, roles, setAside);
  return {
    table,
    positive,
    ids: role(roles.id, '--id') ?? rows.map((row) => String(row + 1)),
    groups: role(roles.group, '--group'),
    times: times === null ? null : Float64Array.from(times, (cell) => timeOf(cell, roles.time!)),
    folds: role(roles.fold, '--fold'),
    setAside,
    withoutLabel: labels.length - rows.length,
  };
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

const POSITIVE_WORDS = [
  '1',
  'yes',
  'true',
  'y',
  't',
  'churned',
  'churn',
  'left',
  'lost',
  'bad',
  'cancelled',
  'canceled',
];

/** The value of a label that means "not renewed", where it says so itself. */
function positiveOf(labels: readonly string[], name: string): string {
  const values = [...new Set(labels.map((text) => text.trim()))].filter((text) => !isMissing(text));
  const found = values.filter((text) => POSITIVE_WORDS.includes(text.toLowerCase()));
  if (values.length === 2 && found.length === 1) return found[0]!;
  throw new PerennialError(
    'invalid_argument',
    `It is not clear which value of \`${name}\` means "not renewed".`,
    {
      hint: `Say it with --positive; the column has ${values
        .slice(0, 6)
        .map((text) => `"${text}"`)
        .join(', ')}${values.length > 6 ? ', …' : ''}.`,
    },
  );
}

function timeOf(cell: string, name: string): number {
  const time = daysIn(cell) ?? numberIn(cell);
  if (time !== null) return time;
  throw new PerennialError('invalid_argument', `"${cell}" in \`${name}\` is not a time.`, {
    hint: 'Times are ISO dates such as 2026-01-31, with or without a time of day, or numbers that grow.',
  });
}
