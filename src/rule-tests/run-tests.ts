import { batchOf } from '../columns/batch-of.js';
import { type Value, valueAt } from '../columns/column.js';
import { DAY_MS } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { AccountHistory, summaries } from '../decisions/account-history.js';
import { type Openings, openFor } from '../decisions/arbitrate.js';
import type { Decision } from '../decisions/decision.js';
import { isOpen } from '../decisions/lifecycle.js';
import { Ledger } from '../decisions/shared-limits.js';
import type { Situation } from '../decisions/situation.js';
import { DecisionFacts } from '../engine/fact-batch.js';
import type { RuleEvent } from '../rules/event.js';
import { explainRow, failedLines, reasonsInWords } from '../rules/explain.js';
import type { Plan } from '../rules/plan.js';
import type { ExpectedEffect, FactValues } from '../rules/rule-test-file.js';
import { BANDS, type Band } from '../scoring/scorecard.js';
import { type Coverage, coverageOf } from './coverage.js';
import type { RuleTestCase } from './load-tests.js';
import { pastDecisions, WHO } from './past-decisions.js';

/** How one test came out. */
export interface RuleTestResult {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  readonly passed: boolean;
  /** What was expected and did not happen, or happened and was not expected; each with why. */
  readonly failures: readonly string[];
}

export interface RuleTestReport {
  readonly results: readonly RuleTestResult[];
  readonly coverage: Coverage;
}

/** The facts of a subscription as of a time, for tests that start from one. */
export type FactsOf = (subscriptionId: string, asOf: number) => Promise<Readonly<Record<string, Value>>>;

/** Runs rule tests through the compiled plan and the arbitration that production runs. */
export async function runRuleTests(
  plan: Plan,
  cases: readonly RuleTestCase[],
  factsOf: FactsOf,
): Promise<RuleTestReport> {
  const rows: FactValues[] = [];
  const rowOf = new Map<RuleTestCase, number>();
  /** Why a test has no facts to run on. */
  const lost = new Map<RuleTestCase, string>();
  for (const test of cases) {
    const real = await realFacts(test, factsOf);
    if (typeof real === 'string') lost.set(test, real);
    else rowOf.set(test, rows.push(withHistory({ ...(real as FactValues), ...test.facts }, test, plan)) - 1);
  }
  const batch = batchOf(plan.set.facts.values(), rows);
  const evaluation = plan.evaluateFully(batch);
  const results = cases.map((test): RuleTestResult => {
    const { file, line, name } = test;
    const row = rowOf.get(test);
    if (row === undefined) return { file, line, name, passed: false, failures: [lost.get(test)!] };
    const fired = evaluation.rulesOf(row).map((rule) => ({
      rule,
      reasons: reasonsInWords(plan, batch, row, evaluation, rule.conditions),
    }));
    const failures: string[] = [];
    if (test.expect !== undefined) {
      failures.push(
        ...compare(
          test.expect,
          fired.map(({ rule, reasons }) => ({ rule: rule.name, ...effectOf(rule.event), why: reasons })),
          'fires',
          (rule) => failedLines(explainRow(plan, batch, row).find((one) => one.rule === rule)),
        ),
      );
    }
    if (test.opens !== undefined || test.suppressed !== undefined) {
      const situation = situationOf(test, rows[row]!, fired, evaluation.guardrailsOf(row));
      const past = pastDecisions(test.history, test.now);
      const history = new AccountHistory(WHO.accountId, past.filter(isOpen), summariesOf(past, test));
      const rules = { ...plan.set, scoringRevision: '' };
      failures.push(...compareOpenings(test, openFor(situation, history, new Ledger(), rules)));
    }
    return { file, line, name, passed: failures.length === 0, failures };
  });
  return { results, coverage: coverageOf(plan, evaluation) };
}

/** The facts of the subscription that a test starts from, if any; or why there are none. One lost test leaves the others be. */
async function realFacts(
  test: RuleTestCase,
  factsOf: FactsOf,
): Promise<Readonly<Record<string, Value>> | string> {
  if (test.subscription === null) return {};
  try {
    return await factsOf(test.subscription.id, test.subscription.asOf);
  } catch (thrown) {
    const error = PerennialError.from(thrown);
    if (error.code !== 'not_found') throw error;
    return error.message;
  }
}

interface Effect {
  readonly rule: string;
  readonly type: string;
  /** Offer or topic. */
  readonly action: string;
  readonly why: readonly string[];
}

function effectOf(event: RuleEvent): { type: string; action: string } {
  return { type: event.type, action: event.type === 'offer' ? event.params.offer : event.params.topic };
}

function compare(
  expected: readonly ExpectedEffect[],
  got: readonly Effect[],
  verb: 'fires' | 'is opened',
  whyNot: (rule: string) => readonly string[],
): string[] {
  const missing = expected
    .filter((wanted) => !got.some((effect) => matches(wanted, effect)))
    .map((wanted) => {
      const rule = typeof wanted === 'string' ? wanted : wanted.rule;
      const why = rule === undefined ? [] : whyNot(rule);
      return [
        `expected that ${nameOf(wanted)} ${verb}, and it does not${why.length === 0 ? '' : ':'}`,
        ...why,
      ];
    });
  const surplus = got
    .filter((effect) => !expected.some((wanted) => matches(wanted, effect)))
    .map((effect) => [
      `${effect.rule} (${effect.type} ${effect.action}) ${verb}, and that was not expected${effect.why.length === 0 ? '' : ':'}`,
      ...effect.why,
    ]);
  return [...missing, ...surplus].map((lines) => lines.join('\n    '));
}

function matches(wanted: ExpectedEffect, effect: Effect): boolean {
  if (typeof wanted === 'string') return wanted === effect.rule;
  return (
    (wanted.rule === undefined || wanted.rule === effect.rule) &&
    (wanted.type === undefined || wanted.type === effect.type) &&
    (wanted.offer === undefined || (effect.type === 'offer' && wanted.offer === effect.action)) &&
    (wanted.topic === undefined || (effect.type !== 'offer' && wanted.topic === effect.action))
  );
}

function nameOf(wanted: ExpectedEffect): string {
  if (typeof wanted === 'string') return wanted;
  return Object.entries(wanted)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ');
}

function compareOpenings(test: RuleTestCase, openings: Openings): string[] {
  const opened = openings.events.map(({ decision }) => decision);
  const failures: string[] = [];
  if (test.opens !== undefined) {
    const effects = opened.map(({ rule, kind, action, reasons }) => ({
      rule,
      type: kind,
      action,
      why: reasons,
    }));
    const suppressedBy = (rule: string): string[] =>
      openings.suppressed
        .filter((one) => one.rule === rule)
        .map(({ guardrail, reason }) => `suppressed by ${guardrail}: ${reason}`);
    failures.push(...compare(test.opens, effects, 'is opened', suppressedBy));
  }
  if (test.suppressed !== undefined) {
    const key = (rule: string, by: string): string => `${rule} is suppressed by ${by}`;
    const wanted = new Set(test.suppressed.map(({ rule, by }) => key(rule, by)));
    const got = new Set(openings.suppressed.map(({ rule, guardrail }) => key(rule, guardrail)));
    for (const one of wanted) if (!got.has(one)) failures.push(`expected that ${one}, and it is not`);
    for (const one of got) if (!wanted.has(one)) failures.push(`${one}, and that was not expected`);
  }
  return failures;
}

const ALONE = batchOf(
  [
    { name: 'account_id', kind: 'string' },
    { name: 'subscription_id', kind: 'string' },
  ],
  [{ account_id: WHO.accountId, subscription_id: WHO.subscriptionId }],
);

function summariesOf(past: readonly Decision[], test: RuleTestCase) {
  return summaries(past, test.now - 365 * DAY_MS);
}

/** Facts of what was decided before follow from the test's history, unless the test gives them by hand. */
function withHistory(facts: FactValues, test: RuleTestCase, plan: Plan): FactValues {
  const past = pastDecisions(test.history, test.now);
  const derived: Record<string, FactValues[string]> = {};
  for (const [name, column] of new DecisionFacts(summariesOf(past, test), past).columns(ALONE, test.now)) {
    if (plan.set.facts.has(name)) derived[name] = valueAt(column, 0) as FactValues[string];
  }
  return { ...derived, ...facts };
}

function situationOf(
  test: RuleTestCase,
  facts: FactValues,
  fired: Situation['fired'],
  guardrails: Situation['guardrails'],
): Situation {
  const number = (name: string): number | null => (typeof facts[name] === 'number' ? facts[name] : null);
  const text = (name: string): string => (typeof facts[name] === 'string' ? facts[name] : '');
  const band = text('band');
  return {
    ...WHO,
    asOf: test.now,
    risk: number('risk'),
    band: (BANDS as readonly string[]).includes(band) ? (band as Band) : 'unknown',
    arrMinor: number('arr_minor'),
    arrAtRiskMinor: number('arr_at_risk_minor'),
    currency: text('currency'),
    owner: text('owner'),
    fired,
    guardrails,
  };
}
