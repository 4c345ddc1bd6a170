import { lastStored, type SettledRecords, settleRecords } from '../store/settle-records.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { OutageLog } from '../telemetry/outage-log.js';
import { alone } from './alone.js';

/** Looked back on at the start: what was stored just before a crash may not have been settled. */
const AT_START_S = 600;
/** Looked back on each time: an insert that began before may have ended after. */
const OVERLAP_MS = 60_000;
const EVERY_MS = 10_000;
/** Share of the time that settling may take. */
const SHARE = 0.05;

/** Settles what was stored from the time at which it was made: see `settleRecords`. */
export async function settleFrom(store: Store): Promise<() => Promise<SettledRecords>> {
  const since = await lastStored(store, AT_START_S);
  return () => alone(store, () => settleRecords(store, since));
}

/**
 * Settles records for as long as a process writes: a record that comes again with a time on another day counts twice until then.
 * `onSettled` gets the accounts that have changed; when it fails, they come again.
 */
export class RecordSettler {
  readonly #store: Store;
  readonly #onSettled: (accounts: ReadonlySet<string>) => Promise<void>;
  readonly #metrics: Pick<Metrics, 'records'>;
  readonly #log: Logger;
  readonly #outage: OutageLog;
  readonly #pending = new Set<string>();
  #since: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(
    store: Store,
    onSettled: (accounts: ReadonlySet<string>) => Promise<void>,
    metrics: Pick<Metrics, 'records'>,
    log: Logger,
  ) {
    this.#store = store;
    this.#onSettled = onSettled;
    this.#metrics = metrics;
    this.#log = log;
    this.#outage = new OutageLog(log, {
      begin: 'Settling records failed; the next turn tries again',
      end: 'Records are settled again',
    });
  }

  start(): void {
    this.#next(EVERY_MS);
  }

  /** Settles once more what is left, so that nothing waits for the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
    await this.#settle();
  }

  #next(delay: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      const started = performance.now();
      this.#running = this.#settle().then(() =>
        this.#next(Math.max(EVERY_MS, (performance.now() - started) / SHARE)),
      );
    }, delay);
    this.#timer.unref();
  }

  async #settle(): Promise<void> {
    try {
      await this.#settleOnce();
      this.#outage.recovered();
    } catch (thrown) {
      this.#outage.failed(thrown);
    }
  }

  async #settleOnce(): Promise<void> {
    this.#since ??= await lastStored(this.#store, AT_START_S);
    const since = this.#since;
    const { corrected, accounts, until } = await alone(this.#store, () => settleRecords(this.#store, since));
    this.#since = minus(until, OVERLAP_MS);
    for (const [kind, count] of Object.entries(corrected))
      if (count > 0) this.#metrics.records.inc({ kind: `${kind}s`, fate: 'settled' }, count);
    for (const account of accounts) this.#pending.add(account);
    if (this.#pending.size === 0) return;
    this.#log.info(
      { ...corrected, accounts: accounts.size },
      'Records that came again on another day are settled',
    );
    const due = new Set(this.#pending);
    await this.#onSettled(due);
    for (const account of due) this.#pending.delete(account);
  }
}

/** A time of the store, such as 2026-01-02 03:04:05.678901, so much earlier. */
function minus(time: string, millis: number): string {
  return new Date(Date.parse(`${time.replace(' ', 'T')}Z`) - millis)
    .toISOString()
    .replace('T', ' ')
    .replace('Z', '');
}
