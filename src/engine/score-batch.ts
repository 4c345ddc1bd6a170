import type { Batch } from '../columns/batch.js';
import { type StringColumn, valueAt } from '../columns/column.js';
import type { Millis } from '../core/clock.js';
import type { FiredRule, Situation } from '../decisions/arbitrate.js';
import { type Decision, isOpen } from '../decisions/decision.js';
import type { FeatureBatch } from '../features/read-features.js';
import type { Evaluation } from '../rules/evaluation.js';
import { actionOf } from '../rules/event.js';
import { reasonsInWords } from '../rules/explain.js';
import { evaluateScorecards } from '../scoring/evaluate.js';
import { BANDS } from '../scoring/scorecard.js';
import type { ScoredBatch } from '../store/risk-log.js';
import type { Definitions } from './definitions.js';
import { arrAtRisk, withScoresAndHistory } from './fact-batch.js';

/** What a batch came to: scores for all, and a situation for each subscription about which something may be decided. */
export interface BatchResult {
  readonly scored: ScoredBatch;
  readonly situations: readonly Situation[];
}

/** The decisions of an account before the time in question, each in its latest state. */
export type DecisionsOf = (accountId: string) => readonly Decision[];

/**
 * Scores a batch and runs the rules over it. Pure: the same features, files and history give the same result. A subscription
 * has a situation when a rule fired for it or a decision of it is open.
 */
export function scoreBatch(
  { batch, arrow }: FeatureBatch,
  { scoring, plan }: Definitions,
  decisionsOf: DecisionsOf,
  asOf: Millis,
): BatchResult {
  const scores = evaluateScorecards(scoring, batch);
  const atRisk = arrAtRisk(batch, scores);
  const scored: ScoredBatch = { batch, arrow, scores, arrAtRisk: atRisk };
  const account = textReader(batch, 'account_id');
  const subscription = textReader(batch, 'subscription_id');
  const history = (row: number): readonly Decision[] => {
    const decisions = decisionsOf(account(row));
    return decisions.length === 0
      ? decisions
      : decisions.filter((decision) => decision.subscriptionId === subscription(row));
  };
  const facts = withScoresAndHistory(batch, scores, atRisk, history, asOf);
  const evaluation = plan.evaluate(facts);

  const rows = new Set<number>();
  plan.set.rules.forEach((_, rule) => {
    for (const row of evaluation.fired(rule)) rows.add(row);
  });
  for (let row = 0; row < batch.length; row++) if (history(row).some(isOpen)) rows.add(row);
  if (rows.size === 0) return { scored, situations: [] };

  // Every condition inside every rule is needed only to say why: once a batch, for the rows where something fired.
  const full = plan.evaluateFully(facts);
  const money = (name: string, row: number): number | null =>
    valueAt(facts.column(name), row) as number | null;
  const situations = [...rows]
    .sort((a, b) => a - b)
    .map((row): Situation => {
      const open = new Set(
        history(row)
          .filter(isOpen)
          .map(({ kind, action }) => `${kind}:${action}`),
      );
      return {
        accountId: account(row),
        subscriptionId: subscription(row),
        asOf,
        risk: scores.risk[row]!,
        band: BANDS[scores.band[row]!]!,
        arrMinor: money('arr_minor', row),
        arrAtRiskMinor: money('arr_at_risk_minor', row),
        currency: (valueAt(facts.column('currency'), row) as string | null) ?? '',
        owner: (valueAt(facts.column('owner'), row) as string | null) ?? '',
        fired: firedRules(plan, facts, full, row, open),
        guardrails: evaluation.guardrailsOf(row),
        rulesRevision: plan.set.revision,
        scoringRevision: scoring.revision,
      };
    });
  return { scored, situations };
}

/** The rules that fired for a row; reasons only for those that may open something. */
function firedRules(
  plan: Definitions['plan'],
  facts: Batch,
  full: Evaluation,
  row: number,
  open: ReadonlySet<string>,
): FiredRule[] {
  return full.rulesOf(row).map(({ name, event, conditions }) => ({
    rule: name,
    event,
    reasons: open.has(actionOf(event)) ? [] : reasonsInWords(plan, facts, row, full, conditions),
  }));
}

/** Texts that differ from row to row: read without building a dictionary a second time. */
function textReader(batch: Batch, name: string): (row: number) => string {
  const { codes, dictionary } = batch.column(name) as StringColumn;
  return (row) => dictionary[codes[row]!]!;
}
