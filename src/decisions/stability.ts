import { DAY_MS, type Millis } from '../core/clock.js';
import { actionKey, type Decision } from './decision.js';

/** What opens again so soon after it was cleared had better not been cleared. */
export const REOPENED_WITHIN_DAYS = 14;

/** Whether what passes open stays open for long enough to be of use. */
export interface Stability {
  readonly opened: number;
  /** Closed because their conditions had been false for long enough, or their subscription ended. */
  readonly cleared: number;
  /** Opened within 14 days after the same was cleared for the same subscription. */
  readonly reopened: number;
  /** Offers that nobody answered and whose time would be over by now. */
  readonly unansweredOffers: number;
  /** The median of how much of their time they were open, 0 to 1; null: there are none. */
  readonly medianLifeShare: number | null;
}

/** How steady decisions were up to a time, each as it stands then. */
export function stabilityOf(decisions: readonly Decision[], until: Millis): Stability {
  const clearedAt = new Map<string, Millis[]>();
  const cleared = decisions.filter(({ status }) => status === 'cleared');
  for (const decision of cleared) {
    const key = placeOf(decision);
    clearedAt.set(key, [...(clearedAt.get(key) ?? []), decision.closedAt!]);
  }
  const reopened = decisions.filter((decision) =>
    (clearedAt.get(placeOf(decision)) ?? []).some(
      (at) => decision.openedAt >= at && decision.openedAt - at < REOPENED_WITHIN_DAYS * DAY_MS,
    ),
  );
  const shares = decisions.flatMap((decision) => lifeShareOf(decision, until)).sort((a, b) => a - b);
  const middle = shares.length >>> 1;
  return {
    opened: decisions.length,
    cleared: cleared.length,
    reopened: reopened.length,
    unansweredOffers: shares.length,
    medianLifeShare:
      shares.length === 0
        ? null
        : shares.length % 2 === 1
          ? shares[middle]!
          : (shares[middle - 1]! + shares[middle]!) / 2,
  };
}

function lifeShareOf({ kind, answeredAt, openedAt, closedAt, expiresAt }: Decision, until: Millis): number[] {
  if (kind !== 'offer' || answeredAt !== null || expiresAt === null || expiresAt > until) return [];
  return [((closedAt ?? expiresAt) - openedAt) / (expiresAt - openedAt)];
}

function placeOf(decision: Decision): string {
  return `${decision.accountId}\0${decision.subscriptionId}\0${actionKey(decision)}`;
}
