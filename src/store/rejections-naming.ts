import { ErasedNames, hashOfName, readings } from './erased-names.js';
import type { Store } from './store.js';

/** Bytes of messages that are held at a time. */
const AT_ONCE = 33_554_432;

interface Row {
  readonly key: string;
  /** Any bytes: as base64, since an answer is text. */
  readonly base64: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly id: string;
  readonly detail: string;
}

/** SQL expression of what tells refused messages apart: of equal bytes one may have come with another header. */
export const REJECTION_KEY = 'cityHash64(_topic, _partition, _offset, raw_hash)';

/**
 * Keys of the refused messages that name one of these ids, as a whole: "acct-1" is not in "acct-12". The engine leaves out
 * those that can't hold one: neither as it is, nor written in another way.
 */
export async function rejectionsNaming(store: Store, names: readonly string[]): Promise<readonly string[]> {
  const params = { names, signs: ['\\', '%', '\0'] };
  const found = new Set<string>();
  const parts = Math.ceil((await bytesOf(store, params)) / AT_ONCE);
  const listed = new ErasedNames(names.map((name) => ({ kind: 'account', hash: hashOfName(name) })));
  for (let part = 0; part < parts; part++) {
    const rows = await store.rows<Row>(
      `SELECT toString(${REJECTION_KEY}) AS key, base64Encode(raw) AS base64, headers, id, detail FROM rejection_log
       WHERE ${MAY_NAME} AND ${REJECTION_KEY} % {parts:UInt32} = {part:UInt32}`,
      { ...params, parts, part },
      { lane: 'batch' },
    );
    for (const { key, base64, ...rest } of rows) {
      const message = { ...rest, raw: Buffer.from(base64, 'base64') };
      const texts = [...readings(message.raw), ...Object.values(rest.headers), rest.id, rest.detail];
      if (listed.appearIn(message) || texts.some((text) => names.some((name) => standsIn(text, name))))
        found.add(key);
    }
  }
  return [...found];
}

const MAY_NAME = `(multiSearchAny(raw, {names:Array(String)}) OR multiSearchAny(raw, {signs:Array(String)})
  OR multiSearchAny(concat(id, ' ', detail, ' ', arrayStringConcat(mapValues(headers), ' ')), {names:Array(String)}))`;

async function bytesOf(store: Store, params: Record<string, unknown>): Promise<number> {
  const [row] = await store.rows<{ bytes: number }>(
    `SELECT sum(length(raw)) + count() AS bytes FROM rejection_log WHERE ${MAY_NAME}`,
    params,
    { lane: 'batch' },
  );
  return row?.bytes ?? 0;
}

const PART_OF_A_NAME = /[\p{L}\p{N}_]/u;

/** Whether a text holds a name that no letter or digit makes part of a longer one: also one with spaces, in a line of CSV. */
function standsIn(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1))
    if (![text[at - 1], text[at + name.length]].some((sign) => PART_OF_A_NAME.test(sign ?? ''))) return true;
  return false;
}
