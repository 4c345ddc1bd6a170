import { LIMITS } from '../../core/limits.js';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { EngineConnection } from '../engine/engine-connection.js';
import { FIXED_SETTINGS } from './fixed-settings.js';
import type { UserKind } from './users.js';

/** What readers and writers may use at most. */
export interface QueryLimits {
  readonly seconds: number;
  readonly memoryBytes: number;
  readonly threads: number;
}

/**
 * Settings that a reader or writer may send, as with `readonly = 2` of a server: what says how a query is read, run and written.
 * Not among them: what names a file (`format_schema`, templates), holds SQL (`additional_result_filter`; the conditions of `additional_table_filters` are judged as those of a statement), switches on what is
 * experimental and may bring the engine down, shows secrets, or lifts a limit. A value that is the present one always passes.
 */
const HARMLESS = new RegExp(
  `^(${[
    'input_format_(?!.*(schema|defaults_for|path))\\w+',
    'output_format_(json|csv|tsv|pretty|parquet|arrow|orc|avro|native|binary|values|decimal|write|markdown|sql|xml|msgpack|bson|float|compression_level)\\w*',
    'date_time_(in|out)put_format',
    'format_(csv|regexp|custom)_(?!.*schema)\\w+',
    'bool_(true|false)_representation',
    'interval_output_format|session_timezone|use_client_time_zone|cast_\\w+|short_circuit_function_evaluation',
    'join_\\w+|any_join_\\w+|partial_merge_join\\w*|final|limit|offset|extremes|prefer_column_name_to_alias|prefer_global_in_and_join',
    'max_(block_size|result_rows|result_bytes|rows_to_\\w+|bytes_to_\\w+|rows_in_\\w+|bytes_in_\\w+|columns_to_read|temporary_columns|temporary_non_const_columns|insert_block_size|partitions_per_insert_block|compress_block_size|read_buffer_size)',
    'min_(insert_block_size_\\w+|compress_block_size|count_to_compile_\\w+|bytes_to_use_\\w+|rows_to_\\w+)',
    '(result|read|group_by|sort|distinct|set|join|transfer|timeout)_overflow_mode',
    'timeout_before_checking_execution_speed|(connect|receive|send|http_\\w+)_timeout|poll_interval|interactive_delay',
    'do_not_merge_across_partitions_select_final|asterisk_include_\\w+|count_distinct_implementation|count_distinct_optimization|transform_null_in',
    'aggregate_functions_null_for_empty|empty_result_for_aggregation_by_\\w+|group_by_use_nulls|data_type_default_nullable|union_default_mode|intersect_default_mode|except_default_mode',
    'use_query_condition_cache|use_uncompressed_cache|use_skip_indexes\\w*|optimize_\\w+|enable_(optimize_\\w+|analyzer|early_constant_folding|positional_arguments|order_by_all|unaligned_array_join|json_type|variant_type|dynamic_type|time_time64_type|qbit_type)',
    'allow_experimental_(analyzer|json_type|variant_type|dynamic_type|object_type|time_series_types|nullable_tuple_type|\\w+_type)|allow_suspicious_\\w+|allow_simdjson|allow_nullable_key|allow_nondeterministic_mutations',
    'async_insert\\w*|wait_for_async_insert\\w*|insert_(deduplicat\\w+|null_as_default|quorum\\w*|keeper_\\w+|distributed_sync)|deduplicate_\\w+|select_sequential_consistency|mutations_sync|alter_sync|lightweight_deletes_sync|replication_alter_partitions_sync|database_atomic_wait_for_drop_and_detach_synchronously|materialize_\\w+',
    'network_compression_method|network_zstd_compression_level|cancel_http_readonly_queries_on_client_close|send_(progress|logs|timeout|profile)\\w*|log_queries\\w*|log_profile_events|load_balancing|prefer_localhost_replica|use_hedged_requests|skip_unavailable_shards|parallel_replicas_\\w+|max_parallel_replicas|enable_parallel_replicas|fallback_to_stale_replicas_for_distributed_queries|describe_\\w+|show_table_uuid_in_\\w+|show_create_query_\\w+|show_data_lake_catalogs_in_system_tables|exact_rows_before_limit|convert_query_to_cnf|decimal_check_overflow|totals_mode|totals_auto_threshold|throw_on_error_from_cache_on_write_operations|replace_running_query',
  ].join('|')})$`,
);

/** Limits that may be made narrower: below the present value, and not 0, which lifts them. */
const LIMITED =
  /^max_(memory_usage|execution_time|threads|insert_threads|final_threads|download_threads|parsing_threads|query_size|bytes_before_external_(group_by|sort))$/;

/** Settings of tables that a writer may give: all that the engine has, but those that name a place. */
const PLACES = /disk|path|policy|backup|remote/;

/** Judges the settings that come with a request or stand in a statement. */
export class SettingGuard {
  readonly #present: ReadonlyMap<string, string>;
  readonly #ofTables: ReadonlySet<string>;
  readonly #limits: QueryLimits;

  private constructor(
    present: ReadonlyMap<string, string>,
    ofTables: ReadonlySet<string>,
    limits: QueryLimits,
  ) {
    this.#present = present;
    this.#ofTables = ofTables;
    this.#limits = limits;
  }

  static async load(connection: EngineConnection, limits: QueryLimits): Promise<SettingGuard> {
    const settings = await connection.rows<{ name: string; value: string }>(
      'SELECT name, value FROM system.settings',
    );
    const ofTables = await connection.rows<{ name: string }>('SELECT name FROM system.merge_tree_settings');
    return new SettingGuard(
      new Map([...settings.map(({ name, value }) => [name, value] as const), ...FIXED_SETTINGS]),
      new Set(ofTables.map(({ name }) => name).filter((name) => !PLACES.test(name))),
      limits,
    );
  }

  /** Throws READONLY for what this kind of user may not set. */
  check(name: string, value: string, kind: UserKind): void {
    if (kind === 'full') return;
    if (LIMITED.test(name)) {
      this.#checkLimit(name, value);
      return;
    }
    const present = name === 'readonly' ? (value === '2' ? '2' : '1') : this.#present.get(name);
    if (present !== undefined && same(present, value)) return;
    if (HARMLESS.test(name) || (kind === 'writer' && this.#ofTables.has(name))) return;
    throw new ClickHouseException(
      CODE.readonly,
      'READONLY',
      `Cannot modify '${name}' setting in readonly mode.`,
    );
  }

  #checkLimit(name: string, value: string): void {
    const most = this.#most(name);
    const number = Number(value);
    if (number > 0 && number <= most) return;
    throw new ClickHouseException(
      CODE.readonly,
      'READONLY',
      `Cannot modify '${name}' setting in readonly mode: it may be at most ${most} here.`,
    );
  }

  #most(name: string): number {
    if (name === 'max_execution_time') return this.#limits.seconds;
    if (name === 'max_query_size') return LIMITS.httpQueryBytesMost;
    return name.endsWith('threads') ? this.#limits.threads : this.#limits.memoryBytes;
  }
}

/** As the engine shows values: 1 for true, without quotes. */
function same(present: string, value: string): boolean {
  const plain = (text: string) => {
    const bare = text.trim().toLowerCase();
    if (bare === 'true') return '1';
    return bare === 'false' || bare === '' ? '0' : bare;
  };
  return present === value || (/^\d*$/.test(present) && plain(present) === plain(value));
}
