import {
  create,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { LIMITS } from '../core/limits.js';

/** Bytes of items in one answer; what stands beside them is small. */
export const ROOM_FOR_ITEMS = LIMITS.answerBytes - 65_536;

/** The first items, as many as there is room for; and how much room they leave. `least`: so many in any case. */
export function fitting<Row, Desc extends DescMessage>(
  rows: readonly Row[],
  room: number,
  schema: Desc,
  messageOf: (row: Row) => MessageInitShape<Desc>,
  least = 0,
): { readonly messages: MessageShape<Desc>[]; readonly left: number } {
  const messages: MessageShape<Desc>[] = [];
  let left = room;
  for (const row of rows) {
    const message = create(schema, messageOf(row));
    // With its tag and length.
    const size = toBinary(schema, message).length + 6;
    if (size > left && messages.length >= least) break;
    left -= size;
    messages.push(message);
  }
  return { messages, left: Math.max(0, left) };
}

/**
 * A page of a list: as many as were asked for and one answer holds. Clients take no larger one, and a page that they can't take they could
 * not get past. `rows`: one more than asked for, if there is one. `last`: behind which the next page begins; undefined: there is none.
 */
export function pageOf<Row, Desc extends DescMessage>(
  rows: readonly Row[],
  pageSize: number,
  schema: Desc,
  messageOf: (row: Row) => MessageInitShape<Desc>,
): { readonly messages: MessageShape<Desc>[]; readonly last: Row | undefined } {
  const { messages } = fitting(rows.slice(0, pageSize), ROOM_FOR_ITEMS, schema, messageOf, 1);
  return { messages, last: rows.length > messages.length ? rows[messages.length - 1] : undefined };
}
