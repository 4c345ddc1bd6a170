import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { PerennialError } from '../core/errors.js';

/**
 * The bytes of a file, piece by piece; of a `.gz` file, unpacked. Ends early when `signal` aborts. Throws a PerennialError
 * that names the file: `not_found`, or `invalid_file` when it can't be read or unpacked to its end; what came before that
 * has been handed over.
 */
export async function* readInputFile(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: PIECE_BYTES });
  try {
    if (path.endsWith('.gz')) {
      const gunzip = createGunzip({ chunkSize: PIECE_BYTES });
      file.on('error', (error) => gunzip.destroy(error));
      yield* readStream(file.pipe(gunzip), signal);
    } else {
      yield* readStream(file, signal);
    }
  } catch (thrown) {
    throw inputError(path, thrown);
  } finally {
    file.destroy();
  }
}

/** The bytes of a stream, until it ends or `signal` aborts, even while it waits for more. */
export async function* readStream(stream: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const stop = () => stream.destroy();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (thrown) {
    // Destroying a stream makes its reader fail: that is how it was asked to stop.
    if (!signal.aborted) throw thrown;
  } finally {
    signal.removeEventListener('abort', stop);
    stream.destroy();
  }
}

const PIECE_BYTES = 262_144;

function inputError(path: string, thrown: unknown): PerennialError {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  if (code === 'ENOENT') {
    return new PerennialError('not_found', `There is no file ${path}.`, { cause: thrown });
  }
  if (code.startsWith('Z_')) {
    return new PerennialError('invalid_file', `${path} is not a whole gzip file.`, {
      hint: 'Copy it again, or unpack it yourself to see how far it goes. What came before the damage was read.',
      cause: thrown,
    });
  }
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new PerennialError('invalid_file', `${path} can't be read: ${reason}.`, { cause: thrown });
}
