import type { Millis } from '../core/clock.js';
import type { Decision } from '../decisions/decision.js';
import { isOpen } from '../decisions/lifecycle.js';
import type { SuppressionRow } from '../store/decision-log.js';
import type { ScoredBatch } from '../store/risk-rows.js';
import type { Past } from './past.js';
import type { Decided, Sink } from './sink.js';

/** What a pass over one account came to, noted as it goes by: the caller that waits for it need not ask the store. */
export class AccountOutcome implements Sink {
  readonly #decisions = new Map<string, Decision>();
  readonly #suppressed: SuppressionRow[] = [];
  /** The risks of the account, as of the time of the pass. */
  readonly risks: { readonly scored: ScoredBatch; readonly asOf: Millis }[] = [];

  /** A past that notes the decisions that the pass reads. */
  noting(past: Past): Past {
    return {
      page: async (scope, asOf) => {
        const page = await past.page(scope, asOf);
        this.#note(page.decisions);
        return page;
      },
    };
  }

  async scored(batches: readonly ScoredBatch[], asOf: Millis): Promise<void> {
    for (const scored of batches) this.risks.push({ scored, asOf });
  }

  async left(): Promise<void> {}

  async decided({ events, suppressed }: Decided): Promise<void> {
    this.#note(events.map(({ decision }) => decision));
    this.#suppressed.push(...suppressed);
  }

  async finish(): Promise<void> {}

  /** What is open for a subscription after the pass, the newest first. */
  openOf(subscriptionId: string): readonly Decision[] {
    return [...this.#decisions.values()]
      .filter((decision) => decision.subscriptionId === subscriptionId && isOpen(decision))
      .sort((a, b) => b.openedAt - a.openedAt || (a.decisionId < b.decisionId ? -1 : 1));
  }

  /** What fired for a subscription and was suppressed, in the order of lists. */
  suppressedOf(subscriptionId: string): readonly SuppressionRow[] {
    const place = ({ rule, action, guardrail }: SuppressionRow) => `${rule}\0${action}\0${guardrail}`;
    return this.#suppressed
      .filter((row) => row.subscriptionId === subscriptionId)
      .sort((a, b) => (place(a) < place(b) ? -1 : 1));
  }

  #note(decisions: readonly Decision[]): void {
    for (const decision of decisions) this.#decisions.set(decision.decisionId, decision);
  }
}
