import { setImmediate } from 'node:timers/promises';
import { batchOf } from '../columns/batch-of.js';
import type { Value } from '../columns/column.js';
import type { Fact } from '../columns/fact.js';
import { boundaryValues } from './boundary.js';
import type { Condition } from './condition.js';
import { type Expression, factsOf, leavesOf } from './expression.js';
import type { Plan } from './plan.js';
import { referenceEngineOf } from './reference-engine.js';
import { satisfy } from './satisfy.js';

/** A rule or guardrail that a plan and json-rules-engine do not agree on, and the facts that show it. */
export interface Difference {
  /** `rule x` or `guardrail x`. */
  readonly what: string;
  readonly facts: Readonly<Record<string, Value>>;
  /** What json-rules-engine said; null when it threw. */
  readonly reference: boolean | null;
  readonly plan: boolean | null;
  /** What was thrown, by either. */
  readonly error?: string;
}

/** Rows tried for one rule, and for all together: verifying a thousand rules must not take a minute. */
const ROWS_PER_RULE = 160;
const FEWEST_ROWS = 24;
const ROWS_IN_ALL = 24_000;

/**
 * Translation validation: runs json-rules-engine beside the plan, rule by rule, on facts generated around every boundary
 * of the rule, and returns where they differ: empty when the plan may go live. At most one difference is given for each
 * rule, so that one broken rule is named once and the others are still verified. Lets other work run between rules.
 */
export async function verifyPlan(plan: Plan): Promise<Difference[]> {
  const { set } = plan;
  const subjects = [
    ...set.rules.map(({ name, conditions }) => ({ what: `rule ${name}`, conditions })),
    ...set.guardrails.flatMap(({ name, when }) =>
      when === undefined ? [] : [{ what: `guardrail ${name}`, conditions: when }],
    ),
  ];
  const rows = Math.min(ROWS_PER_RULE, Math.max(FEWEST_ROWS, Math.floor(ROWS_IN_ALL / subjects.length)));
  const differences: Difference[] = [];
  for (const { what, conditions } of subjects) {
    await setImmediate();
    const difference = await verifyOne(plan, what, conditions, rows);
    if (difference !== undefined) differences.push(difference);
  }
  return differences;
}

async function verifyOne(
  plan: Plan,
  what: string,
  conditions: Condition,
  rows: number,
): Promise<Difference | undefined> {
  const { facts, conditions: shared } = plan.set;
  const expression = plan.expressionOf(conditions);
  const samples = boundaryRows(expression, facts, rows);
  const used = factsOf(expression).map((name) => facts.get(name)!);
  let held: boolean[];
  try {
    held = plan.evaluateOnly(expression, batchOf(used, samples));
  } catch (thrown) {
    return { what, facts: samples[0] ?? {}, reference: null, plan: null, error: String(thrown) };
  }
  const reference = referenceEngineOf(conditions, shared);
  for (const [i, sample] of samples.entries()) {
    try {
      const expected = await reference.holds(sample);
      if (expected !== held[i]) return { what, facts: sample, reference: expected, plan: held[i]! };
    } catch (thrown) {
      return { what, facts: sample, reference: null, plan: held[i]!, error: String(thrown) };
    }
  }
  return undefined;
}

/**
 * Facts around an expression's boundaries: ones that make it hold and fail, each fact in turn moved through all its
 * boundary values from there, and then combinations. The same expression gives the same rows.
 */
export function boundaryRows(
  expression: Expression,
  facts: ReadonlyMap<string, Fact>,
  most: number,
): Record<string, Value>[] {
  const values = valuesOf(expression, facts);
  const names = [...values.keys()];
  const pick = picker(expression.id);
  const anyRow = (): Record<string, Value> =>
    Object.fromEntries(names.map((name) => [name, values.get(name)![pick(values.get(name)!.length)]!]));
  const rows: Record<string, Value>[] = [];
  const seen = new Set<string>();
  const add = (row: Record<string, Value>): void => {
    const key = JSON.stringify(row);
    if (rows.length >= most || seen.has(key)) return;
    seen.add(key);
    rows.push(row);
  };
  for (const wanted of [true, false]) {
    const found = satisfy(expression, facts, wanted);
    const start = found.answer === 'yes' ? { ...anyRow(), ...found.facts } : anyRow();
    add(start);
    for (const name of names) for (const value of values.get(name)!) add({ ...start, [name]: value });
    // Leave room for combinations: facts that matter only together are found there.
    if (rows.length > most / 2) rows.length = Math.floor(wanted ? most / 3 : most / 2);
  }
  for (let tries = 0; tries < most && rows.length < most; tries++) add(anyRow());
  return rows;
}

/** Boundary values of every fact; facts that are compared with each other share theirs. */
function valuesOf(expression: Expression, facts: ReadonlyMap<string, Fact>): Map<string, readonly Value[]> {
  const leaves = leavesOf(expression);
  const values = new Map<string, readonly Value[]>();
  for (const name of factsOf(expression)) {
    const fact = facts.get(name)!;
    values.set(
      name,
      boundaryValues(
        fact,
        leaves.filter((leaf) => leaf.comparison.fact === name),
      ).values,
    );
  }
  for (const { otherFact, comparison } of leaves) {
    if (otherFact === null) continue;
    const [a, b] = [facts.get(comparison.fact)!, facts.get(otherFact)!];
    if (a.kind !== b.kind) continue;
    const both = [...new Set([...values.get(a.name)!, ...values.get(b.name)!])];
    for (const fact of [a, b])
      values.set(
        fact.name,
        both.filter((value) => value !== null || fact.optional),
      );
  }
  return values;
}

/** A small linear congruential generator: enough to spread combinations, and the same everywhere. */
function picker(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761 + 12_345) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}
