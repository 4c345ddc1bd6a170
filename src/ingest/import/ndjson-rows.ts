import { LIMITS } from '../../core/limits.js';
import { Fault } from '../../signals/fault.js';
import { parseJsonObject } from '../../signals/json-body.js';
import { isBlank, type Line, readLines } from '../lines.js';
import { canonicalJson, JsonRow, type ReadRow, type RowReader } from './row.js';

/** Rows of an NDJSON file: each line one JSON object, its members the columns. */
export function openNdjson(input: AsyncGenerator<Uint8Array>): RowReader {
  async function* rows(): AsyncGenerator<readonly ReadRow[]> {
    for await (const lines of readLines(input, LIMITS.messageBytes)) {
      yield lines.filter((line) => !isBlank(line)).map(rowOf);
    }
  }
  return { columns: null, rows: rows(), close: async () => void (await input.return(undefined)) };
}

function rowOf(line: Line): ReadRow {
  const read = (): JsonRow | Fault => {
    if (line.cut) return new Fault('too_large', '', `The line is longer than ${LIMITS.messageBytes} bytes.`);
    try {
      return new JsonRow(parseJsonObject(line.bytes));
    } catch (thrown) {
      if (thrown instanceof Fault) return thrown;
      throw thrown;
    }
  };
  const row = read();
  const content = row instanceof Fault ? [] : [canonicalJson(row.object)];
  return { line: line.number, raw: line.bytes, row, content };
}
