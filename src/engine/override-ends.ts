import type { Millis } from '../core/clock.js';
import { readAccountsOfEnded } from '../store/risk-overrides.js';
import type { QueryParams, Store } from '../store/store.js';

/** When overrides end: a due date, as those of decisions are, so that lists do not show what nobody says any more. */
export class OverrideEnds {
  #lookedUntil: Millis = 0;

  /** Accounts whose risks are still overridden though that has ended since the last look. They are scored anew by who asks. */
  async due(
    store: Store,
    now: Millis,
    accounts: { readonly sql: string; readonly params: QueryParams } = { sql: '1', params: {} },
  ): Promise<readonly string[]> {
    const due = await readAccountsOfEnded(store, this.#lookedUntil, now, accounts);
    this.#lookedUntil = now;
    return due;
  }

  /** Looks from the beginning the next time: the accounts are others, or could not be scored. */
  forget(): void {
    this.#lookedUntil = 0;
  }
}
