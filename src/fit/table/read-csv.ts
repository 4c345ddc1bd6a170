import { CsvError, parse } from 'csv-parse/sync';
import { PerennialError } from '../../core/errors.js';
import { readText } from './read-text.js';

/** A table as text, column by column. */
export interface CellTable {
  readonly rows: number;
  /** In the order of the file. */
  readonly columns: ReadonlyMap<string, readonly string[]>;
}

/** Reads a CSV file with a head, gzipped or not; the delimiter is the one of `,`, `;`, tab and `|` that the head has most. */
export function readCsv(file: string): CellTable {
  const text = readText(file);
  const head = text.slice(0, text.indexOf('\n') < 0 ? undefined : text.indexOf('\n'));
  const delimiter = [',', ';', '\t', '|'].reduce((most, one) =>
    head.split(one).length > head.split(most).length ? one : most,
  );
  let records: string[][];
  try {
    records = parse(text, { delimiter, relax_column_count: false, skip_empty_lines: true });
  } catch (thrown) {
    throw unreadable(file, thrown);
  }
  const [names, ...body] = records;
  if (names === undefined || body.length === 0)
    throw new PerennialError('invalid_file', `${file}: the table has no rows.`, {
      hint: 'It needs a head and, under it, a line for each observation.',
    });
  // Index columns that data frames write have no name.
  const titles = names.map((name, i) => name.trim() || `column ${i + 1}`);
  const twice = titles.find((name, i) => titles.indexOf(name) !== i);
  if (twice !== undefined)
    throw new PerennialError('invalid_file', `${file}:1: two columns have the name \`${twice}\`.`, {
      hint: 'Give each column a name of its own.',
    });
  return {
    rows: body.length,
    columns: new Map(titles.map((name, i) => [name, body.map((cells) => cells[i]!)])),
  };
}

function unreadable(file: string, thrown: unknown): PerennialError {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const line = thrown instanceof CsvError && typeof thrown.lines === 'number' ? `:${thrown.lines}` : '';
  return new PerennialError(
    'invalid_file',
    `${file}${line}: ${message.replace(/ (on|at) line \d+\b.*/, '')}`,
    {
      hint: 'A table has a head, and as many cells in each line as the head has.',
      cause: thrown,
    },
  );
}
