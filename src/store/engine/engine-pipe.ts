import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { PerennialError } from '../../core/errors.js';
import { ownPath } from './own-files.js';

/**
 * A named pipe that the engine writes a result into while this process reads it: of any size, in any format, at the reader's pace,
 * without holding it in memory or on disk. A file would also hide a full disk: the engine reports no failed write of INTO OUTFILE.
 */
export class EnginePipe {
  readonly path: string;
  readonly #reader: Socket;
  /** Keeps the pipe from ending before the engine has opened it. */
  readonly #writer: number;

  /** In a directory of this process's own. Throws `failed_precondition` where there can be no named pipe. */
  static async in(directory: string): Promise<EnginePipe> {
    const path = ownPath(directory, '.pipe');
    try {
      await promisify(execFile)('mkfifo', ['-m', '600', path]);
    } catch (thrown) {
      throw new PerennialError('failed_precondition', `Can't make a named pipe in ${directory}.`, {
        hint: 'The program mkfifo (coreutils) must be there, and the file system must have named pipes.',
        cause: thrown,
      });
    }
    return new EnginePipe(path);
  }

  private constructor(path: string) {
    this.path = path;
    // A reader that does not wait for a writer, and then a writer that does not wait for a reader.
    const fd = openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.#reader = new Socket({ fd, readable: true, writable: false });
    this.#writer = openSync(this.path, constants.O_WRONLY | constants.O_NONBLOCK);
  }

  /** What the engine writes, until `written`. A reader that leaves earlier is to kill the query; what it still writes is read and forgotten. */
  async *bytes(): AsyncGenerator<Buffer, void> {
    try {
      yield* this.#reader.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    } finally {
      this.discard();
    }
  }

  /**
   * Reads and forgets what the engine still writes: nobody else will. A pipe that nobody reads would hold the engine in a write, or in opening it, where
   * no kill reaches it, and its place in the lane with it.
   */
  discard(): void {
    // One who reads in steps and left without a word would hold it.
    this.#reader
      .removeAllListeners('readable')
      .on('data', () => {})
      .resume();
  }

  /** The engine writes no more. */
  written(): void {
    closeSync(this.#writer);
    rmSync(this.path, { force: true });
  }
}
