import type { Subscriptions } from './subscriptions.js';

/** The contract as facts: text that is not known becomes NULL, which is what rules and scorecards call missing. */
export const CONTRACT_SQL = [
  ...['status', 'product', 'plan', 'tier', 'segment', 'region', 'currency', 'owner'].map(
    (name) => `toLowCardinality(nullIf(p.${name}, '')) AS ${name}`,
  ),
  ...['add_ons', 'seats', 'arr_minor', 'start', 'renewal', 'auto_renew', 'notice_days', 'plan_features'].map(
    (name) => `p.${name} AS ${name}`,
  ),
].join(', ');

/** Outcomes that say whether a customer wants to leave, up to the last time in question. */
export function cancelOutcomesSql({ scope, latest }: Subscriptions): string {
  return `${scope} AND kind IN ('cancel_intent', 'cancel_intent_withdrawn', 'renewed', 'churned') AND occurred_at <= ${latest}`;
}

/** Whether the customer said that they want to leave, and has neither taken it back nor come to the end of the term since. */
export function cancelIntentSql(times: string): string {
  return `argMax(kind, (${times}, kind)) = 'cancel_intent' AS cancel_intent`;
}
