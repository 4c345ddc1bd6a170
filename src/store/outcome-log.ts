import { BooleanBuilder, IntegerBuilder, TextBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Outcome } from '../signals/subscription.js';
import { type Arrived, arrivalColumns, column, type EncodedRows, encodeRows } from './encoded-rows.js';

type Row = Arrived<Outcome>;

/** Rows of `outcome_log`. */
export function encodeOutcomes(records: Iterable<Row>): EncodedRows {
  return encodeRows<Row>(
    'outcome_log',
    [
      column('account_id', new TextBuilder(), (r: Row) => r.value.accountId),
      column('subscription_id', new TextBuilder(), (r: Row) => r.value.subscriptionId),
      column('occurred_at', new TimeBuilder(), (r: Row) => r.value.occurredAt),
      column('source', new TextBuilder(), (r: Row) => r.value.source),
      column('id', new TextBuilder(), (r: Row) => r.value.id),
      column('kind', new TextBuilder(), (r: Row) => r.value.kind),
      column('arr_before_minor', new IntegerBuilder(), (r: Row) => r.value.arrBeforeMinor),
      column('arr_after_minor', new IntegerBuilder(), (r: Row) => r.value.arrAfterMinor),
      column('currency', new TextBuilder(), (r: Row) => r.value.currency),
      column('reason', new TextBuilder(), (r: Row) => r.value.reason),
      column('voluntary', new BooleanBuilder(), (r: Row) => r.value.voluntary),
      column('decision_id', new TextBuilder(), (r: Row) => r.value.decisionId),
      ...arrivalColumns<Row>(),
    ],
    records,
  );
}
