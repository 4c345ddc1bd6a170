import { BytesBuilder, TextBuilder, TextMapBuilder } from '../columns/arrow-builder.js';
import type { Rejection } from '../signals/signal.js';
import { type Arrived, arrivalColumns, column, type EncodedRows, encodeRows } from './encoded-rows.js';

type Row = Arrived<Rejection>;

/** Rows of `rejection_log`. */
export function encodeRejections(records: Iterable<Row>): EncodedRows {
  return encodeRows<Row>(
    'rejection_log',
    [
      column('reason', new TextBuilder(), (r: Row) => r.value.reason),
      column('detail', new TextBuilder(), (r: Row) => r.value.detail),
      column('field', new TextBuilder(), (r: Row) => r.value.field),
      column('id', new TextBuilder(), (r: Row) => r.value.id),
      column('raw', new BytesBuilder(), (r: Row) => r.value.raw),
      column('headers', new TextMapBuilder(), (r: Row) => r.value.headers ?? {}),
      ...arrivalColumns<Row>(),
    ],
    records,
  );
}
