/** What readers and writers may name. What is not here is closed: a new engine may bring what nobody has looked at. */

/** Table functions that make rows out of nothing. All others read files, other services or hidden tables. */
export const OPEN_TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  'numbers',
  'numbers_mt',
  'zeros',
  'zeros_mt',
  'generateseries',
  'generate_series',
  'primes',
  'values',
  'view',
  'null',
]);

/** System tables that SQL tools and clients need to show what there is. Others hold queries, users, paths or secrets. */
export const OPEN_SYSTEM_TABLES: ReadonlySet<string> = new Set([
  'one',
  'numbers',
  'numbers_mt',
  'zeros',
  'databases',
  'tables',
  'columns',
  'functions',
  'aggregate_function_combinators',
  'table_functions',
  'table_engines',
  'data_type_families',
  'data_skipping_indices',
  'parts',
  'parts_columns',
  'settings',
  'merge_tree_settings',
  'formats',
  'keywords',
  'completions',
  'collations',
  'time_zones',
  'contributors',
  'licenses',
  'build_options',
]);

/** Engines of tables and databases that keep their rows in the data directory and nowhere else. */
export const OPEN_ENGINES: ReadonlySet<string> = new Set([
  'MergeTree',
  'ReplacingMergeTree',
  'SummingMergeTree',
  'AggregatingMergeTree',
  'CollapsingMergeTree',
  'VersionedCollapsingMergeTree',
  'CoalescingMergeTree',
  'Memory',
  'Log',
  'TinyLog',
  'StripeLog',
  'Set',
  'Join',
  'Null',
  'Atomic',
]);

/** Beside those that the engine lists by category: they read files, other tables, settings of the server, or waste time. */
export const CLOSED_FUNCTIONS = [
  'file',
  'catboostevaluate',
  'evalmlmethod',
  'getmacro',
  'getserversetting',
  'getserverport',
  'tcpport',
  'getclienthttpheader',
  'showcertificate',
  'sleep',
  'sleepeachrow',
  'fqdn',
  'filesystemavailable',
  'filesystemcapacity',
  'filesystemunreserved',
  'getoskernelversion',
  'generateserialid',
  'fuzzquery',
] as const;

/** Functions, engines, sources and places that reach files or programs of this machine: closed to all but those who may. */
export const FILE_NAMES: ReadonlySet<string> = new Set([
  'file',
  'filecluster',
  'filesystem',
  'sqlite',
  'executable',
  'executablepool',
  'iceberglocal',
  'iceberglocalcluster',
  'deltalakelocal',
  'paimonlocal',
  'hudilocal',
  'catboostevaluate',
  'embeddedrocksdb',
  'rocksdb',
  'library',
  'disk',
  'filelog',
]);

/** What a reader's statement may be, by its node at the top. */
export const READING_NODES: ReadonlySet<string> = new Set([
  'SelectWithUnionQuery',
  'SelectIntersectExceptQuery',
  'SelectQuery',
  'DescribeQuery',
  'Explain',
  'ShowTables',
  'ShowColumns',
  'ShowFunctions',
  'ShowSetting',
  'ShowCreateTableQuery',
  'ShowCreateViewQuery',
  'ShowCreateDatabaseQuery',
  'ShowCreateDictionaryQuery',
  'ExistsTableQuery',
  'ExistsViewQuery',
  'ExistsDatabaseQuery',
  'ExistsDictionaryQuery',
]);

/** What a writer's may be, beside those. */
export const WRITING_NODES: ReadonlySet<string> = new Set([
  'CreateQuery',
  'InsertQuery',
  'Rename',
  'AlterQuery',
  'DropQuery',
  'TruncateQuery',
  'DeleteQuery',
  'UpdateQuery',
  'OptimizeQuery',
]);

/** Changes of a table that reach no other table, disk or program. */
export const OPEN_ALTERS =
  /^((ADD|DROP|MODIFY|RENAME|COMMENT|CLEAR|MATERIALIZE)_(COLUMN|INDEX|STATISTICS|CONSTRAINT|PROJECTION)|(ADD|DROP|CLEAR|MATERIALIZE)_(INDEX|PROJECTION|CONSTRAINT|STATISTICS)|MODIFY_(ORDER_BY|TTL|COMMENT|SAMPLE_BY)|MATERIALIZE_TTL|REMOVE_TTL|UPDATE|DELETE|APPLY_DELETED_MASK|(DROP|ATTACH|REPLACE|MOVE)_PARTITION)$/;
