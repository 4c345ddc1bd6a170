import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { PerennialError } from '../../core/errors.js';

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
    throw new PerennialError(
      'invalid_file',
      `${file}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      {
        hint: 'A table has a head, and as many cells in each line as the head has.',
        cause: thrown,
      },
    );
  }
  const [names, ...body] = records;
  if (names === undefined || body.length === 0)
    throw new PerennialError('invalid_file', `${file}: the table has no rows.`, {
      hint: 'It needs a head and, under it, a line for each observation.',
    });
  const columns = new Map(names.map((name, i) => [name.trim(), body.map((cells) => cells[i]!)]));
  if (columns.size < names.length)
    throw new PerennialError('invalid_file', `${file}:1: two columns have the same name.`, {
      hint: 'Give each column a name of its own.',
    });
  return { rows: body.length, columns };
}

function readText(file: string): string {
  try {
    const bytes = readFileSync(file);
    const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
    return plain.toString('utf8').replace(/^\uFEFF/, '');
  } catch (thrown) {
    throw new PerennialError(
      'not_found',
      `Can't read ${file}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      {
        cause: thrown,
      },
    );
  }
}
