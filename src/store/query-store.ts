import type { RecordBatch } from 'apache-arrow';
import { Turns } from '../core/turns.js';
import type { CallOptions, Lane, QueryParams, QuerySettings, Store, StreamOptions } from './store.js';

/**
 * Settings of every insert.
 *
 * - A batch may span many months: a backfill, or a producer whose clock is off. Both are bounded by LIMITS.earliestTime.
 * - The engine would look for repeated rows in every block, at twice the processor time of the insert, and find those of one
 *   block only. Background merges and the exact views find them all.
 * - Rows are durable when the insert returns, whatever the server's default is.
 */
export const INSERT_SETTINGS = {
  max_partitions_per_insert_block: '0',
  optimize_on_insert: 0,
  async_insert: 0,
} as const;

const ROWS_SETTINGS = { output_format_json_quote_64bit_integers: 0 } as const;

const ARROW_SETTINGS = {
  output_format_arrow_compression_method: 'none',
  output_format_arrow_low_cardinality_as_dictionary: 1,
} as const;

/** One call with its defaults filled in. */
export interface Call {
  readonly sql: string;
  /** Of the answer, unless the statement names one. */
  readonly format: string;
  readonly params: QueryParams;
  readonly settings: QuerySettings;
  readonly lane: Lane;
  readonly signal: AbortSignal | undefined;
}

/** What the embedded store and that on a server share: how a question is put, and how an answer is read. */
export abstract class QueryStore implements Store {
  abstract readonly name: string;
  abstract readonly shared: boolean;
  /** The whole answer. */
  protected abstract bytes(call: Call): Promise<Uint8Array>;
  /** The answer of an ArrowStream. */
  protected abstract batches(call: Call): AsyncGenerator<RecordBatch>;
  abstract insertArrow(table: string, columns: readonly string[], bytes: Uint8Array): Promise<void>;
  abstract stream(sql: string, format: string, options?: StreamOptions): AsyncGenerator<Uint8Array, void>;
  abstract ping(): Promise<void>;
  abstract close(): Promise<void>;

  async rows<T>(sql: string, params: QueryParams = {}, options: CallOptions = {}): Promise<T[]> {
    const settings = { ...ROWS_SETTINGS, ...options.settings };
    const bytes = await this.bytes(
      callOf(sql, 'JSONEachRow', params, { lane: 'serve', ...options, settings }),
    );
    if (bytes.length <= PARSED_AT_ONCE) return rowsOf<T>(bytes);
    const rows: T[] = [];
    const turns = new Turns();
    for (let from = 0; from < bytes.length; ) {
      const end = bytes.indexOf(NEWLINE, from + PARSED_AT_ONCE);
      const next = end < 0 ? bytes.length : end + 1;
      for (const row of rowsOf<T>(bytes.subarray(from, next))) rows.push(row);
      from = next;
      await turns.others();
    }
    return rows;
  }

  async text(sql: string, params: QueryParams = {}, options: CallOptions = {}): Promise<string> {
    return textOf(await this.bytes(callOf(sql, 'TabSeparated', params, { lane: 'serve', ...options })));
  }

  async *arrow(
    sql: string,
    params: QueryParams = {},
    options: CallOptions = {},
  ): AsyncGenerator<RecordBatch> {
    const settings = { ...options.settings, ...ARROW_SETTINGS };
    yield* this.batches(callOf(sql, 'ArrowStream', params, { lane: 'batch', ...options, settings }));
  }

  async command(sql: string, params: QueryParams = {}, options: CallOptions = {}): Promise<void> {
    await this.bytes(callOf(sql, 'TabSeparated', params, { lane: 'write', ...options }));
  }
}

function callOf(
  sql: string,
  format: string,
  params: QueryParams,
  { lane, signal, settings = {} }: CallOptions & { readonly lane: Lane },
): Call {
  return { sql, format, params, settings, lane, signal };
}

/** Bytes of an answer that are parsed before others have their turn, and the rest of a row. */
const PARSED_AT_ONCE = 65_536;
const NEWLINE = 0x0a;

function rowsOf<T>(bytes: Uint8Array): T[] {
  const text = textOf(bytes);
  return text === '' ? [] : (JSON.parse(`[${text.trimEnd().replaceAll('\n', ',')}]`) as T[]);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
