import { stableId } from '../core/identity.js';
import type { Decision } from './decision.js';

/** What a decision gives, and to what it comes with the ARR of the subscription. */
export type Terms = Pick<
  Decision,
  'kind' | 'action' | 'discountPct' | 'discountMonths' | 'creditMinor' | 'costMinor' | 'currency'
>;

/** What an offer gives away, in minor units: the discount over its months, and the credit. Without an ARR the credit alone. */
export function costOf(
  { discountPct, discountMonths, creditMinor }: Pick<Terms, 'discountPct' | 'discountMonths' | 'creditMinor'>,
  arrMinor: number | null,
): number {
  const discount = arrMinor === null ? 0 : (arrMinor * discountPct * discountMonths) / 1200;
  return Math.round(discount + creditMinor);
}

/**
 * Short content hash of the terms: 12 hex digits. An approval names it beside the decision. Parameters are left out: they stay
 * what they were when it opened, and passes read decisions without them.
 */
export function termsHash(terms: Terms): string {
  const { kind, action, discountPct, discountMonths, creditMinor, costMinor, currency } = terms;
  return stableId(kind, action, discountPct, discountMonths, creditMinor, costMinor, currency).slice(0, 12);
}
