import { describe, expect, it } from 'vitest';
import { diffRuleSets } from '../../src/rules/diff.js';
import { loadRuleSet } from '../../src/rules/load.js';
import type { RuleSet } from '../../src/rules/rule-set.js';
import { defaultFiles } from './default-rules.js';
import { FACTS } from './facts.js';

function changed(path: string, from: string | RegExp, to: string): RuleSet {
  const files = defaultFiles();
  const text = files.get(path)!;
  const edited = text.replace(from, to);
  expect(edited).not.toBe(text);
  const { set, problems } = loadRuleSet(files.set(path, edited), { facts: FACTS });
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  return set!;
}

const before = loadRuleSet(defaultFiles(), { facts: FACTS }).set!;

describe('a difference between rule sets', () => {
  it('is nothing between a set and itself, nor between two layouts of it', () => {
    expect(diffRuleSets(before, before)).toEqual([]);
    expect(
      diffRuleSets(before, changed('retention.yaml', 'value: [high, critical]', "value: ['high', critical]")),
    ).toEqual([]);
  });

  it('says in words what a rule now asks', () => {
    const after = changed('attention.yaml', 'value: 270', 'value: 300');
    expect(diffRuleSets(before, after)).toEqual([
      {
        kind: 'changed',
        what: 'rule',
        name: 'champion_left',
        details: [
          'no longer asks: days_to_renewal is below 270 days',
          'now asks: days_to_renewal is below 300 days',
          'now fires when (champion_left_90d is true and days_to_renewal is below 300 days)',
        ],
        matters: true,
      },
    ]);
  });

  it('knows when conditions are only written differently', () => {
    const after = changed(
      'attention.yaml',
      /- fact: days_to_renewal\n {10}operator: lessThan\n {10}value: 270/,
      '- not:\n            fact: days_to_renewal\n            operator: greaterThanInclusive\n            value: 270',
    );
    expect(diffRuleSets(before, after)).toEqual([
      expect.objectContaining({
        name: 'champion_left',
        details: ['the conditions are written differently and mean the same'],
        matters: false,
      }),
    ]);
  });

  it('names every rule that a shared condition changes', () => {
    const after = changed('retention.yaml', 'value: 120', 'value: 150');
    const changes = diffRuleSets(before, after);
    expect(changes.filter(({ what }) => what === 'rule').map(({ name }) => name)).toEqual([
      'sponsor_before_big_renewal',
      'shrink_rather_than_leave',
      'success_plan_for_large_accounts',
      'discount_when_price_is_the_problem',
      'commit_the_loyal',
    ]);
    expect(changes.filter(({ what }) => what === 'shared condition').map(({ name }) => name)).toEqual([
      'renewal_ahead',
    ]);
  });

  it('says what came, what went, and what another offer or guardrail is', () => {
    const files = defaultFiles();
    files.set('expansion.yaml', 'rules: []\n');
    files.set('offers.yaml', files.get('offers.yaml')!.replace('discount_pct: 10', 'discount_pct: 8'));
    files.set('guardrails.yaml', files.get('guardrails.yaml')!.replace('max_pct: 25', 'max_pct: 20'));
    files.set(
      'new.yaml',
      'rules: [{name: nps, conditions: {all: [{fact: nps_latest, operator: lessThan, value: 7}]}, event: {type: touchpoint, params: {topic: ask, channel: call}}}]',
    );
    const after = loadRuleSet(files, { facts: FACTS }).set!;
    expect(diffRuleSets(before, after)).toEqual([
      expect.objectContaining({
        kind: 'added',
        name: 'nps',
        details: ['fires when nps_latest is below 7', 'proposes a touchpoint about ask', 'has priority 1'],
      }),
      expect.objectContaining({ kind: 'removed', name: 'more_seats_when_full' }),
      expect.objectContaining({ kind: 'removed', name: 'talk_before_quota_runs_out' }),
      expect.objectContaining({
        what: 'offer',
        name: 'renewal_discount',
        details: ['discount_pct 10 becomes 8'],
      }),
      expect.objectContaining({
        what: 'guardrail',
        name: 'no_deep_discounts',
        details: ['max_pct 25 becomes 20'],
      }),
    ]);
  });
});
