import type { Millis } from '../core/clock.js';
import type { Answer, Decision } from '../decisions/decision.js';
import type { Scope } from '../features/population.js';
import { readAnswers, readDecisionHistory } from '../store/decision-log.js';
import type { Store } from '../store/store.js';

/** What was decided for some accounts before a time, and how their customers answered up to it. */
export interface Past {
  /** Each in its latest state. */
  readonly decisions: readonly Decision[];
  /** The earliest first. */
  readonly answers: readonly Answer[];
}

export async function readPast(store: Store, scope: Scope, asOf: Millis): Promise<Past> {
  const decisions = await readDecisionHistory(store, scope, asOf);
  return { decisions, answers: decisions.length === 0 ? [] : await readAnswers(store, scope, asOf) };
}

/** The pasts of several scopes as one. */
export class GatheredPast implements Past {
  readonly decisions: Decision[] = [];
  readonly answers: Answer[] = [];

  add({ decisions, answers }: Past): void {
    for (const decision of decisions) this.decisions.push(decision);
    for (const answer of answers) this.answers.push(answer);
  }
}
