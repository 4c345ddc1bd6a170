import { describe, expect, it } from 'vitest';
import { loadRuleSet } from '../../src/rules/load.js';
import { compileRuleSet, type Plan } from '../../src/rules/plan.js';
import { boundaryRows, verifyPlan } from '../../src/rules/verify.js';
import { defaultFiles } from './default-rules.js';
import { FACTS } from './facts.js';

const { set } = loadRuleSet(defaultFiles(), { facts: FACTS });
const plan = compileRuleSet(set!);

/** A plan with a defect in one rule: it answers the wrong way round for one row in ten, or throws. */
function withDefect(rule: string, defect: 'wrong' | 'throws'): Plan {
  const broken = plan.expressionOf(set!.rules.find(({ name }) => name === rule)!.conditions);
  return {
    ...plan,
    evaluateOnly(expression, batch) {
      const held = plan.evaluateOnly(expression, batch);
      if (expression !== broken) return held;
      if (defect === 'throws') throw new RangeError('broken');
      return held.map((value, row) => (row % 10 === 7 ? !value : value));
    },
  };
}

describe('verification', () => {
  it('finds nothing in a sound plan', async () => {
    expect(await verifyPlan(plan)).toEqual([]);
  });

  it.each(['wrong', 'throws'] as const)(
    'names the one rule whose plan is broken (%s), with facts that show it, and verifies the others',
    async (defect) => {
      const differences = await verifyPlan(withDefect('champion_left', defect));
      expect(differences).toHaveLength(1);
      expect(differences[0]).toMatchObject({ what: 'rule champion_left' });
      expect(Object.keys(differences[0]!.facts).sort()).toEqual(['champion_left_90d', 'days_to_renewal']);
    },
  );

  it('tries facts that make every rule fire and facts that leave it silent, missing ones among them', () => {
    for (const rule of set!.rules) {
      const expression = plan.expressionOf(rule.conditions);
      const rows = boundaryRows(expression, set!.facts, 160);
      const names = Object.keys(rows[0]!);
      for (const name of names.filter((fact) => set!.facts.get(fact)!.optional)) {
        expect(
          rows.some((row) => row[name] === null),
          `${rule.name}: ${name} missing`,
        ).toBe(true);
      }
      expect(rows.length).toBeLessThanOrEqual(160);
    }
  });
});
