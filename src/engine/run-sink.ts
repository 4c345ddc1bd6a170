import type { Clock, Millis } from '../core/clock.js';
import type { Scoring } from '../scoring/load.js';
import { encodeRunEvents } from '../store/decision-log.js';
import { insertRows } from '../store/encoded-rows.js';
import { encodeRunRisks, type ScoredBatch } from '../store/risk-rows.js';
import type { Store } from '../store/store.js';
import type { Decided, Sink } from './sink.js';

/** Keeps the results of a what-if under the name of its run, in tables of their own. */
export class RunSink implements Sink {
  readonly #store: Store;
  readonly #run: string;
  readonly #scoring: Scoring;
  readonly #clock: Clock;

  constructor(store: Store, run: string, scoring: Scoring, clock: Clock) {
    this.#store = store;
    this.#run = run;
    this.#scoring = scoring;
    this.#clock = clock;
  }

  async scored(batches: readonly ScoredBatch[], asOf: Millis): Promise<void> {
    await insertRows(
      this.#store,
      await encodeRunRisks(this.#run, batches, this.#scoring, asOf, this.#clock()),
    );
  }

  async left(): Promise<void> {}

  async decided({ events }: Decided): Promise<void> {
    await insertRows(this.#store, encodeRunEvents(this.#run, events));
  }

  async finish(): Promise<void> {}
}
