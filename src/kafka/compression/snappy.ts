import { snappyUncompressor } from 'hysnappy';
import { endsEarly, tooLarge } from './unpack.js';

const uncompress = snappyUncompressor();

/** What Java clients begin with, before two version numbers and blocks that each follow their size. */
const FRAMED = Buffer.from('\x82SNAPPY\0', 'latin1');
const FRAME_HEADER = 16;

/**
 * Unpacks snappy in either form that Kafka's clients send: framed in the way of snappy-java, or one bare block. Throws on
 * anything else, or when it unpacks to more than `limit` bytes.
 */
export function unpackSnappy(packed: Buffer, limit: number): Buffer {
  if (!packed.subarray(0, FRAMED.length).equals(FRAMED)) return unpackBlock(packed, limit);
  const parts: Buffer[] = [];
  let size = 0;
  let at = FRAME_HEADER;
  while (at < packed.length) {
    const begin = at + 4;
    const end = begin <= packed.length ? begin + packed.readInt32BE(at) : Number.NaN;
    if (!(end >= begin && end <= packed.length)) throw endsEarly();
    const part = unpackBlock(packed.subarray(begin, end), limit - size);
    size += part.length;
    parts.push(part);
    at = end;
  }
  if (parts.length === 0) throw endsEarly();
  return Buffer.concat(parts, size);
}

function unpackBlock(packed: Buffer, limit: number): Buffer {
  const size = unpackedSize(packed);
  if (size > limit) throw tooLarge();
  const { buffer, byteOffset } = uncompress(packed, size);
  return Buffer.from(buffer, byteOffset, size);
}

/** A block begins with the size it unpacks to: seven bits a byte, the low ones first. */
function unpackedSize(packed: Buffer): number {
  let size = 0;
  for (let at = 0; at < 5; at++) {
    const byte = packed[at];
    if (byte === undefined) break;
    size += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return size;
  }
  throw new Error('it is no snappy block');
}
