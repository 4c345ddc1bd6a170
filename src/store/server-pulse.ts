import { setTimeout as pause } from 'node:timers/promises';
import type { Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';

export interface PulseOptions {
  /** A call that has waited so long has it asked whether the server answers at all. @default 3000 */
  readonly patienceMs?: Millis;
  /** An answer that takes longer counts as none. @default 5000 */
  readonly answerMs?: Millis;
  /** How often a silent server is asked again. @default 1000 */
  readonly againMs?: Millis;
}

/**
 * Whether a server that takes connections answers anything at all. One that was stopped, or whose machine hangs, says nothing until every
 * call has passed its deadline; yet a slow question to one that works must not be given up. So a call that has waited for a while has
 * something asked that costs no work. Where that is not answered either the call is given up, and so are others at once, until it is.
 */
export class ServerPulse {
  readonly #ping: (signal: AbortSignal) => Promise<{ readonly success: boolean }>;
  readonly #options: Required<PulseOptions>;
  #asking: Promise<boolean> | undefined;
  #silent = false;
  #closed = false;

  constructor(
    ping: (signal: AbortSignal) => Promise<{ readonly success: boolean }>,
    { patienceMs = 3_000, answerMs = 5_000, againMs = 1_000 }: PulseOptions = {},
  ) {
    this.#ping = ping;
    this.#options = { patienceMs, answerMs, againMs };
  }

  /**
   * What the work comes to. `unavailable` once the server has turned out to say nothing: then the signal that the work was given
   * aborts.
   */
  async during<T>(work: (givenUp: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#silent) throw silence();
    const givenUp = new AbortController();
    const over = new AbortController();
    const working = work(givenUp.signal);
    try {
      return await Promise.race([working, this.#untilSilent(over.signal)]);
    } catch (thrown) {
      if (thrown instanceof Silence) {
        working.catch(() => {});
        givenUp.abort();
        throw silence();
      }
      throw thrown;
    } finally {
      over.abort();
    }
  }

  /** Asks no more. */
  close(): void {
    this.#closed = true;
  }

  /** Rejects with `Silence` once the server says nothing; never, once the signal aborts. */
  async #untilSilent(over: AbortSignal): Promise<never> {
    for (;;) {
      const waited = await pause(this.#options.patienceMs, true, { signal: over, ref: false }).catch(
        () => false,
      );
      if (!waited) return new Promise<never>(() => {});
      if (!(await this.#answers())) throw new Silence();
    }
  }

  /** One question for all that wait. */
  #answers(): Promise<boolean> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(): Promise<boolean> {
    const answered = await this.#ping(AbortSignal.timeout(this.#options.answerMs)).then(
      ({ success }) => success,
      () => false,
    );
    if (!answered && !this.#silent) void this.#untilItAnswers();
    return answered;
  }

  async #untilItAnswers(): Promise<void> {
    this.#silent = true;
    while (this.#silent && !this.#closed) {
      await pause(this.#options.againMs, undefined, { ref: false });
      if (await this.#answers()) this.#silent = false;
    }
  }
}

class Silence extends Error {}

function silence(): PerennialError {
  return new PerennialError('unavailable', 'The ClickHouse server takes connections and says nothing.', {
    reason: 'STORE_SILENT',
    hint: 'It is asked again all the time: come again. Look whether its process is stopped, or its machine hangs.',
  });
}
