import {
  BooleanBuilder,
  DateBuilder,
  IntegerBuilder,
  TextBuilder,
  TimeBuilder,
} from '../columns/arrow-builder.js';
import type { Millis } from '../core/clock.js';
import type { Outcome } from '../signals/subscription.js';
import type { Version } from '../signals/versions.js';
import { column } from './encoded-rows.js';
import { membersHash, withLength } from './record-hash.js';
import type { RecordTable } from './record-table.js';
import type { Store } from './store.js';

type Row = Version<Outcome>;

/** `outcome_log`. An outcome is known by its source and id. */
export const OUTCOMES: RecordTable<Outcome> = {
  kind: 'outcome',
  table: 'outcome_log',
  identityOf: ({ source, id }) => `outcome:${withLength(source)}${id}`,
  contentOf: ({ source: _source, id: _id, ...contents }) => membersHash(contents),
  accountOf: ({ accountId }) => accountId,
  sourceOf: ({ source }) => source,
  occurredAtOf: ({ occurredAt }) => occurredAt,
  columns: () => [
    column('account_id', new TextBuilder(), (r: Row) => r.value.accountId),
    column('subscription_id', new TextBuilder(), (r: Row) => r.value.subscriptionId),
    column('occurred_at', new TimeBuilder(), (r: Row) => r.value.occurredAt),
    column('source', new TextBuilder(), (r: Row) => r.value.source),
    column('id', new TextBuilder(), (r: Row) => r.value.id),
    column('kind', new TextBuilder(), (r: Row) => r.value.kind),
    column('arr_before_minor', new IntegerBuilder(), (r: Row) => r.value.arrBeforeMinor),
    column('arr_after_minor', new IntegerBuilder(), (r: Row) => r.value.arrAfterMinor),
    column('currency', new TextBuilder(), (r: Row) => r.value.currency),
    column('term_start', new DateBuilder(), (r: Row) => r.value.termStart),
    column('term_end', new DateBuilder(), (r: Row) => r.value.termEnd),
    column('reason', new TextBuilder(), (r: Row) => r.value.reason),
    column('voluntary', new BooleanBuilder(), (r: Row) => r.value.voluntary),
    column('decision_id', new TextBuilder(), (r: Row) => r.value.decisionId),
  ],
  keySql: "xxHash64(concat('outcome:', toString(length(source)), ':', source, id))",
  select: `account_id AS accountId, subscription_id AS subscriptionId, toUnixTimestamp64Milli(occurred_at) AS occurredAt, source, id, kind,
    arr_before_minor AS arrBeforeMinor, arr_after_minor AS arrAfterMinor, currency, toInt64(toInt32(term_start)) * 86400000 AS termStart,
    toInt64(toInt32(term_end)) * 86400000 AS termEnd, reason, voluntary, decision_id AS decisionId`,
  valueOf(row) {
    const outcome = row as unknown as Outcome;
    return {
      source: outcome.source,
      id: outcome.id,
      accountId: outcome.accountId,
      subscriptionId: outcome.subscriptionId,
      kind: outcome.kind,
      occurredAt: outcome.occurredAt,
      arrBeforeMinor: outcome.arrBeforeMinor,
      arrAfterMinor: outcome.arrAfterMinor,
      currency: outcome.currency,
      termStart: outcome.termStart,
      termEnd: outcome.termEnd,
      reason: outcome.reason,
      voluntary: outcome.voluntary,
      decisionId: outcome.decisionId,
    };
  },
};

/** When an outcome of a subscription was first said to have happened; undefined: it is not there. */
export async function readFirstTime(
  store: Store,
  { accountId, subscriptionId, source, id }: Pick<Outcome, 'accountId' | 'subscriptionId' | 'source' | 'id'>,
): Promise<Millis | undefined> {
  const [row] = await store.rows<{ at: number }>(
    `SELECT toUnixTimestamp64Milli(occurred_at) AS at FROM outcome_log
     WHERE account_id = {account:String} AND subscription_id = {subscription:String} AND source = {source:String} AND id = {id:String}
     ORDER BY occurred_at LIMIT 1`,
    { account: accountId, subscription: subscriptionId, source, id },
  );
  return row?.at;
}
