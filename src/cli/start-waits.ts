import { setTimeout as sleep } from 'node:timers/promises';
import { PerennialError } from '../core/errors.js';
import type { BrokerWatch } from '../kafka/broker-watch.js';
import type { Logger } from '../telemetry/log.js';
import { OutageLog } from '../telemetry/outage-log.js';

const FIRST_MS = 200;
/** A start that asks each second is no burden, and comes a second after what it waits for. */
const LONGEST_MS = 1_000;
/** How often it is looked whether a broker answers. */
const LOOK_MS = 100;

/** What is known of the brokers. */
type Answering = Pick<BrokerWatch, 'fault' | 'answeringMs'>;

/**
 * What a role waits for before it can do its work: a store or a broker that is away comes back, and an end of the process would
 * only add its own start to the time that takes.
 */
export class StartWaits {
  readonly #logger: Logger;
  readonly #stopping: AbortSignal;
  readonly #reasons = new Map<string, string>();

  constructor(logger: Logger, stopping: AbortSignal) {
    this.#logger = logger;
    this.#stopping = stopping;
  }

  /** What is waited for now, and why; undefined: nothing. */
  get reason(): string | undefined {
    return this.#reasons.size === 0 ? undefined : [...this.#reasons.values()].join(' ');
  }

  /**
   * Tries until it goes well, with growing pauses; what needs `brokers` is not tried before one of them answers, since a client has
   * pauses of its own. Rejects with what waiting does not heal (settings, rights, files), and with
   * `cancelled` when the process is to stop. `what` in words, such as "the store".
   */
  async until<T>(what: string, work: () => Promise<T>, brokers?: Answering): Promise<T> {
    const log = new OutageLog(this.#logger, {
      begin: `Waiting for ${what}`,
      end: `There is ${what}`,
    });
    try {
      for (let pause = FIRST_MS; ; pause = Math.min(2 * pause, LONGEST_MS)) {
        await this.#answering(what, brokers, log);
        try {
          const result = await work();
          log.recovered();
          return result;
        } catch (thrown) {
          const error = PerennialError.from(thrown);
          if (!error.retryable) throw error;
          this.#reasons.set(what, `Waiting for ${what}: ${error.message}`);
          log.failed(error);
        }
        await this.#sleep(pause * (0.5 + Math.random()));
      }
    } finally {
      this.#reasons.delete(what);
    }
  }

  async #answering(what: string, brokers: Answering | undefined, log: OutageLog): Promise<void> {
    while (brokers !== undefined && brokers.answeringMs === 0) {
      const fault = brokers.fault();
      this.#reasons.set(what, `Waiting for ${what}: ${fault ?? 'No broker has answered yet.'}`);
      if (fault !== undefined) log.failed(new PerennialError('unavailable', fault));
      await this.#sleep(LOOK_MS);
    }
  }

  async #sleep(ms: number): Promise<void> {
    try {
      await sleep(ms, undefined, { signal: this.#stopping });
    } catch {
      throw new PerennialError('cancelled', 'The process was asked to stop before it had started.');
    }
  }
}
