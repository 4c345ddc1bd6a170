import { damaged, endsEarly, tooLarge } from './unpack.js';

const MAGIC = 0x184d2204;
/** High bit of a block's size: its bytes are not packed. */
const PLAIN = 0x80000000;
const SHORTEST_MATCH = 4;
/** Where a block is unpacked before its size is known: as large as the format lets a block be. */
const scratch = new Uint8Array(4 * 1024 * 1024);

/**
 * Unpacks LZ4 frames, with blocks that don't refer to each other: brokers take no others. Their own checksums are not
 * looked at, since the batch around them has one. Throws on anything that is no such frame, or unpacks to more than
 * `limit` bytes.
 *
 * The format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md, and lz4_Block_format.md beside it.
 */
export function unpackLz4(packed: Buffer, limit: number): Buffer {
  const parts: Uint8Array[] = [];
  let size = 0;
  let at = 0;
  while (at < packed.length) {
    const frame = frameAt(packed, at);
    at = frame.begin;
    for (let head = uint32(packed, at); head !== 0; head = uint32(packed, at)) {
      const length = head % PLAIN;
      const block = slice(packed, at + 4, length);
      const part = head >= PLAIN ? block : unpackBlock(block, scratch.subarray(0, frame.blockBytes));
      size += part.length;
      if (size > limit) throw tooLarge();
      parts.push(part);
      at += 4 + length + frame.afterBlock;
    }
    at += 4 + frame.afterBlocks;
  }
  if (at > packed.length) throw endsEarly();
  return Buffer.concat(parts, size);
}

/** Where the first block begins, how large a block may be, and the bytes of the checksums after each block and all. */
function frameAt(packed: Buffer, at: number) {
  const head = slice(packed, at, 7);
  if (uint32(head, 0) !== MAGIC) throw new Error('it holds no LZ4 frame');
  const flags = head[4]!;
  const blockSize = head[5]! >>> 4;
  const version = flags >>> 6;
  const independent = (flags & 0x20) !== 0;
  const dictionary = (flags & 0x01) !== 0;
  if (version !== 1 || !independent || dictionary || blockSize < 4 || blockSize > 7)
    throw new Error('its LZ4 frame is not of the kind that Kafka uses');
  return {
    begin: at + 7 + ((flags & 0x08) === 0 ? 0 : 8),
    blockBytes: 2 ** (8 + 2 * blockSize),
    afterBlock: (flags & 0x10) === 0 ? 0 : 4,
    afterBlocks: (flags & 0x04) === 0 ? 0 : 4,
  };
}

/**
 * Sequences of: how many literals, the literals, how far back a match begins, how long it is. The last has no match.
 * A byte past the end is undefined and makes what is computed from it NaN; no check below lets that pass.
 */
export function unpackBlock(packed: Uint8Array, into: Uint8Array): Uint8Array {
  let from = 0;
  let to = 0;
  for (;;) {
    const token = packed[from++]!;
    let literals = token >>> 4;
    for (let more = literals === 15 ? 255 : 0; more === 255; literals += more) more = packed[from++]!;
    const afterLiterals = to + literals;
    if (!(from + literals <= packed.length && afterLiterals <= into.length)) throw damaged();
    while (to < afterLiterals) into[to++] = packed[from++]!;
    if (from === packed.length) return into.slice(0, to);
    const back = packed[from]! + packed[from + 1]! * 256;
    from += 2;
    let match = token & 15;
    for (let more = match === 15 ? 255 : 0; more === 255; match += more) more = packed[from++]!;
    const afterMatch = to + match + SHORTEST_MATCH;
    if (!(back >= 1 && back <= to && afterMatch <= into.length)) throw damaged();
    // One by one: a match may reach into what it writes.
    for (let source = to - back; to < afterMatch; ) into[to++] = into[source++]!;
  }
}

function uint32(packed: Buffer, at: number): number {
  return slice(packed, at, 4).readUInt32LE(0);
}

function slice(packed: Buffer, at: number, length: number): Buffer {
  if (at + length > packed.length) throw endsEarly();
  return packed.subarray(at, at + length);
}
