import { ZSTDDecoder } from 'zstddec';

const decoder = new ZSTDDecoder();

/**
 * Unpacks zstd frames, one or several, whether they tell their size or not. Throws on anything else, or when they unpack
 * to more than `limit` bytes.
 */
export async function unpackZstd(packed: Buffer, limit: number): Promise<Buffer> {
  await decoder.init();
  // It is given room for all that is allowed, and touches only what it fills. Whatever goes wrong, it answers with nothing.
  const { buffer, byteOffset, length } = decoder.decode(packed, limit);
  if (length === 0) throw new Error('it is damaged, or unpacks to more than is allowed');
  return Buffer.from(buffer, byteOffset, length);
}
