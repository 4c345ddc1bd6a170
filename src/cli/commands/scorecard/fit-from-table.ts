import { basename } from 'node:path';
import { PerennialError } from '../../../core/errors.js';
import { readCsv } from '../../../fit/table/read-csv.js';
import { tableSource } from '../../../fit/table/table-source.js';
import type { Direction } from '../../../fit/training-table.js';
import { type FitInput, NO_COMPARISON } from './fit-input.js';

export interface TableFlags {
  readonly table?: string;
  readonly label?: string;
  readonly positive?: string;
  readonly id?: string;
  readonly group?: string;
  readonly time?: string;
  readonly fold?: string;
  readonly ignore?: readonly string[];
  readonly keep?: readonly string[];
  readonly rising?: readonly string[];
  readonly falling?: readonly string[];
}

export function inputFromTable(file: string, flags: TableFlags): FitInput {
  const { label } = flags;
  if (label === undefined)
    throw new PerennialError('invalid_argument', 'Which column says what happened?', {
      hint: 'Name it with --label.',
    });
  const source = tableSource(readCsv(file), { ...flags, label, directions: directionsOf(flags) });
  return {
    table: source.table,
    options: { groups: source.groups, times: source.times, folds: source.folds },
    ids: source.ids,
    what: `${basename(file)} (${label} = ${source.positive})`,
    setAside: source.setAside,
    withoutLabel: source.withoutLabel,
    notes: source.notes,
    compare: () => NO_COMPARISON,
  };
}

function directionsOf({ rising = [], falling = [] }: TableFlags): ReadonlyMap<string, Direction> {
  const both = rising.find((column) => falling.includes(column));
  if (both !== undefined)
    throw new PerennialError('invalid_argument', `\`${both}\` is both --rising and --falling.`, {
      hint: 'Promise one direction of it.',
    });
  return new Map([
    ...rising.map((column): [string, Direction] => [column, 'rising']),
    ...falling.map((column): [string, Direction] => [column, 'falling']),
  ]);
}
