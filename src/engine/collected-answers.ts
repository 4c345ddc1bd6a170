import type { Answer } from '../decisions/answer.js';
import type { DecisionEvent } from '../decisions/decision.js';
import type { Refusal } from '../decisions/settle.js';
import type { Decided, Sink } from './sink.js';

/** Collects from a pass what became of the decisions that were answered. */
export class CollectedAnswers implements Sink {
  readonly events: DecisionEvent[] = [];
  readonly refusals: Refusal[] = [];
  readonly #answered: ReadonlySet<string>;

  constructor(answers: readonly Answer[]) {
    this.#answered = new Set(answers.map(({ decisionId }) => decisionId));
  }

  async scored(): Promise<void> {}

  async left(): Promise<void> {}

  async decided({ events, refusals }: Decided): Promise<void> {
    this.events.push(...events.filter(({ decision }) => this.#answered.has(decision.decisionId)));
    this.refusals.push(...refusals);
  }

  async finish(): Promise<void> {}
}
