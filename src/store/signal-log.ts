import { FloatBuilder, TextBuilder, TextMapBuilder, TimeBuilder } from '../columns/arrow-builder.js';
import type { Signal } from '../signals/signal.js';
import { type Arrived, arrivalColumns, column, type EncodedRows, encodeRows } from './encoded-rows.js';

type Row = Arrived<Signal>;

/** Rows of `signal_log`. */
export function encodeSignals(records: Iterable<Row>): EncodedRows {
  return encodeRows<Row>(
    'signal_log',
    [
      column('account_id', new TextBuilder(), (r: Row) => r.value.accountId),
      column('category', new TextBuilder(), (r: Row) => r.value.category),
      column('type', new TextBuilder(), (r: Row) => r.value.type),
      column('occurred_at', new TimeBuilder(), (r: Row) => r.value.occurredAt),
      column('source', new TextBuilder(), (r: Row) => r.value.source),
      column('id', new TextBuilder(), (r: Row) => r.value.id),
      column('subscription_id', new TextBuilder(), (r: Row) => r.value.subscriptionId),
      column('value', new FloatBuilder(), (r: Row) => r.value.value),
      column('attributes', new TextMapBuilder(), (r: Row) => r.value.attributes),
      ...arrivalColumns<Row>(),
    ],
    records,
  );
}
