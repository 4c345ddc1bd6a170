import type { Millis } from '../core/clock.js';
import type { DecisionEvent } from '../decisions/decision.js';
import { readTimers } from '../store/decision-log.js';
import type { QueryParams, Store } from '../store/store.js';

/**
 * When decisions change by themselves: they expire, wake, are overdue or cleared. The due dates are in the store; here they are
 * kept in memory, read once and from then on changed by what is decided.
 */
export class DecisionTimers {
  /** By decision. */
  readonly #timers = new Map<string, { readonly accountId: string; readonly at: Millis }>();

  /** Forgets what it knew and reads the due dates of these accounts. */
  async load(store: Store, accounts?: { readonly sql: string; readonly params: QueryParams }): Promise<void> {
    const timers = await readTimers(store, accounts);
    this.#timers.clear();
    for (const { accountId, decisionId, at } of timers) this.#set(accountId, decisionId, at);
  }

  record(events: readonly DecisionEvent[]): void {
    for (const { decision } of events) this.#set(decision.accountId, decision.decisionId, decision.timerAt);
  }

  /** Accounts of which something is due. They stay due until what happens to them is recorded. */
  due(now: Millis): string[] {
    const accounts = new Set<string>();
    for (const { accountId, at } of this.#timers.values()) if (at <= now) accounts.add(accountId);
    return [...accounts];
  }

  #set(accountId: string, decisionId: string, at: Millis | null): void {
    if (at === null) this.#timers.delete(decisionId);
    else this.#timers.set(decisionId, { accountId, at });
  }
}
