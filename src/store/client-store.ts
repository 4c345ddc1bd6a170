import type { Readable } from 'node:stream';
import type { ClickHouseClient } from '@clickhouse/client';
import { type RecordBatch, RecordBatchReader } from 'apache-arrow';
import type { Lane, QueryParams, QuerySettings, Store } from './store.js';
import { storeError, translated } from './store-error.js';

/**
 * - A batch may span many months: a backfill, or a producer whose clock is off. Both are bounded by LIMITS.earliestTime.
 * - The engine would look for repeated rows in every block, at twice the processor time of the insert, and find those of one
 *   block only. Background merges and the exact views find them all.
 */
export const INSERT_SETTINGS = 'SETTINGS max_partitions_per_insert_block = 0, optimize_on_insert = 0';

const ARROW_SETTINGS = {
  output_format_arrow_compression_method: 'none',
  output_format_arrow_low_cardinality_as_dictionary: 1,
};

/** What the embedded and the server store share: everything but where the client comes from and how Arrow goes in. */
export abstract class ClientStore implements Store {
  abstract readonly name: string;
  abstract readonly shared: boolean;
  protected abstract client(lane: Lane): ClickHouseClient;
  abstract insertArrow(table: string, columns: readonly string[], bytes: Uint8Array): Promise<void>;
  abstract readOnly(sql: string, format: string): Promise<string>;
  abstract close(): Promise<void>;

  async rows<T>(sql: string, params: QueryParams = {}, lane: Lane = 'serve'): Promise<T[]> {
    const text = await this.text(
      `${sql} SETTINGS output_format_json_quote_64bit_integers = 0 FORMAT JSONEachRow`,
      params,
      lane,
    );
    if (text === '') return [];
    return JSON.parse(`[${text.trimEnd().replaceAll('\n', ',')}]`) as T[];
  }

  async text(sql: string, params: QueryParams = {}, lane: Lane = 'serve'): Promise<string> {
    return readText(await this.#stream(sql, params, lane));
  }

  async *arrow(
    sql: string,
    params: QueryParams = {},
    lane: Lane = 'batch',
    settings: QuerySettings = {},
  ): AsyncGenerator<RecordBatch> {
    const all = Object.entries({ ...settings, ...ARROW_SETTINGS }).map(
      ([name, value]) => `${name} = ${typeof value === 'number' ? value : `'${value}'`}`,
    );
    const stream = await this.#stream(`${sql} SETTINGS ${all.join(', ')} FORMAT ArrowStream`, params, lane);
    const reader = await RecordBatchReader.from(stream);
    for await (const batch of await reader.open()) yield batch;
  }

  async command(sql: string, params: QueryParams = {}): Promise<void> {
    await translated(() => this.client('write').command({ query: sql, query_params: { ...params } }));
  }

  async ping(): Promise<void> {
    const answer = await this.client('serve').ping({ select: true });
    if (!answer.success) throw storeError(answer.error);
  }

  async prepare(): Promise<void> {
    await this.ping();
  }

  async #stream(sql: string, params: QueryParams, lane: Lane): Promise<Readable> {
    const result = await translated(() =>
      this.client(lane).exec({ query: sql, query_params: { ...params } }),
    );
    return result.stream;
  }
}

export async function readText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
