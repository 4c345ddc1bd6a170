import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { EngineConnection } from '../engine/engine-connection.js';
import { quoteName, quoteText } from '../sql-quote.js';
import type { UserKind } from './users.js';

/** URL parameters that say how to serve a request and are no settings of the engine. */
export const RESERVED_PARAMETERS: ReadonlySet<string> = new Set([
  'query',
  'database',
  'default_format',
  'user',
  'password',
  'quota_key',
  'query_id',
  'session_id',
  'session_timeout',
  'session_check',
  'close_session',
  'compress',
  'decompress',
  'stacktrace',
  'role',
  'buffer_size',
  'wait_end_of_query',
  'client_protocol_version',
]);

/** Settings about HTTP that this server answers itself; the engine takes them and has no use for them. */
const HTTP_SETTINGS =
  /^(http_|send_progress_in_http_headers$|enable_http_compression$|add_http_cors_header$|log_comment$)/;

/**
 * Settings that a reader may send: how results look, how long and how wide a query runs. Not among them: what names a file
 * (`format_schema`, `output_format_schema`, templates), holds SQL (`additional_table_filters`) or lifts a limit.
 */
const READER_SETTINGS =
  /^(output_format_(json|csv|tsv|pretty|parquet|arrow|orc|avro|native|binary|values|decimal|write|markdown|sql|xml)\w*|date_time_output_format|format_csv_\w+|bool_(true|false)_representation|session_timezone|join_use_nulls|final|limit|offset|extremes|max_(threads|block_size|result_rows|result_bytes|rows_to_read|bytes_to_read|rows_to_group_by)|result_overflow_mode|read_overflow_mode|group_by_overflow_mode|do_not_merge_across_partitions_select_final|asterisk_include_\w+|count_distinct_implementation|transform_null_in|use_query_condition_cache|cancel_http_readonly_queries_on_client_close|readonly|max_execution_time|timeout_overflow_mode|timeout_before_checking_execution_speed|connect_timeout|receive_timeout|send_timeout|allow_experimental_\w+_type|enable_(json|variant|dynamic)_type|allow_suspicious_\w+)$/;

export interface StatementContext {
  readonly database: string | undefined;
  readonly settings: ReadonlyMap<string, string>;
  /** Without the `param_` before their names. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Marks the query in `system.processes`, so that it can be found and killed. */
  readonly queryId: string;
  readonly user: UserKind;
  /** Longest time of a reader's query, in seconds. */
  readonly readerSeconds: number;
  /** Most memory of a reader's query. */
  readonly readerMemoryBytes: number;
}

/** Prepares a fresh connection for one statement. Throws UNKNOWN_SETTING and the like, and READONLY for a reader. */
export async function applyContext(connection: EngineConnection, context: StatementContext): Promise<void> {
  // Mapped files would count as memory of this process while an insert reads them.
  const values = new Map([['storage_file_read_method', 'pread']]);
  for (const [name, value] of context.settings) {
    if (HTTP_SETTINGS.test(name)) continue;
    if (context.user === 'reader') checkReaderSetting(name, value, context.readerSeconds);
    values.set(name, value);
  }
  for (const [name, value] of context.parameters) values.set(`param_${name}`, value);
  // As on a server, where `1 + 1` is no query and nobody is to look into the process.
  values.set('implicit_select', '0');
  values.set('allow_introspection_functions', '0');
  values.set('log_comment', context.queryId);
  if (context.user === 'reader') {
    values.delete('readonly');
    values.set('max_memory_usage', String(context.readerMemoryBytes));
    if (!values.has('max_execution_time')) values.set('max_execution_time', String(context.readerSeconds));
  }
  const names = [...values.keys()];
  const wrong = names.find((name) => !/^\w+$/.test(name));
  if (wrong !== undefined) {
    throw new ClickHouseException(CODE.unknownSetting, 'UNKNOWN_SETTING', `Unknown setting '${wrong}'`);
  }
  // `readonly` comes last: nothing can be set after it.
  names.sort((a, b) => Number(a === 'readonly') - Number(b === 'readonly'));
  if (context.database !== undefined) await connection.run(`USE ${quoteName(context.database)}`);
  await connection.run(`SET ${names.map((name) => `${name} = ${quoteText(values.get(name)!)}`).join(', ')}`);
}

/** After this the connection can only read. */
export async function lockForReader(connection: EngineConnection): Promise<void> {
  await connection.run('SET readonly = 1');
}

function checkReaderSetting(name: string, value: string, seconds: number): void {
  const tooLong =
    name === 'max_execution_time' && !(Number(value) > 0 && Number(value) <= Math.max(seconds, 0.001));
  const unlocks = name === 'readonly' && !/^[12]$/.test(value);
  if (READER_SETTINGS.test(name) && !tooLong && !unlocks) return;
  throw new ClickHouseException(
    CODE.readonly,
    'READONLY',
    tooLong
      ? `Cannot modify 'max_execution_time' beyond ${seconds} seconds in readonly mode.`
      : `Cannot modify '${name}' setting in readonly mode.`,
  );
}
