import { promisify } from 'node:util';
import { unzip } from 'node:zlib';
import { tooLarge } from './unpack.js';

const unpack = promisify(unzip);

/** Unpacks gzip, outside the event loop. */
export async function unpackGzip(packed: Buffer, limit: number): Promise<Buffer> {
  try {
    return await unpack(packed, { maxOutputLength: limit });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge() : error;
  }
}
