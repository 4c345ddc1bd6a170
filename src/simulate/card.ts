import { DAY_MS, type Millis } from '../core/clock.js';
import { addMonths } from './life.js';
import { BILLING } from './model.js';
import type { Random } from './random.js';

/** One expiry of a payment card: when billing warns, and when the customer puts in the new one. */
export interface CardExpiry {
  readonly expiresAt: Millis;
  readonly updatedAt: Millis;
  readonly warnedAt: readonly Millis[];
}

/** A card's expiries through the period. */
export function drawCardExpiries(random: Random, from: Millis, until: Millis): CardExpiry[] {
  const expiries: CardExpiry[] = [];
  let expiresAt = Math.floor(from + random.uniform() * BILLING.cardMonths * 30 * DAY_MS);
  while (expiresAt < until + 60 * DAY_MS) {
    const [early, late] = BILLING.expiryWarningDays;
    const inTime = random.chance(BILLING.cardUpdated);
    // In time: between the first warning and the expiry. Else only once payments have failed.
    const days = inTime ? -random.between(0, early - 1) : random.between(3, 40);
    const updatedAt = Math.floor(expiresAt + days * DAY_MS);
    const warnings = [early, late].map((before) => expiresAt - before * DAY_MS);
    expiries.push({ expiresAt, updatedAt, warnedAt: warnings.filter((at) => at < updatedAt) });
    expiresAt = addMonths(expiresAt, BILLING.cardMonths);
  }
  return expiries;
}

export function isExpired(expiries: readonly CardExpiry[], at: Millis): boolean {
  return expiries.some(({ expiresAt, updatedAt }) => at >= expiresAt && at < updatedAt);
}
