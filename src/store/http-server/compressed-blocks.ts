import { LIMITS } from '../../core/limits.js';
import { unpackBlock } from '../../kafka/compression/lz4.js';
import { unpackZstd } from '../../kafka/compression/zstd.js';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import { cityHash128 } from './city-hash.js';

/**
 * ClickHouse's own compression (`compress=1`, `decompress=1`): blocks of a checksum (16 bytes), a method, the packed size with
 * these 9 bytes, the plain size, and the packed bytes. JDBC asks for it by default.
 */
const CHECKSUM = 16;
const HEADER = 9;
const METHOD = { plain: 0x02, lz4: 0x82, zstd: 0x90 } as const;

/**
 * One block that every client can read. As LZ4 without matches, which is not smaller: drivers read no other method, the callers
 * are near, and a caller that wants fewer bytes asks for HTTP compression, which the engine does.
 */
export function packedBlock(plain: Uint8Array): Buffer {
  const lengths = literalLength(plain.length);
  const size = HEADER + lengths.length + plain.length;
  const block = Buffer.allocUnsafe(CHECKSUM + size);
  block[CHECKSUM] = METHOD.lz4;
  block.writeUInt32LE(size, CHECKSUM + 1);
  block.writeUInt32LE(plain.length, CHECKSUM + 5);
  block.set(lengths, CHECKSUM + HEADER);
  block.set(plain, CHECKSUM + HEADER + lengths.length);
  block.set(cityHash128(block.subarray(CHECKSUM)), 0);
  return block;
}

/** How LZ4 says that so many bytes follow as they are. */
function literalLength(length: number): number[] {
  if (length < 15) return [length << 4];
  const bytes = [0xf0];
  let left = length - 15;
  for (; left >= 255; left -= 255) bytes.push(255);
  bytes.push(left);
  return bytes;
}

/** The plain bytes of a body in blocks. Throws when it is not one, is damaged, or a block is larger than any client makes. */
export async function* unpackedBlocks(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let held: Buffer = Buffer.alloc(0);
  let wanted = CHECKSUM + HEADER;
  for await (const chunk of body) {
    held = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
    while (held.length >= wanted) {
      const size = CHECKSUM + packedSize(held);
      wanted = size;
      if (held.length < size) break;
      yield await unpacked(held.subarray(0, size));
      held = held.subarray(size);
      wanted = CHECKSUM + HEADER;
    }
  }
  if (held.length > 0) throw damaged('it ends within a block');
}

function packedSize(block: Buffer): number {
  const size = block.readUInt32LE(CHECKSUM + 1);
  if (size < HEADER || size > LIMITS.httpBlockBytes) throw damaged('a block has an impossible size');
  return size;
}

async function unpacked(block: Buffer): Promise<Uint8Array> {
  const content = block.subarray(CHECKSUM);
  if (!block.subarray(0, CHECKSUM).equals(cityHash128(content))) throw damaged('a checksum is wrong');
  const size = content.readUInt32LE(5);
  if (size > LIMITS.httpBlockBytes) throw damaged('a block unpacks to too much');
  const packed = content.subarray(HEADER);
  const plain = await unpackedBy(content[0]!, packed, size);
  if (plain.length !== size) throw damaged('a block has another size than it says');
  return plain;
}

async function unpackedBy(method: number, packed: Buffer, size: number): Promise<Uint8Array> {
  try {
    if (method === METHOD.plain) return packed;
    if (method === METHOD.lz4) return unpackBlock(packed, new Uint8Array(size));
    if (method === METHOD.zstd) return await unpackZstd(packed, size);
  } catch (cause) {
    throw damaged('a block can not be unpacked', cause);
  }
  throw damaged(`a block has the unknown method 0x${method.toString(16)}`);
}

function damaged(why: string, cause?: unknown): ClickHouseException {
  return new ClickHouseException(
    CODE.cannotDecompress,
    'CANNOT_DECOMPRESS',
    `The body is not in compressed blocks, as decompress=1 says: ${why}.`,
    cause,
  );
}
