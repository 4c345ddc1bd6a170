import { DAY_MS, type Millis } from '../core/clock.js';
import type { EventType } from '../rules/event.js';
import { type Decision, isOpen } from './decision.js';

/**
 * What has been decided so far, as guardrails count it: the decisions of accounts, and the sums over all accounts that
 * owners' loads and budgets need. A pass adds to it what it opens and closes, so that later subscriptions see it.
 */
export class Tally {
  readonly #byAccount: Map<string, Decision[]>;
  readonly #openByOwner: Map<string, number>;
  readonly #spending: Spending[];
  /** Sums that were asked for, kept current: a pass asks for the same one with every proposal. */
  readonly #periods = new Map<string, Period>();

  constructor(
    /** Decisions of the accounts in question, each in its latest state. */
    history: Iterable<Decision> = [],
    /** Open decisions over all accounts, by owner and kind. */
    openByOwner: Iterable<{ owner: string; kind: EventType; count: number }> = [],
    /** What decisions over all accounts give away. */
    spending: Iterable<Spending> = [],
  ) {
    this.#byAccount = new Map();
    for (const decision of history) this.#of(decision.accountId).push(decision);
    this.#openByOwner = new Map();
    for (const { owner, kind, count } of openByOwner) this.#openByOwner.set(ownerKey(owner, kind), count);
    this.#spending = [...spending];
  }

  /** The decisions of an account, each in its latest state. */
  ofAccount(accountId: string): readonly Decision[] {
    return this.#byAccount.get(accountId) ?? [];
  }

  ofSubscription(accountId: string, subscriptionId: string): readonly Decision[] {
    return this.ofAccount(accountId).filter((decision) => decision.subscriptionId === subscriptionId);
  }

  openOfOwner(owner: string, kinds: readonly EventType[]): number {
    return kinds.reduce((sum, kind) => sum + (this.#openByOwner.get(ownerKey(owner, kind)) ?? 0), 0);
  }

  /** Minor units given away in a currency by what opened in the days before a time. */
  spent(currency: string, days: number, before: Millis): number {
    const key = `${currency} ${days} ${before}`;
    let period = this.#periods.get(key);
    if (period === undefined) {
      period = { currency, from: before - days * DAY_MS, to: before, sum: 0 };
      for (const spending of this.#spending) add(period, spending);
      this.#periods.set(key, period);
    }
    return period.sum;
  }

  /** Takes in a new decision, or a new state of a known one. */
  record(decision: Decision): void {
    const decisions = this.#of(decision.accountId);
    const at = decisions.findIndex(({ decisionId }) => decisionId === decision.decisionId);
    const before = at < 0 ? undefined : decisions[at];
    const change = (isOpen(decision) ? 1 : 0) - (before !== undefined && isOpen(before) ? 1 : 0);
    if (change !== 0) {
      const key = ownerKey(decision.owner, decision.kind);
      this.#openByOwner.set(key, (this.#openByOwner.get(key) ?? 0) + change);
    }
    if (before === undefined) {
      decisions.push(decision);
      if (decision.costMinor > 0) {
        const { openedAt: at, currency, costMinor } = decision;
        this.#spending.push({ at, currency, costMinor });
        for (const period of this.#periods.values()) add(period, { at, currency, costMinor });
      }
    } else decisions[at] = decision;
  }

  #of(accountId: string): Decision[] {
    let decisions = this.#byAccount.get(accountId);
    if (decisions === undefined) {
      decisions = [];
      this.#byAccount.set(accountId, decisions);
    }
    return decisions;
  }
}

/** What a decision gives away, in minor units, and when it opened. */
interface Spending {
  readonly at: Millis;
  readonly currency: string;
  readonly costMinor: number;
}

/** What was spent in a currency after `from` and up to `to`. */
interface Period {
  readonly currency: string;
  readonly from: Millis;
  readonly to: Millis;
  sum: number;
}

function add(period: Period, { at, currency, costMinor }: Spending): void {
  if (currency === period.currency && at > period.from && at <= period.to) period.sum += costMinor;
}

function ownerKey(owner: string, kind: EventType): string {
  return `${kind}:${owner}`;
}
