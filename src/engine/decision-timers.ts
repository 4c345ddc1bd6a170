import type { Millis } from '../core/clock.js';
import type { DecisionEvent } from '../decisions/decision.js';
import { readTimers } from '../store/decision-log.js';
import type { QueryParams, Store } from '../store/store.js';

/**
 * When decisions change by themselves: they expire, wake, are overdue or cleared. The due dates are in the store; here they are
 * kept in memory by account, read once and from then on changed by what is decided.
 */
export class DecisionTimers {
  readonly #byAccount = new Map<string, Map<string, Millis>>();

  /** Forgets what it knew and reads the due dates of these accounts. */
  async load(store: Store, accounts?: { readonly sql: string; readonly params: QueryParams }): Promise<void> {
    const timers = await readTimers(store, accounts);
    this.#byAccount.clear();
    for (const { accountId, decisionId, at } of timers) this.#set(accountId, decisionId, at);
  }

  record(events: readonly DecisionEvent[]): void {
    for (const { decision } of events) this.#set(decision.accountId, decision.decisionId, decision.timerAt);
  }

  /** Accounts of which something is due. They stay due until what happens to them is recorded. */
  due(now: Millis): string[] {
    return [...this.#byAccount]
      .filter(([, timers]) => [...timers.values()].some((at) => at <= now))
      .map(([accountId]) => accountId);
  }

  #set(accountId: string, decisionId: string, at: Millis | null): void {
    const timers = this.#byAccount.get(accountId);
    if (at !== null) {
      if (timers === undefined) this.#byAccount.set(accountId, new Map([[decisionId, at]]));
      else timers.set(decisionId, at);
      return;
    }
    timers?.delete(decisionId);
    if (timers?.size === 0) this.#byAccount.delete(accountId);
  }
}
