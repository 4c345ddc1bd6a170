import { PerennialError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import { Fault } from '../../signals/fault.js';
import { isObject } from '../../signals/json-body.js';
import { canonicalJson, JsonRow, memberOf, type ReadRow, type RowReader } from './row.js';

/** Rows handed over at a time. */
const GROUP = 1_000;

/**
 * Rows of a file that is one JSON document, over as many lines as it likes: the elements of the list at `rows`, else of the document
 * where it is a list, else of the one list that it has, such as the `data` of an API's answer. A row's number takes the place of its
 * line. Throws a PerennialError for what is no such document.
 */
export async function openJsonDocument(
  path: string,
  input: AsyncIterable<Uint8Array>,
  rows: string | undefined,
): Promise<RowReader> {
  const list = listIn(path, await documentOf(path, input), rows);
  async function* groups(): AsyncGenerator<readonly ReadRow[]> {
    for (let from = 0; from < list.length; from += GROUP)
      yield list.slice(from, from + GROUP).map((element, i) => rowOf(element, from + i + 1));
  }
  return { columns: null, rows: groups(), close: async () => {} };
}

async function documentOf(path: string, input: AsyncIterable<Uint8Array>): Promise<unknown> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of input) {
    bytes += part.length;
    if (bytes > LIMITS.jsonDocumentBytes) {
      throw new PerennialError(
        'limit_exceeded',
        `${path} is larger than ${LIMITS.jsonDocumentBytes} bytes.`,
        {
          hint: 'A JSON document is read whole. Write it as NDJSON, one object a line: jq -c ".data[]" does.',
        },
      );
    }
    parts.push(part);
  }
  const text = new TextDecoder('utf-8').decode(Buffer.concat(parts));
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new PerennialError(
      'invalid_file',
      `${path} is not a JSON document: ${thrown instanceof Error ? thrown.message : String(thrown)}.`,
      { hint: 'Of a file with one object a line, say `format: ndjson` in the mapping.', cause: thrown },
    );
  }
}

function listIn(path: string, document: unknown, rows: string | undefined): readonly unknown[] {
  if (rows !== undefined) {
    const found = memberOf(document, rows);
    if (Array.isArray(found)) return found;
    throw new PerennialError('invalid_file', `${path} has no list at \`${rows}\`.`, {
      hint: 'Correct `rows` of this file in the mapping.',
    });
  }
  if (Array.isArray(document)) return document;
  if (!isObject(document))
    throw new PerennialError('invalid_file', `${path} holds neither a list nor an object.`);
  const lists = Object.entries(document).filter(([, value]) => Array.isArray(value));
  if (lists.length > 1) {
    throw new PerennialError(
      'invalid_file',
      `${path} has several lists: ${lists.map(([name]) => name).join(', ')}.`,
      { hint: 'Say which one has the rows, by `rows` of this file in the mapping.' },
    );
  }
  return (lists[0]?.[1] as readonly unknown[] | undefined) ?? [document];
}

function rowOf(element: unknown, number: number): ReadRow {
  const raw = Buffer.from(JSON.stringify(element) ?? 'null').subarray(0, LIMITS.messageBytes);
  if (isObject(element))
    return { line: number, raw, row: new JsonRow(element), content: [canonicalJson(element)] };
  const fault = new Fault('not_an_object', '', 'The row is not a JSON object.');
  return { line: number, raw, row: fault, content: [] };
}
