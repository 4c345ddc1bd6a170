import type { Decision } from '../decisions/decision.js';
import type { Decided, Sink } from './sink.js';

/** Keeps the decisions that a series of passes opened, each as the last pass left it. */
export class SeriesDecisions implements Sink {
  readonly #opened = new Map<string, Decision>();

  get all(): readonly Decision[] {
    return [...this.#opened.values()];
  }

  async decided({ events }: Decided): Promise<void> {
    for (const { event, decision } of events)
      if (event === 'opened' || this.#opened.has(decision.decisionId))
        this.#opened.set(decision.decisionId, decision);
  }

  async scored(): Promise<void> {}

  async left(): Promise<void> {}

  async finish(): Promise<void> {}
}
