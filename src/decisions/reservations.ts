import type { Millis } from '../core/clock.js';
import type { Ledger, LedgerEntry } from './shared-limits.js';

/** What a decision will take once it shows in the store. */
export type Reservation = Pick<
  LedgerEntry,
  'decisionId' | 'kind' | 'owner' | 'currency' | 'costMinor' | 'status' | 'waitsFor' | 'openedAt'
>;

interface Reserved {
  readonly until: Millis;
  readonly before: LedgerEntry | undefined;
  readonly currency: string;
  /** The most of what was granted. */
  readonly costMinor: number;
}

/**
 * What was granted and has not shown in the store: it counts in the ledger as if it had, for as long as its scorer may use it. What is
 * not used by then is given back: what was to open is forgotten, and what was open already costs what it did.
 */
export class Reservations {
  readonly ledger: Ledger;
  readonly #reserved = new Map<string, Reserved>();

  constructor(ledger: Ledger) {
    this.ledger = ledger;
  }

  reserve(reservation: Reservation, until: Millis): void {
    const { decisionId, currency } = reservation;
    const earlier = this.#reserved.get(decisionId);
    const before = earlier === undefined ? this.ledger.entry(decisionId) : earlier.before;
    // Until its scorer uses this grant, an earlier one or what is open already holds.
    const others = [earlier, before].filter((other) => other?.currency === currency);
    const costMinor = Math.max(reservation.costMinor, ...others.map((other) => other!.costMinor));
    this.ledger.record(
      before === undefined
        ? { ...reservation, costMinor, version: 1, answeredAt: null }
        : { ...before, currency, costMinor },
    );
    this.#reserved.set(decisionId, {
      until: Math.max(until, earlier?.until ?? 0),
      before,
      currency,
      costMinor,
    });
  }

  /** A decision as the store has it now. */
  stored(entry: LedgerEntry): void {
    this.ledger.record(entry);
    this.#reserved.delete(entry.decisionId);
  }

  /** Gives back what was not used in time. */
  expire(now: Millis): void {
    for (const [decisionId, { until, before }] of this.#reserved) {
      if (until > now) continue;
      if (before === undefined) this.ledger.release(decisionId);
      else this.ledger.record(before);
      this.#reserved.delete(decisionId);
    }
  }
}
