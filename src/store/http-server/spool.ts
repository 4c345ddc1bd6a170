import { randomUUID } from 'node:crypto';
import { createWriteStream, mkdirSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LIMITS } from '../../core/limits.js';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import { diskFault, ownPath, sweepFolder } from '../engine/own-files.js';

/**
 * Where bodies and results lie while they pass between callers and the engine, so that neither has to fit into memory and
 * a slow caller never holds a connection of the engine. It is inside the data directory, which one process at a time holds:
 * what another process left there is rubbish and goes.
 */
export class Spool {
  readonly #directory: string;
  readonly #freePercent: number;

  /** `freePercent`: of the disk, what has to stay free for all else. */
  constructor(dataDir: string, freePercent: number = LIMITS.httpSpoolFreePercent) {
    this.#freePercent = freePercent;
    const all = join(dataDir, 'http-spool');
    sweepFolder(all);
    this.#directory = ownPath(all);
    mkdirSync(this.#directory, { mode: 0o700 });
  }

  /** A file of its own for one body or result; nothing is there yet. */
  file(): SpoolFile {
    return new SpoolFile(join(this.#directory, randomUUID()));
  }

  /** Whether the disk is too full for large results. */
  get isTight(): boolean {
    const { bavail, blocks } = statfsSync(this.#directory);
    return 100 * bavail < this.#freePercent * blocks;
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

export class SpoolFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Writes what is in memory anyway: at once, so that small inserts need not wait for a thread of the pool. */
  write(bytes: Uint8Array): void {
    try {
      writeFileSync(this.path, bytes, { flag: 'wx', mode: 0o600 });
    } catch (thrown) {
      throw refusedByDisk(thrown);
    }
  }

  /** Writes a whole stream, at the pace of the disk. Throws when it is longer than `maxBytes`. */
  async fill(parts: AsyncIterable<Uint8Array>, maxBytes: number): Promise<void> {
    try {
      await pipeline(
        Readable.from(parts, { objectMode: false }),
        limited(maxBytes),
        createWriteStream(this.path, { flags: 'wx', mode: 0o600 }),
      );
    } catch (thrown) {
      throw refusedByDisk(thrown);
    }
  }

  get bytes(): number {
    return statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}

function limited(maxBytes: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= maxBytes) done(null, chunk);
      else done(tooLarge(maxBytes));
    },
  });
}

/** As the engine says it of its own writes, so that callers try again; anything else stays what it is. */
function refusedByDisk(thrown: unknown): unknown {
  const fault = diskFault(thrown);
  if (fault === undefined) return thrown;
  const message = `${fault}: the body could not be kept in the spool in the data directory.`;
  return new ClickHouseException(CODE.notEnoughSpace, 'NOT_ENOUGH_SPACE', message, thrown);
}

function tooLarge(maxBytes: number): ClickHouseException {
  return new ClickHouseException(
    CODE.requestTooLarge,
    'TOO_MANY_BYTES',
    `The body of the request is larger than ${maxBytes} bytes. Send it in several inserts.`,
  );
}
