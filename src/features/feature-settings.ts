/**
 * Nothing that changes values: who asks a running engine asks under its own settings.
 * A signal's month is part of its key, so that months need not be merged with one another.
 * Compiling expressions to machine code saves nothing on millions of rows, and takes a third of the time on a few accounts.
 */
export const FEATURE_SETTINGS = {
  enable_materialized_cte: 1,
  do_not_merge_across_partitions_select_final: 1,
  compile_expressions: 0,
  compile_aggregate_expressions: 0,
  compile_sort_description: 0,
} as const;
