import pRetry, { AbortError } from 'p-retry';
import { PerennialError } from '../core/errors.js';
import type { Logger } from '../telemetry/log.js';
import { OutageLog } from '../telemetry/outage-log.js';
import type { PassFailure } from './pass.js';

/** After its first failure an account waits this long, then twice as long each time. */
const RETRY_MS = 1_000;
const RETRY_MOST_MS = 600_000;

/**
 * Accounts waiting to be scored, each once however often it is touched. A turn takes what has gathered; what is touched during
 * a turn waits for the next, so that the load sets the size of the batch.
 *
 * A turn that fails because the store does not answer is tried again, for as long as it takes. An account that can't be scored
 * keeps its place: it is tried again by itself, less and less often, and holds up nobody else.
 */
export class TouchedAccounts {
  readonly #score: (accounts: readonly string[]) => Promise<{ readonly failures: readonly PassFailure[] }>;
  readonly #log: Logger;
  readonly #outage: OutageLog;
  readonly #waiting = new Set<string>();
  /** Those of the running turn. */
  #scoring: ReadonlySet<string> = new Set();
  /** Accounts that could not be scored, with the number of failures so far. */
  readonly #failed = new Map<string, { times: number; readonly timer: NodeJS.Timeout }>();
  readonly #stopping = new AbortController();
  #turning: Promise<void> | undefined;
  #failure: string | undefined;

  constructor(
    score: (accounts: readonly string[]) => Promise<{ readonly failures: readonly PassFailure[] }>,
    log: Logger,
  ) {
    this.#score = score;
    this.#log = log;
    this.#outage = new OutageLog(log, {
      begin: 'Touched accounts could not be scored; trying again, with growing pauses',
      end: 'Touched accounts are scored again',
    });
  }

  /** Whether an account neither waits nor is being scored, and did not fail. */
  isSettled(account: string): boolean {
    return !this.#waiting.has(account) && !this.#scoring.has(account) && !this.#failed.has(account);
  }

  /** What keeps accounts from being scored; undefined when nothing does. */
  get failure(): string | undefined {
    const failed = [...this.#failed.keys()];
    if (failed.length === 0) return this.#failure;
    const shown = failed.slice(0, 3).join(', ');
    return `${failed.length} accounts can't be scored: ${shown}${failed.length > 3 ? ', …' : ''}; the log says why.`;
  }

  add(accounts: Iterable<string>): void {
    if (this.#stopping.signal.aborted) return;
    for (const account of accounts) this.#waiting.add(account);
    this.#turn();
  }

  /** Tries accounts again that a pass of everyone could not score. */
  retry(failures: readonly PassFailure[]): void {
    for (const { accounts } of failures) for (const account of accounts) this.#retryLater(account);
  }

  /** Resolves once nothing waits but what failed. Rejects with what the running turn failed with. */
  async settled(): Promise<void> {
    while (this.#turning !== undefined) await this.#turning;
  }

  /** Scores what waits and takes nothing more. Gives up on a store that does not answer. */
  async stop(): Promise<void> {
    this.#stopping.abort(new AbortError('stopping'));
    for (const { timer } of this.#failed.values()) clearTimeout(timer);
    await this.settled().catch(() => {});
  }

  #turn(): void {
    if (this.#turning !== undefined || this.#waiting.size === 0) return;
    this.#turning = this.#run().finally(() => {
      this.#turning = undefined;
      this.#scoring = new Set();
      this.#turn();
    });
    // The caller of `settled` gets the failure; the log has it in any case.
    this.#turning.catch(() => {});
  }

  async #run(): Promise<void> {
    const accounts = [...this.#waiting];
    this.#scoring = new Set(accounts);
    this.#waiting.clear();
    const stopping = this.#stopping.signal;
    try {
      const { failures } = await pRetry(() => this.#score(accounts), {
        retries: stopping.aborted ? 0 : Number.POSITIVE_INFINITY,
        ...(stopping.aborted ? {} : { signal: stopping }),
        minTimeout: 200,
        maxTimeout: 10_000,
        randomize: true,
        shouldRetry: ({ error }) => PerennialError.from(error).retryable,
        onFailedAttempt: ({ error }) => {
          this.#failure = `Touched accounts can't be scored: ${error.message}`;
          this.#outage.failed(error, { accounts: accounts.length });
        },
      });
      this.#failure = undefined;
      this.#outage.recovered();
      const failed = new Set(failures.flatMap((failure) => failure.accounts));
      for (const account of accounts) if (!failed.has(account)) this.#forget(account);
      for (const account of failed) this.#retryLater(account);
    } catch (thrown) {
      if (stopping.aborted) {
        this.#log.info({ accounts: accounts.length }, 'touched accounts are left to the next start');
        return;
      }
      for (const account of accounts) this.#retryLater(account);
      throw thrown;
    }
  }

  #retryLater(account: string): void {
    if (this.#stopping.signal.aborted) return;
    const times = (this.#failed.get(account)?.times ?? 0) + 1;
    clearTimeout(this.#failed.get(account)?.timer);
    const wait = Math.min(RETRY_MOST_MS, RETRY_MS * 2 ** (times - 1));
    const timer = setTimeout(() => this.add([account]), wait).unref();
    this.#failed.set(account, { times, timer });
  }

  #forget(account: string): void {
    clearTimeout(this.#failed.get(account)?.timer);
    this.#failed.delete(account);
  }
}
