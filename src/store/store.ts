import type { RecordBatch } from 'apache-arrow';

/**
 * ClickHouse, embedded in this process (chDB) or on a server. Every failure is a PerennialError: `unavailable` when the same call
 * can succeed later, a connection that is cut in the middle of an answer included.
 */
export interface Store {
  /** "embedded <directory>" or "server <url>", for people. */
  readonly name: string;
  /** Whether other processes can write to it: what was read before may then be out of date without notice. */
  readonly shared: boolean;
  /** Rows of a query as objects; 64-bit integers as numbers, times as "YYYY-MM-DD hh:mm:ss.mmm" in UTC. */
  rows<T>(sql: string, params?: QueryParams, options?: CallOptions): Promise<T[]>;
  /** The answer to a query in any ClickHouse text format (the query ends with FORMAT). */
  text(sql: string, params?: QueryParams, options?: CallOptions): Promise<string>;
  /**
   * The answer to any one query that only reads, as bytes as they come, whatever their number: in a ClickHouse format, unless the
   * query names one itself. Throws `invalid_argument` for what is no such query, whatever its text looks like.
   */
  stream(sql: string, format: string, options?: StreamOptions): AsyncGenerator<Uint8Array, void>;
  /** Rows of a query as Arrow record batches. The query must not name a format. */
  arrow(sql: string, params?: QueryParams, options?: CallOptions): AsyncGenerator<RecordBatch>;
  /** Runs a statement that returns nothing. */
  command(sql: string, params?: QueryParams, options?: CallOptions): Promise<void>;
  /** Inserts an Arrow stream; its fields name the columns. Resolves once the rows are durable. */
  insertArrow(table: string, columns: readonly string[], bytes: Uint8Array): Promise<void>;
  /** Throws `unavailable` unless the store answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** How one call is run. Nothing of it outlives the call. */
export interface CallOptions {
  /** @default 'batch' for `arrow`, 'write' for `command`, else 'serve' */
  readonly lane?: Lane;
  /** Aborted: the call rejects with `cancelled` at once, and what runs in the engine is killed. */
  readonly signal?: AbortSignal | undefined;
  /** ClickHouse settings, such as max_threads. */
  readonly settings?: QuerySettings;
}

/** How a stream is run: its parameters come here too. */
export interface StreamOptions extends CallOptions {
  /** Values of `{name:Type}` in the query. */
  readonly params?: QueryParams;
}

export type QuerySettings = Readonly<Record<string, string | number>>;
export type QueryParams = Readonly<Record<string, unknown>>;

/**
 * The embedded engine runs the calls of one lane one after another (of "ask" and "account" a few at once) and the lanes side by side, so
 * that a long pass holds up neither answers nor writes, a slow question ("ask") no quick one ("serve"), and neither of them the pass over
 * one account that a caller waits for ("account"). A server runs all at once.
 */
export type Lane = 'serve' | 'ask' | 'account' | 'batch' | 'write';
