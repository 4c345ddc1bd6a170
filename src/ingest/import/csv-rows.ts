import { TextDecoder } from 'node:util';
import { parse } from 'csv-parse/sync';
import { PerennialError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import { Fault } from '../../signals/fault.js';
import { isBlank, type Line, readLines } from '../lines.js';
import type { FileMapping } from './mapping-schema.js';
import type { ReadRow, Row, RowReader } from './row.js';

export interface CsvOptions {
  readonly delimiter: string;
  readonly quote: string;
  /** UTF-16 has become UTF-8 by then. */
  readonly encoding: FileMapping['encoding'];
  /** Lines above the header. */
  readonly skip_lines: number;
  /** Names of the columns where the file has no header line. */
  readonly columns?: readonly string[] | undefined;
}

/** The lines of one record: several where a quoted cell holds line ends. */
interface CsvRecord {
  readonly lines: readonly Line[];
  readonly text: string;
}

/**
 * Rows of a CSV file. csv-parse reads the records, but it is handed whole ones, found by counting quotes: a quote that is
 * never closed then costs its own line only, and not the rest of the file.
 *
 * Reads up to the header, so that the columns are known. Throws a PerennialError when there is none or a name is repeated.
 */
export async function openCsv(
  path: string,
  input: AsyncIterable<Uint8Array>,
  options: CsvOptions,
): Promise<RowReader> {
  const groups = recordGroups(linesAfter(readLines(input, LIMITS.messageBytes), options.skip_lines), options);
  const close = async () => void (await groups.return(undefined));
  try {
    const first = await groups.next();
    const opening = first.done === true ? [] : [...first.value];
    const columns = options.columns ?? headerOf(path, opening.shift(), options);
    const index: ReadonlyMap<string, number> = new Map(columns.map((name, i) => [name, i]));
    return { columns, rows: rowsOf(opening, groups, index, options), close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

function headerOf(path: string, header: CsvRecord | Unreadable | undefined, options: CsvOptions): string[] {
  if (header === undefined) throw invalidHeader(path, 'is empty: it has no header line');
  const cells = header instanceof Unreadable ? undefined : parseRecords([header], options)?.[0];
  if (cells === undefined) throw invalidHeader(path, 'has a first line that is not a CSV header');
  const columns = cells.map((name) => name.trim());
  const repeated = columns.find((name, i) => columns.indexOf(name) !== i);
  if (repeated !== undefined) throw invalidHeader(path, `has two columns named ${repeated}`);
  return columns;
}

async function* rowsOf(
  opening: readonly (CsvRecord | Unreadable)[],
  groups: AsyncGenerator<readonly (CsvRecord | Unreadable)[]>,
  index: ReadonlyMap<string, number>,
  options: CsvOptions,
): AsyncGenerator<readonly ReadRow[]> {
  try {
    yield readGroup(opening, index, options);
    for await (const group of groups) yield readGroup(group, index, options);
  } finally {
    await groups.return(undefined);
  }
}

function invalidHeader(path: string, what: string): PerennialError {
  return new PerennialError('invalid_file', `${path} ${what}.`, {
    hint: 'Check `delimiter`, `quote`, `columns` and `skip_lines` of this file in the mapping.',
  });
}

class CsvRow implements Row {
  readonly #cells: readonly string[];
  readonly #index: ReadonlyMap<string, number>;

  constructor(cells: readonly string[], index: ReadonlyMap<string, number>) {
    this.#cells = cells;
    this.#index = index;
  }

  get(column: string): string {
    return this.#cells[this.#index.get(column) ?? -1] ?? '';
  }
}

/** A record that can't be one, found before it reaches the CSV parser. */
class Unreadable {
  readonly lines: readonly Line[];
  readonly fault: Fault;

  constructor(line: Line, fault: Fault) {
    this.lines = [line];
    this.fault = fault;
  }
}

function readGroup(
  group: readonly (CsvRecord | Unreadable)[],
  index: ReadonlyMap<string, number>,
  options: CsvOptions,
): ReadRow[] {
  const records = group.filter((one): one is CsvRecord => !(one instanceof Unreadable));
  // All at once is several times faster; only when one of them is bad are they taken one by one.
  const together = parseRecords(records, options);
  let next = 0;
  return group.flatMap((one) => {
    if (one instanceof Unreadable) return [refused(one.lines, one.fault)];
    const cells = together === undefined ? parseRecords([one], options)?.[0] : together[next++];
    if (cells === undefined) return resume(one, index, options);
    return [rowOf(one, cells, index)];
  });
}

function rowOf(record: CsvRecord, cells: readonly string[], index: ReadonlyMap<string, number>): ReadRow {
  if (cells.length !== index.size) {
    const fault = new Fault('bad_row', '', `The row has ${cells.length} cells, the header ${index.size}.`);
    return refused(record.lines, fault);
  }
  const line = record.lines[0]!.number;
  const isLast = record.lines.at(-1)!.isLast;
  const row = new CsvRow(cells, index);
  return { line, raw: rawOf(record.lines), row, content: contentOf(cells, index), isLast };
}

/** Columns and cells in the order of the columns' names, without empty cells: the same row has the same in any export. */
function contentOf(cells: readonly string[], index: ReadonlyMap<string, number>): string[] {
  const content: string[] = [];
  for (const [name, i] of sortedColumns(index)) {
    const cell = cells[i]!;
    if (cell !== '') content.push(name, cell);
  }
  return content;
}

const sorted = new WeakMap<ReadonlyMap<string, number>, readonly (readonly [string, number])[]>();

function sortedColumns(index: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  let columns = sorted.get(index);
  if (columns === undefined) {
    columns = [...index].sort(([one], [other]) => (one < other ? -1 : 1));
    sorted.set(index, columns);
  }
  return columns;
}

/** What is left of a record that is no CSV: its first line is refused, the others are taken by themselves. */
function resume(record: CsvRecord, index: ReadonlyMap<string, number>, options: CsvOptions): ReadRow[] {
  const [first, ...rest] = record.lines;
  const bad = refused(
    [first!],
    new Fault('bad_row', '', 'A quote is not closed, or stands within a cell: double it.'),
  );
  if (rest.length === 0) return [bad];
  const group: (CsvRecord | Unreadable)[] = [];
  const assembler = new Assembler(options, group);
  for (const line of rest) assembler.add(line);
  assembler.end();
  return [bad, ...readGroup(group, index, options)];
}

function refused(lines: readonly Line[], fault: Fault): ReadRow {
  return { line: lines[0]!.number, raw: rawOf(lines), row: fault, content: [] };
}

function rawOf(lines: readonly Line[]): Uint8Array {
  if (lines.length === 1) return lines[0]!.bytes;
  return Buffer.concat(lines.flatMap(({ bytes }, i) => (i === 0 ? [bytes] : [NEWLINE, bytes])));
}

const NEWLINE = Buffer.from('\n');

/** The cells of each record; undefined when one of them is no CSV. */
function parseRecords(
  records: readonly CsvRecord[],
  { delimiter, quote }: CsvOptions,
): string[][] | undefined {
  try {
    const text = records.map((record) => record.text).join('\n');
    const parsed = parse(text, { delimiter, quote, escape: quote, relax_column_count: true });
    return parsed.length === records.length ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** The lines of a file without its first. */
async function* linesAfter(
  groups: AsyncGenerator<readonly Line[]>,
  skipped: number,
): AsyncGenerator<readonly Line[]> {
  for await (const group of groups) {
    const left = skipped === 0 ? group : group.filter(({ number }) => number > skipped);
    if (left.length > 0) yield left;
  }
}

async function* recordGroups(
  groups: AsyncIterable<readonly Line[]>,
  options: CsvOptions,
): AsyncGenerator<readonly (CsvRecord | Unreadable)[]> {
  let group: (CsvRecord | Unreadable)[] = [];
  const assembler = new Assembler(options, group);
  for await (const lines of groups) {
    for (const line of lines) assembler.add(line);
    if (group.length === 0) continue;
    yield group;
    group = [];
    assembler.into = group;
  }
  assembler.end();
  if (group.length > 0) yield group;
}

/** Puts lines together to records, by counting quotes. */
class Assembler {
  into: (CsvRecord | Unreadable)[];
  readonly #decoder: TextDecoder;
  readonly #quote: string;
  #lines: Line[] = [];
  #texts: string[] = [];
  #bytes = 0;
  #open = false;
  #first = true;

  constructor({ encoding, quote }: CsvOptions, into: (CsvRecord | Unreadable)[]) {
    this.#decoder = new TextDecoder(encoding === 'windows-1252' ? encoding : 'utf-8', {
      fatal: true,
      ignoreBOM: true,
    });
    this.#quote = quote;
    this.into = into;
  }

  add(line: Line): void {
    if (!this.#open && isBlank(line)) return;
    const text = line.cut ? undefined : this.#decode(line);
    if (text === undefined) {
      while (this.#open) this.#giveUp();
      const fault = line.cut
        ? new Fault('too_large', '', `The row is longer than ${LIMITS.messageBytes} bytes.`)
        : new Fault('not_utf8', '', 'The row is not UTF-8: set `encoding` in the mapping.');
      this.into.push(new Unreadable(line, fault));
      return;
    }
    this.#lines.push(line);
    this.#texts.push(text);
    this.#bytes += line.bytes.length;
    for (let at = text.indexOf(this.#quote); at >= 0; at = text.indexOf(this.#quote, at + 1))
      this.#open = !this.#open;
    if (!this.#open) this.#close();
    else if (this.#bytes > LIMITS.messageBytes) this.#giveUp();
  }

  end(): void {
    while (this.#open) this.#giveUp();
  }

  #close(): void {
    this.into.push({
      lines: this.#lines,
      text: this.#texts.length === 1 ? this.#texts[0]! : this.#texts.join('\n'),
    });
    this.#reset();
  }

  #reset(): Line[] {
    const lines = this.#lines;
    this.#lines = [];
    this.#texts = [];
    this.#bytes = 0;
    this.#open = false;
    return lines;
  }

  /** The quote that is open was never meant to span lines: its line is refused, those after it start anew. */
  #giveUp(): void {
    const [first, ...rest] = this.#reset();
    this.into.push(new Unreadable(first!, new Fault('bad_row', '', 'A quote is not closed in this row.')));
    for (const line of rest) this.add(line);
  }

  #decode(line: Line): string | undefined {
    try {
      const text = this.#decoder.decode(line.bytes);
      const bom = this.#first && text.startsWith('\uFEFF');
      this.#first = false;
      return bom ? text.slice(1) : text;
    } catch {
      return undefined;
    }
  }
}
