import { batchOf } from '../columns/batch-of.js';
import { valueAt } from '../columns/column.js';
import { DAY_MS } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { arbitrate, type Situation, type Verdict } from '../decisions/arbitrate.js';
import type { Decision } from '../decisions/decision.js';
import { Tally } from '../decisions/tally.js';
import { decisionColumns } from '../engine/fact-batch.js';
import type { RuleEvent } from '../rules/event.js';
import { explainRow, failedLines, reasonsInWords } from '../rules/explain.js';
import type { Plan } from '../rules/plan.js';
import type { ExpectedEffect, FactValues } from '../rules/rule-test-file.js';
import { BANDS, type Band } from '../scoring/scorecard.js';
import { type Coverage, coverageOf } from './coverage.js';
import type { RuleTestCase } from './load-tests.js';

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
export type FactsOf = (subscriptionId: string, asOf: number) => Promise<FactValues>;

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
    else rowOf.set(test, rows.push(withHistory({ ...real, ...test.facts }, test, plan)) - 1);
  }
  const batch = batchOf(plan.set.facts.values(), rows);
  const evaluation = plan.evaluateFully(batch);
  const results = cases.map((test): RuleTestResult => {
    const { file, line, name } = test;
    const row = rowOf.get(test);
    if (row === undefined) return { file, line, name, passed: false, failures: [lost.get(test)!] };
    const fired = evaluation.rulesOf(row).map(({ name, event, conditions }) => ({
      rule: name,
      event,
      reasons: reasonsInWords(plan, batch, row, evaluation, conditions),
    }));
    const failures: string[] = [];
    if (test.expect !== undefined) {
      failures.push(
        ...compare(
          test.expect,
          fired.map(({ rule, event, reasons }) => ({ rule, ...effectOf(event), why: reasons })),
          'fires',
          (rule) => failedLines(explainRow(plan, batch, row).find((one) => one.rule === rule)),
        ),
      );
    }
    if (test.opens !== undefined || test.suppressed !== undefined) {
      const situation = situationOf(test, rows[row]!, fired, evaluation.guardrailsOf(row));
      const verdict = arbitrate(situation, new Tally(pastOf(test)), plan.set.offers, new Map());
      failures.push(...compareVerdict(test, verdict));
    }
    return { file, line, name, passed: failures.length === 0, failures };
  });
  return { results, coverage: coverageOf(plan, evaluation) };
}

/** The facts of the subscription that a test starts from, if any; or why there are none. One lost test leaves the others be. */
async function realFacts(test: RuleTestCase, factsOf: FactsOf): Promise<FactValues | string> {
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

function compareVerdict(test: RuleTestCase, verdict: Verdict): string[] {
  const opened = verdict.changes.filter(({ closedAt }) => closedAt === null);
  const failures: string[] = [];
  if (test.opens !== undefined) {
    const effects = opened.map(({ rule, kind, action, reasons }) => ({
      rule,
      type: kind,
      action,
      why: reasons,
    }));
    const heldBack = (rule: string): string[] =>
      verdict.suppressed
        .filter((one) => one.rule === rule)
        .map(({ guardrail, reason }) => `held back by ${guardrail}: ${reason}`);
    failures.push(...compare(test.opens, effects, 'is opened', heldBack));
  }
  if (test.suppressed !== undefined) {
    const key = (rule: string, by: string): string => `${rule} is held back by ${by}`;
    const wanted = new Set(test.suppressed.map(({ rule, by }) => key(rule, by)));
    const got = new Set(verdict.suppressed.map(({ rule, guardrail }) => key(rule, guardrail)));
    for (const one of wanted) if (!got.has(one)) failures.push(`expected that ${one}, and it is not`);
    for (const one of got) if (!wanted.has(one)) failures.push(`${one}, and that was not expected`);
  }
  return failures;
}

/** Who the decisions of a test are about. */
const WHO = { accountId: 'account', subscriptionId: 'subscription' };

function pastOf(test: RuleTestCase): Decision[] {
  return test.history.map(({ type, action, opened_days_ago, closed_days_ago, closed_by }, i) => ({
    ...WHO,
    decisionId: `past ${i}`,
    asOf: test.now - (closed_days_ago ?? opened_days_ago) * DAY_MS,
    kind: type,
    action,
    params: {},
    status: closed_days_ago === undefined ? 'open' : (STATUS_BY_END[closed_by] ?? 'resolved'),
    openedAt: test.now - opened_days_ago * DAY_MS,
    closedBy: closed_days_ago === undefined ? '' : closed_by,
    closedAt: closed_days_ago === undefined ? null : test.now - closed_days_ago * DAY_MS,
    expiresAt: null,
    rule: '',
    reasons: [],
    suppressed: [],
    risk: 0,
    band: 'unknown',
    arrAtRiskMinor: null,
    currency: '',
    owner: '',
    discountPct: 0,
    costMinor: 0,
    rulesRevision: '',
    scoringRevision: '',
  }));
}

const STATUS_BY_END: Readonly<Record<string, Decision['status']>> = {
  expiry: 'expired',
  offer_expired: 'expired',
  condition: 'cleared',
};

/** Facts of what was decided before follow from the test's history, unless the test gives them by hand. */
function withHistory(facts: FactValues, test: RuleTestCase, plan: Plan): FactValues {
  const past = pastOf(test);
  const derived: Record<string, FactValues[string]> = {};
  for (const [name, column] of decisionColumns(1, () => past, test.now)) {
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
    risk: number('risk') ?? 0,
    band: (BANDS as readonly string[]).includes(band) ? (band as Band) : 'unknown',
    arrMinor: number('arr_minor'),
    arrAtRiskMinor: number('arr_at_risk_minor'),
    currency: text('currency'),
    owner: text('owner'),
    fired,
    guardrails,
    rulesRevision: '',
    scoringRevision: '',
  };
}
