import { ClickHouseException, CODE } from './clickhouse-exception.js';
import type { EngineConnection } from './engine-connection.js';

/**
 * The engine reports no failed write of INTO OUTFILE or BACKUP: on a full disk a cut result, and a cut backup, look complete (ADR 0079). It
 * counts them, though, over all of the process; while a disk is full, a result next to the one that was cut may be refused with it.
 */
export class WriteFailures {
  readonly #open: () => EngineConnection;
  #known = 0;

  constructor(open: () => EngineConnection) {
    this.#open = open;
  }

  /** Throws NOT_ENOUGH_SPACE when a write has failed since the last time. `what`: that was to be written. */
  async check(what: string): Promise<void> {
    const connection = this.#open();
    try {
      const rows = await connection.rows<{ n: number }>(
        "SELECT toUInt32(value) AS n FROM system.events WHERE event = 'WriteBufferFromFileDescriptorWriteFailed'",
      );
      const failures = rows[0]?.n ?? 0;
      const more = failures > this.#known;
      this.#known = failures;
      if (more)
        throw new ClickHouseException(
          CODE.notEnoughSpace,
          'NOT_ENOUGH_SPACE',
          `${what} could not be written whole: is the disk full?`,
        );
    } finally {
      await connection.close();
    }
  }
}
