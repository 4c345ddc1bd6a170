import { describe, expect, it } from 'vitest';
import { batchOf } from '../../src/columns/batch-of.js';
import { explainRow, explanationLines, reasonsInWords } from '../../src/rules/explain.js';
import { loadRuleSet } from '../../src/rules/load.js';
import { compileRuleSet } from '../../src/rules/plan.js';
import { defaultFiles } from './default-rules.js';
import { FACTS } from './facts.js';

const healthy = {
  band: 'low',
  risk: 12,
  coverage: 0.9,
  days_to_renewal: 80,
  tenure_days: 400,
  in_notice_window: false,
  early_renewal_interest: true,
  arr_minor: 1_200_000,
  add_ons: ['sso'],
  auto_renew: true,
  cancel_intent_open: false,
};

describe('a compiled rule set', () => {
  const { set } = loadRuleSet(defaultFiles(), { facts: FACTS });
  const plan = compileRuleSet(set!);
  const batch = batchOf(FACTS, [
    healthy,
    { ...healthy, band: 'critical', arr_minor: 9_000_000, previous_band: 'low', cancel_intent_open: true },
  ]);

  it('says which rules fire for which rows, in priority order', () => {
    const evaluation = plan.evaluate(batch);
    expect(evaluation.rulesOf(0).map(({ name }) => name)).toEqual(['commit_the_loyal']);
    expect(evaluation.rulesOf(1).map(({ name }) => name)).toEqual([
      'sponsor_before_big_renewal',
      'got_worse_quickly',
    ]);
    const first = set!.rules.findIndex(({ name }) => name === 'sponsor_before_big_renewal');
    expect([...evaluation.fired(first)]).toEqual([1]);
  });

  it('says which guardrails apply to a row', () => {
    const names = (row: number) =>
      plan
        .evaluate(batch)
        .guardrailsOf(row)
        .map(({ name }) => name);
    expect(names(0)).not.toContain('hands_off_cancellations');
    expect(names(1)).toContain('hands_off_cancellations');
    expect(names(0)).toContain('no_deep_discounts');
  });

  it('explains a rule in words, with the values that its comparisons met', () => {
    const explained = explainRow(plan, batch, 1).find(({ rule }) => rule === 'sponsor_before_big_renewal')!;
    expect(explanationLines(explained)).toEqual([
      'fired: sponsor_before_big_renewal',
      '  + all of',
      '    + at_risk',
      '      + all of',
      '        + well_known',
      '          + all of',
      '            + coverage is at least 0.6 (coverage = 0.9)',
      '        + band is one of ["high", "critical"] (band = "critical")',
      '    + renewal_ahead',
      '      + all of',
      '        + days_to_renewal is above 0 days (days_to_renewal = 80)',
      '        + days_to_renewal is at most 120 days (days_to_renewal = 80)',
      '        + in_notice_window is false (in_notice_window = false)',
      '    + band is "critical" (band = "critical")',
      '    + arr_minor is at least 5000000 minor units (arr_minor = 9000000)',
    ]);
  });

  it('gives as reasons what a rule asks for itself first, and after it what it shares with others', () => {
    const rule = set!.rules.find(({ name }) => name === 'sponsor_before_big_renewal')!;
    expect(reasonsInWords(plan, batch, 1, plan.evaluateFully(batch), rule.conditions)).toEqual([
      'band is "critical" (band = "critical")',
      'arr_minor is at least 5000000 minor units (arr_minor = 9000000)',
      'band is one of ["high", "critical"] (band = "critical")',
      'days_to_renewal is above 0 days (days_to_renewal = 80)',
      'days_to_renewal is at most 120 days (days_to_renewal = 80)',
      'in_notice_window is false (in_notice_window = false)',
      'coverage is at least 0.6 (coverage = 0.9)',
    ]);
  });
});
