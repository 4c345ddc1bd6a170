import fc from 'fast-check';
import { Engine, type RuleProperties, type TopLevelCondition } from 'json-rules-engine';
import { afterAll, describe, expect, it } from 'vitest';
import { batchOf } from '../../src/columns/batch-of.js';
import { checkComparison } from '../../src/rules/check-comparison.js';
import type { Comparison, Condition } from '../../src/rules/condition.js';
import { DEFAULT_CURRENCIES } from '../../src/rules/currency-file.js';
import { explainRow } from '../../src/rules/explain.js';
import { DEFAULT_LIVES } from '../../src/rules/life.js';
import { compileRuleSet } from '../../src/rules/plan.js';
import type { Rule, RuleSet } from '../../src/rules/rule-set.js';
import { verifyPlan } from '../../src/rules/verify.js';
import { RANDOM_FACTS, type RandomSet, rowArb, setArb } from './random-rules.js';

/** `npm run oracle:rules` sets this to 200 000. */
const RUNS = Number(process.env.PERENNIAL_ORACLE_RUNS ?? 1_500);
const FACTS = new Map(RANDOM_FACTS.map((fact) => [fact.name, fact]));

const counted = { accepted: 0, refused: 0 };

/** Comparisons that `check` refuses never reach a plan; a harmless one takes their place. */
function withoutRefused(condition: Condition): Condition {
  if (condition.all !== undefined) return { ...condition, all: condition.all.map(withoutRefused) };
  if (condition.any !== undefined) return { ...condition, any: condition.any.map(withoutRefused) };
  if (condition.not !== undefined) return { ...condition, not: withoutRefused(condition.not) };
  if (condition.condition !== undefined) return condition;
  const refused = checkComparison(condition as Comparison, FACTS).some(
    ({ severity }) => severity === 'error',
  );
  counted[refused ? 'refused' : 'accepted']++;
  return refused ? { fact: 'n1', operator: 'greaterThan', value: 0 } : condition;
}

function ruleSetOf(random: RandomSet): RuleSet {
  const place = { file: 'random.json', line: 1, column: 1 };
  const rules = random.rules.map(
    ({ priority, conditions }, i): Rule => ({
      name: `rule ${i}`,
      description: '',
      priority,
      clearAfterDays: null,
      leastDays: null,
      conditions: withoutRefused(conditions),
      event: { type: 'touchpoint', params: { topic: 'x', channel: 'email', details: {} } },
      place,
    }),
  );
  return {
    revision: 'random',
    files: new Map(),
    facts: FACTS,
    rules: rules.sort((a, b) => b.priority - a.priority),
    conditions: new Map(
      Object.entries(random.shared).map(([name, condition]) => [
        name,
        { name, condition: withoutRefused(condition), place },
      ]),
    ),
    offers: new Map(),
    guardrails: [],
    experiments: [],
    lives: DEFAULT_LIVES,
    brake: null,
    currencies: DEFAULT_CURRENCIES,
    saysNone: { rules: false, guardrails: false },
    warnings: [],
  };
}

/** json-rules-engine with the whole set, as people run it. */
function engineOf(set: RuleSet): Engine {
  const engine = new Engine();
  const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
  for (const { name, condition } of set.conditions.values()) {
    engine.setCondition(name, copy(condition) as TopLevelCondition);
  }
  for (const { name, priority, conditions, event } of set.rules) {
    engine.addRule(copy({ name, priority, conditions, event }) as RuleProperties);
  }
  return engine;
}

describe('a compiled rule set', () => {
  afterAll(() => {
    expect(counted.accepted).toBeGreaterThan(counted.refused);
  });

  it(`agrees with json-rules-engine on ${RUNS} random rule sets, and fires in order of priority`, {
    timeout: 60_000 + RUNS * 40,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(setArb, fc.array(rowArb, { minLength: 1, maxLength: 3 }), async (random, rows) => {
        const set = ruleSetOf(random);
        const evaluation = compileRuleSet(set).evaluate(batchOf(RANDOM_FACTS, rows));
        const engine = engineOf(set);
        for (const [row, facts] of rows.entries()) {
          const { results } = await engine.run({ ...facts });
          const expected = results.map(({ name }) => name);
          const fired = evaluation.rulesOf(row);
          expect(fired.map(({ name }) => name).sort()).toEqual(expected.toSorted());
          expect(fired.map(({ priority }) => priority)).toEqual(results.map(({ priority }) => priority));
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('explains what it decided: every rule comes out in the explanation as it fired', () => {
    fc.assert(
      fc.property(setArb, rowArb, (random, row) => {
        const plan = compileRuleSet(ruleSetOf(random));
        const batch = batchOf(RANDOM_FACTS, [row]);
        const evaluation = plan.evaluate(batch);
        for (const [i, { fired, conditions }] of explainRow(plan, batch, 0).entries()) {
          expect(fired).toBe(evaluation.hasFired(i, 0));
          expect(conditions.held).toBe(fired);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('gives one row the same answer alone as inside a larger batch', () => {
    fc.assert(
      fc.property(setArb, fc.array(rowArb, { minLength: 30, maxLength: 70 }), (random, rows) => {
        const plan = compileRuleSet(ruleSetOf(random));
        const together = plan.evaluate(batchOf(RANDOM_FACTS, rows));
        rows.forEach((row, i) => {
          const alone = plan.evaluate(batchOf(RANDOM_FACTS, [row]));
          expect(alone.rulesOf(0)).toEqual(together.rulesOf(i));
        });
        plan.set.rules.forEach((_, rule) => {
          const expected = rows.flatMap((_, row) => (together.hasFired(rule, row) ? [row] : []));
          expect([...together.fired(rule)]).toEqual(expected);
          expect(together.fired(rule).count()).toBe(expected.length);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('gives every row of a large batch its own answer, wherever it stands', () => {
    fc.assert(
      fc.property(
        setArb,
        fc.array(rowArb, { minLength: 5, maxLength: 40 }),
        fc.nat(40),
        (random, rows, odd) => {
          const plan = compileRuleSet(ruleSetOf(random));
          const few = plan.evaluate(batchOf(RANDOM_FACTS, rows));
          const many = Array.from({ length: 2_100 + odd }, (_, i) => rows[i % rows.length]!);
          const evaluation = plan.evaluate(batchOf(RANDOM_FACTS, many));
          plan.set.rules.forEach((_, rule) => {
            const expected = many.flatMap((_, i) => (few.hasFired(rule, i % rows.length) ? [i] : []));
            expect([...evaluation.fired(rule)]).toEqual(expected);
          });
        },
      ),
      { numRuns: 25 },
    );
  });

  it('passes its verification, whatever the rules', async () => {
    await fc.assert(
      fc.asyncProperty(setArb, async (random) => {
        expect(await verifyPlan(compileRuleSet(ruleSetOf(random)))).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });
});
