import type { Millis } from '../core/clock.js';
import { groupBy } from '../core/group-by.js';

/** The time in which records speak of a subscription as one of an account. */
export interface Stay {
  readonly accountId: string;
  readonly subscriptionId: string;
  /** Time of the first record. */
  readonly first: Millis;
  /** Time of the last record. */
  readonly last: Millis;
  /** When the first record arrived. */
  readonly receivedAt: Millis;
  /** First day of the contract, as text; null: not known. */
  readonly startDate: string | null;
}

/** A subscription has left an account for another. */
export interface Move {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly movedTo: string;
  readonly movedAt: Millis;
  readonly receivedAt: Millis;
}

/** A subscription that another account had for a time while records of the one before stop and go on again: it may have come back. */
export interface Return {
  readonly subscriptionId: string;
  /** The account that had it for that time. */
  readonly accountId: string;
  readonly first: Millis;
  readonly last: Millis;
  readonly backTo: string;
}

/**
 * What may have come back: `isReturn` of the store tells whether the account that has it again was silent meanwhile. Of contracts of which
 * the first day is not known, or differs, nobody can say that they are one.
 */
export function possibleReturns(stays: readonly Stay[]): readonly Return[] {
  return [...groupBy(stays, ({ subscriptionId }) => subscriptionId).values()]
    .filter(({ length }) => length <= MOST_ACCOUNTS)
    .flatMap((all) =>
      all.flatMap((inner) =>
        all
          .filter(({ first, last }) => first < inner.first && last > inner.last)
          .filter(({ startDate }) => startDate !== null && startDate === inner.startDate)
          .map(({ accountId: backTo }) => {
            const { subscriptionId, accountId, first, last } = inner;
            return { subscriptionId, accountId, first, last, backTo };
          }),
      ),
    );
}

/** An id under more accounts than this names no subscription, but its place within an account, such as "main". */
const MOST_ACCOUNTS = 3;

/**
 * The moves among subscriptions that several accounts have had. A subscription belongs to one account at a time: it has moved once
 * another account has it at a later time, and the one before is not spoken of any more. Where both go on, or began at one time, or
 * began as contracts of different days, they are two that happen to have one id.
 */
export function findMoves(stays: readonly Stay[]): readonly Move[] {
  const bySubscription = groupBy(stays, ({ subscriptionId }) => subscriptionId);
  const moves: Move[] = [];
  for (const all of bySubscription.values()) {
    if (all.length > MOST_ACCOUNTS) continue;
    for (const stay of all) {
      const next = all
        .filter((other) => other.first > stay.last && isOneContract(stay, other))
        .sort((one, other) => one.first - other.first)[0];
      if (next === undefined) continue;
      const { accountId, subscriptionId } = stay;
      const { accountId: movedTo, first: movedAt, receivedAt } = next;
      moves.push({ accountId, subscriptionId, movedTo, movedAt, receivedAt });
    }
  }
  return moves;
}

function isOneContract(one: Stay, other: Stay): boolean {
  return one.startDate === null || other.startDate === null || one.startDate === other.startDate;
}
