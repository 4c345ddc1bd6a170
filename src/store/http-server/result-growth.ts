import { LIMITS } from '../../core/limits.js';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { Spool, SpoolFile } from './spool.js';

const LOOK_MS = 20;

/**
 * Watches a result while the engine writes it into the spool, whether or not its caller takes it: one that takes nothing must not fill
 * the disk that everything else is written to.
 */
export class ResultGrowth {
  readonly #file: SpoolFile;
  readonly #spool: Spool;
  readonly #maxBytes: number;
  readonly #timer: NodeJS.Timeout;
  #fault: ClickHouseException | undefined;

  /** `stop` ends the query. */
  constructor(file: SpoolFile, { spool, maxBytes }: { spool: Spool; maxBytes: number }, stop: () => void) {
    this.#file = file;
    this.#spool = spool;
    this.#maxBytes = maxBytes;
    this.#timer = setInterval(() => {
      if (this.fault() !== undefined) stop();
    }, LOOK_MS);
  }

  /** Why the result may not grow further, once and for all; undefined: it may. */
  fault(): ClickHouseException | undefined {
    this.#fault ??= this.#look();
    return this.#fault;
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #look(): ClickHouseException | undefined {
    const bytes = this.#file.bytes;
    if (bytes > this.#maxBytes)
      return new ClickHouseException(
        CODE.tooMuchResult,
        'TOO_MANY_ROWS_OR_BYTES',
        `The result is larger than ${this.#maxBytes} bytes. Ask for less at a time.`,
      );
    // What is small can be asked also to find out why the disk is full.
    if (bytes > LIMITS.httpSmallResultBytes && this.#spool.isTight)
      return new ClickHouseException(
        CODE.notEnoughSpace,
        'NOT_ENOUGH_SPACE',
        `The disk of the data directory, which keeps results until they are taken, has less than ${LIMITS.httpSpoolFreePercent} % free. Ask for less at a time.`,
      );
    return undefined;
  }
}
