import type { Millis } from '../core/clock.js';
import { arbitrate, type Situation } from '../decisions/arbitrate.js';
import type { Answer, Decision } from '../decisions/decision.js';
import { Tally } from '../decisions/tally.js';
import type { RuleSet } from '../rules/rule-set.js';
import { countOpenByOwner, readSpending, type SuppressionRow } from '../store/decision-log.js';
import type { Store } from '../store/store.js';
import type { Past } from './past.js';

export interface Verdicts {
  /** New decisions and new states of known ones. */
  readonly changes: readonly Decision[];
  readonly suppressed: readonly SuppressionRow[];
}

/**
 * Decides for many subscriptions at once, most ARR at risk first, and stores nothing: a pass stores what comes out, a dry
 * run compares it. `past`: that of their accounts before `asOf`.
 */
export async function verdictsOf(
  store: Store,
  set: RuleSet,
  situations: readonly Situation[],
  past: Past,
  asOf: Millis,
): Promise<Verdicts> {
  if (situations.length === 0) return { changes: [], suppressed: [] };
  const budgetDays = Math.max(
    0,
    ...set.guardrails.map((guardrail) => (guardrail.kind === 'budget' ? guardrail.days : 0)),
  );
  const perOwner = set.guardrails.some(
    (guardrail) => guardrail.kind === 'max_open' && guardrail.per === 'owner',
  );
  const tally = new Tally(
    past.decisions,
    perOwner ? await countOpenByOwner(store, asOf) : [],
    budgetDays > 0 ? await readSpending(store, budgetDays, asOf) : [],
  );
  const answers = byDecision(past.answers);
  const changes: Decision[] = [];
  const suppressed: SuppressionRow[] = [];
  for (const situation of [...situations].sort(byUrgency)) {
    const { accountId, subscriptionId, rulesRevision } = situation;
    const verdict = arbitrate(situation, tally, set.offers, answers);
    changes.push(...verdict.changes);
    suppressed.push(
      ...verdict.suppressed.map((s) => ({ ...s, accountId, subscriptionId, asOf, rulesRevision })),
    );
  }
  return { changes, suppressed };
}

function byDecision(answers: readonly Answer[]): ReadonlyMap<string, readonly Answer[]> {
  const grouped = new Map<string, Answer[]>();
  for (const answer of answers) {
    const known = grouped.get(answer.decisionId);
    if (known === undefined) grouped.set(answer.decisionId, [answer]);
    else known.push(answer);
  }
  return grouped;
}

/** The most ARR at risk first; then by account and subscription. */
function byUrgency(a: Situation, b: Situation): number {
  return (
    (b.arrAtRiskMinor ?? -1) - (a.arrAtRiskMinor ?? -1) ||
    compare(a.accountId, b.accountId) ||
    compare(a.subscriptionId, b.subscriptionId)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
