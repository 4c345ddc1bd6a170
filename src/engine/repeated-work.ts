import type { Millis } from '../core/clock.js';
import type { Logger } from '../telemetry/log.js';
import { OutageLog, type OutageWords } from '../telemetry/outage-log.js';

/** Work that is done again and again while the engine runs. One that fails is logged once, and once more when it succeeds again. */
export class RepeatedWork {
  readonly #log: Logger;
  readonly #intervals: NodeJS.Timeout[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  /** A turn is left out while the one before it is still running. */
  every(ms: Millis, work: () => Promise<unknown>, words: OutageWords): void {
    const outage = new OutageLog(this.#log, words);
    let running = false;
    const run = async (): Promise<void> => {
      if (running) return;
      running = true;
      try {
        await work();
        outage.recovered();
      } catch (thrown) {
        outage.failed(thrown);
      } finally {
        running = false;
      }
    };
    this.#intervals.push(setInterval(() => void run(), ms).unref());
  }

  /** Begins nothing more. */
  stop(): void {
    for (const interval of this.#intervals) clearInterval(interval);
  }
}
