import pRetry, { AbortError } from 'p-retry';
import { PerennialError } from '../core/errors.js';
import type { Logger } from '../telemetry/log.js';

/**
 * Accounts waiting to be scored, each once however often it is touched. A turn takes what has gathered; what is
 * touched during a turn waits for the next, so that the load sets the size of the batch. A turn that fails because the
 * store does not answer is tried again, for as long as it takes.
 */
export class TouchedAccounts {
  readonly #score: (accounts: readonly string[]) => Promise<unknown>;
  readonly #log: Logger;
  readonly #waiting = new Set<string>();
  readonly #stopping = new AbortController();
  #turning: Promise<void> | undefined;
  #failure: string | undefined;

  constructor(score: (accounts: readonly string[]) => Promise<unknown>, log: Logger) {
    this.#score = score;
    this.#log = log;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** What the latest attempt failed with; undefined when it went well. */
  get failure(): string | undefined {
    return this.#failure;
  }

  add(accounts: Iterable<string>): void {
    if (this.#stopping.signal.aborted) return;
    for (const account of accounts) this.#waiting.add(account);
    this.#turn();
  }

  /** Resolves once nothing waits. Rejects with what the turn under way failed with. */
  async settled(): Promise<void> {
    while (this.#turning !== undefined) await this.#turning;
  }

  /** Scores what waits and takes nothing more. Gives up on a store that does not answer. */
  async stop(): Promise<void> {
    this.#stopping.abort(new AbortError('stopping'));
    await this.settled().catch(() => {});
  }

  #turn(): void {
    if (this.#turning !== undefined || this.#waiting.size === 0) return;
    this.#turning = this.#run().finally(() => {
      this.#turning = undefined;
      this.#turn();
    });
    // Whoever awaits `settled` sees the failure; the log has it in any case.
    this.#turning.catch(() => {});
  }

  async #run(): Promise<void> {
    const accounts = [...this.#waiting];
    this.#waiting.clear();
    try {
      await pRetry(() => this.#score(accounts), {
        retries: this.#stopping.signal.aborted ? 0 : Number.POSITIVE_INFINITY,
        ...(this.#stopping.signal.aborted ? {} : { signal: this.#stopping.signal }),
        minTimeout: 200,
        maxTimeout: 10_000,
        randomize: true,
        shouldRetry: ({ error }) => PerennialError.from(error).retryable,
        onFailedAttempt: ({ error, attemptNumber }) => {
          this.#failure = `Touched accounts can't be scored: ${error.message}`;
          this.#log.warn(
            { error: error.message, attempt: attemptNumber, accounts: accounts.length },
            'scoring touched accounts failed',
          );
        },
      });
      this.#failure = undefined;
    } catch (thrown) {
      this.#log.error(
        { error: PerennialError.from(thrown), accounts: accounts.length },
        'touched accounts were not scored',
      );
      throw thrown;
    }
  }
}
