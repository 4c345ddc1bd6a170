import { TextDecoder } from 'node:util';
import type { FileMapping } from './mapping-schema.js';

/**
 * Bytes of a text file as UTF-8: UTF-16 by its byte order mark or because the mapping says so; everything else as it is, for the
 * reader of the format to judge. Lines end in LF: those of a file that has CR alone, as spreadsheets on a Mac write, too.
 */
export async function* transcoded(
  input: AsyncGenerator<Uint8Array>,
  encoding: FileMapping['encoding'],
): AsyncGenerator<Uint8Array> {
  let decoder: TextDecoder | undefined;
  let first = true;
  let isOfMac = false;
  for await (const piece of input) {
    const isFirst = first;
    if (first) {
      const utf16 = markOf(piece) ?? (encoding.startsWith('utf-16') ? encoding : undefined);
      decoder = utf16 === undefined ? undefined : new TextDecoder(utf16);
      first = false;
    }
    const bytes =
      decoder === undefined ? piece : Buffer.from(decoder.decode(piece, { stream: true }), 'utf8');
    if (isFirst) isOfMac = !bytes.includes(LINE_FEED) && bytes.subarray(0, -1).includes(RETURN);
    yield isOfMac ? bytes.map((byte) => (byte === RETURN ? LINE_FEED : byte)) : bytes;
  }
  const rest = decoder?.decode() ?? '';
  if (rest !== '') yield Buffer.from(rest, 'utf8');
}

const LINE_FEED = 0x0a;
const RETURN = 0x0d;

function markOf(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return undefined;
}
