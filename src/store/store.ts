import type { RecordBatch } from 'apache-arrow';

/**
 * ClickHouse, embedded in this process (chDB) or on a server, through one client.
 *
 * Settings are written into the text of the query (`SETTINGS a = b`), never passed beside it: on the embedded engine
 * those would stay in force for later queries of the same connection.
 */
export interface Store {
  /** "embedded <directory>" or "server <url>", for people. */
  readonly name: string;
  /** Whether other processes can write to it: what was read before may then be out of date without notice. */
  readonly shared: boolean;
  /** Rows of a query as objects; 64-bit integers as numbers, times as "YYYY-MM-DD hh:mm:ss.mmm" in UTC. */
  rows<T>(sql: string, params?: QueryParams, lane?: Lane): Promise<T[]>;
  /** The answer to a query in any ClickHouse format (the query ends with FORMAT). */
  text(sql: string, params?: QueryParams, lane?: Lane): Promise<string>;
  /**
   * Any one query that only reads, answered in a ClickHouse format unless it names one itself. Writes are refused by the
   * engine (`readonly`), whatever the text says.
   */
  readOnly(sql: string, format: string): Promise<string>;
  /** Rows of a query as Arrow record batches. The query must not end with SETTINGS or FORMAT. */
  arrow(
    sql: string,
    params?: QueryParams,
    lane?: Lane,
    settings?: QuerySettings,
  ): AsyncGenerator<RecordBatch>;
  /** Runs a statement that returns nothing. */
  command(sql: string, params?: QueryParams): Promise<void>;
  /** Inserts an Arrow stream; its fields name the columns. Resolves once the rows are durable. */
  insertArrow(table: string, columns: readonly string[], bytes: Uint8Array): Promise<void>;
  /** Throws `unavailable` unless the store answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** ClickHouse settings for one query, such as max_threads. */
export type QuerySettings = Readonly<Record<string, string | number>>;
export type QueryParams = Readonly<Record<string, unknown>>;

/**
 * Queries on one embedded connection run one after another, so serving, bulk reading and writing each have their own;
 * the engine runs those side by side.
 */
export type Lane = 'serve' | 'batch' | 'write';
