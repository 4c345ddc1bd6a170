import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../src/core/problem.js';
import { type LoadedRules, loadRuleSet } from '../../src/rules/load.js';
import { defaultFiles } from './default-rules.js';
import { FACTS } from './facts.js';

const load = (files: Record<string, string>): LoadedRules =>
  loadRuleSet(new Map(Object.entries(files)), { facts: FACTS });
const said = (loaded: LoadedRules): string[] => loaded.problems.map(formatProblem);

describe('the rules that come with Perennial', () => {
  it('load without a single problem', () => {
    const loaded = loadRuleSet(defaultFiles(), { facts: FACTS });
    expect(said(loaded)).toEqual([]);
    expect(loaded.set!.rules.length).toBeGreaterThanOrEqual(12);
    expect(loaded.set!.rules.map(({ priority }) => priority)).toEqual(
      loaded.set!.rules.map(({ priority }) => priority).sort((a, b) => b - a),
    );
  });
});

describe('a rule file', () => {
  it('may be a bare array of json-rules-engine rules; rules without a name get one', () => {
    const text = JSON.stringify([
      {
        conditions: { all: [{ fact: 'risk', operator: 'greaterThan', value: 70 }] },
        event: { type: 'escalation', params: { topic: 'risk', to: 'owner' } },
      },
    ]);
    const { set } = load({ 'old.json': text });
    expect(set!.rules.map(({ name }) => name)).toEqual(['old#1']);
  });

  it('names the place of a misspelt fact and the fact that was meant', () => {
    const text = `rules:
  - name: a
    conditions:
      all:
        - fact: featrue_breadth
          operator: lessThan
          value: 0.4
    event: { type: escalation, params: { topic: t, to: owner } }
`;
    expect(said(load({ 'a.yaml': text }))).toEqual([
      'a.yaml:5:17: error: There is no fact `featrue_breadth`. (did you mean `adoption_breadth`?) [unknown-fact]',
    ]);
  });
});
