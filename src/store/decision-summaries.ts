import type { Batch } from '../columns/batch.js';
import { batchFromArrow } from '../columns/from-arrow.js';
import { DAY_MS, type Millis } from '../core/clock.js';
import { LIMITS } from '../core/limits.js';
import { dateTime64 } from '../core/sql-time.js';
import { type Scope, scopeSql } from '../features/population.js';
import { decisionsAt } from './decision-log.js';
import type { Store } from './store.js';

/**
 * What guardrails and facts need of everything that was decided for the accounts of a scope, one row for each action of a
 * subscription: the columns of `ActionSummary`, `seen_at` as texts. `time`: as of then; null: now. `asOf`: what the year before
 * counts from.
 */
export async function* readSummaries(
  store: Store,
  scope: Scope,
  time: Millis | null,
  asOf: Millis,
): AsyncGenerator<Batch> {
  const { sql, params } = scopeSql(scope);
  const from = decisionsAt(time, sql);
  const end = (status: string) =>
    `maxOrNullIf(toUnixTimestamp64Milli(assumeNotNull(closed_at)), status = '${status}') AS ${status}_at`;
  const query = `SELECT account_id, subscription_id, kind, action, toFloat64(max(ordinal)) AS openings,
      toFloat64(countIf(d.opened_at > {year_before:DateTime64(3, 'UTC')})) AS opened_last_year, max(toUnixTimestamp64Milli(d.opened_at)) AS opened_at,
      maxOrNull(toUnixTimestamp64Milli(d.presented_at)) AS presented_at,
      ${['accepted', 'declined', 'expired', 'resolved'].map(end).join(', ')},
      arrayMap(t -> toString(t), arraySlice(arrayReverseSort(groupArrayIf(toUnixTimestamp64Milli(assumeNotNull(d.presented_at)), d.presented_at IS NOT NULL)),
        1, ${LIMITS.frequencyCap})) AS seen_at
    FROM ${from.sql} AS d GROUP BY account_id, subscription_id, kind, action`;
  const year = { year_before: dateTime64(asOf - 365 * DAY_MS) };
  for await (const arrow of store.arrow(query, { ...params, ...from.params, ...year }, { lane: 'batch' }))
    if (arrow.numRows > 0) yield batchFromArrow(arrow);
}
