import { Field, makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from 'apache-arrow';
import type { ColumnBuilder } from './arrow-builder.js';

/** An Arrow stream of one record batch for each set of columns. All have the same columns, and those of one the same number of rows. */
export function toArrowStream(...batches: readonly ReadonlyMap<string, ColumnBuilder<never>>[]): Uint8Array {
  const data = batches.map((columns) =>
    [...columns].map(([name, builder]) => ({ name, data: builder.finish() })),
  );
  const fields = data[0]!.map(({ name, data: { type } }, place) => {
    const nullable = data.some((columns) => columns[place]!.data.nullCount > 0);
    return new Field(name, type, nullable);
  });
  const schema = new Schema(fields);
  const writer = new RecordBatchStreamWriter();
  for (const columns of data) {
    const children = columns.map((column) => column.data);
    const length = children[0]?.length ?? 0;
    writer.write(
      new RecordBatch(schema, makeData({ type: new Struct(fields), length, nullCount: 0, children })),
    );
  }
  writer.finish();
  return writer.toUint8Array(true);
}
