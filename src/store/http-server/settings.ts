import { LIMITS } from '../../core/limits.js';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { EngineConnection } from '../engine/engine-connection.js';
import { quoteName } from '../sql-quote.js';
import { FIXED_SETTINGS } from './fixed-settings.js';
import type { QueryLimits, SettingGuard } from './setting-guard.js';
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

export interface StatementContext {
  readonly database: string | undefined;
  readonly settings: ReadonlyMap<string, string>;
  /** Without the `param_` before their names. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Marks the query in `system.processes`, so that it can be found and killed. */
  readonly queryId: string;
  readonly user: UserKind;
  readonly limits: QueryLimits;
}

/** Prepares a fresh connection for one statement. Throws UNKNOWN_SETTING and the like, and READONLY for what a user may not set. */
export async function applyContext(
  connection: EngineConnection,
  context: StatementContext,
  guard: SettingGuard,
): Promise<void> {
  const values = new Map<string, string>();
  for (const [name, value] of context.settings) {
    if (HTTP_SETTINGS.test(name)) continue;
    guard.check(name, value, context.user);
    values.set(name, value);
  }
  for (const [name, value] of context.parameters) values.set(`param_${name}`, value);
  for (const [name, value] of FIXED_SETTINGS) values.set(name, value);
  values.set('log_comment', context.queryId);
  const { limits } = context;
  if (context.user === 'reader') values.delete('readonly');
  if (context.user !== 'full') {
    if (!values.has('max_memory_usage')) values.set('max_memory_usage', String(limits.memoryBytes));
    if (!values.has('max_execution_time')) values.set('max_execution_time', String(limits.seconds));
  }
  const names = [...values.keys()];
  const wrong = names.find((name) => !/^\w+$/.test(name));
  if (wrong !== undefined) {
    throw new ClickHouseException(CODE.unknownSetting, 'UNKNOWN_SETTING', `Unknown setting '${wrong}'`);
  }
  // `readonly` comes last: nothing can be set after it.
  names.sort((a, b) => Number(a === 'readonly') - Number(b === 'readonly'));
  if (context.database !== undefined) await connection.run(`USE ${quoteName(context.database)}`);
  const length = names.reduce((sum, name) => sum + values.get(name)!.length, 0);
  if (length > LIMITS.httpQueryBytes / 2) {
    // The parameters themselves may be longer than a statement; the statement then has the limit that it would have had.
    if (!values.has('max_query_size')) names.push('max_query_size');
    await connection.run(`SET max_query_size = ${2 * LIMITS.httpReaderBodyBytes}`);
  }
  const textFor = (name: string) => values.get(name) ?? String(LIMITS.httpQueryBytes);
  await connection.set(names.map((name) => [name, textFor(name)] as const));
}
