import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../src/core/problem.js';
import { type LoadedRules, loadRuleSet } from '../../src/rules/load.js';
import { isRuleTestFile, unreadFiles } from '../../src/rules/rule-folder.js';
import { FACTS } from './facts.js';

const load = (files: Record<string, string>): LoadedRules =>
  loadRuleSet(new Map(Object.entries(files)), { facts: FACTS });
const said = (files: Record<string, string>): string[] => load(files).problems.map(formatProblem);
const ruleFile = (...names: string[]): string =>
  `rules:\n${names
    .map(
      (name, i) =>
        `  - { name: ${name}, conditions: { all: [{ fact: risk, operator: equal, value: ${i + name.length} }] }, event: { type: touchpoint, params: { topic: ${name}, channel: email } } }\n`,
    )
    .join('')}`;
const cap = (name: string): string =>
  `guardrails: [{ name: ${name}, description: d, kind: discount_cap, max_pct: 5 }]`;

describe('a rules folder', () => {
  // Cases C4 and C7: guardrails.YAML and rules/emea/x.yaml were not read, and nothing said so.
  it('is read with its sub-folders and however endings are written, its tests left out', () => {
    const { set, problems } = load({
      'a.yaml': ruleFile('top'),
      'emea/x.yaml': ruleFile('deep'),
      'emea/guardrails.YAML': cap('regional'),
      'Guardrails.yml': cap('general'),
      'tests/a.yaml': 'tests: []',
      'emea/tests/b.yaml': 'tests: []',
      'emea/.x.yaml': 'nonsense',
    });
    expect(problems).toEqual([]);
    expect(set!.rules.map(({ name }) => name)).toEqual(['top', 'deep']);
    expect(set!.guardrails.map(({ name }) => name)).toEqual(['general', 'regional']);
    expect([...set!.files.keys()]).toEqual([
      'Guardrails.yml',
      'a.yaml',
      'emea/guardrails.YAML',
      'emea/x.yaml',
    ]);
    expect(['tests/a.yaml', 'emea/tests/b.yaml', 'x.yaml'].filter(isRuleTestFile)).toHaveLength(2);
  });

  it('names the files that nobody reads, unless they are for people', () => {
    const paths = [
      'a.yaml',
      'a.yaml.off',
      'deep/b.txt',
      'README.md',
      'LICENSE',
      'b.yaml~',
      'tests/notes.txt',
    ];
    expect(unreadFiles({ paths })).toEqual(['a.yaml.off', 'deep/b.txt']);
  });

  it('has names once over all its files', () => {
    expect(said({ 'a.yaml': ruleFile('x'), 'emea/a.yaml': ruleFile('x') })).toEqual([
      expect.stringMatching(/^emea\/a\.yaml:2:\d+: error: There are two rules named `x`/),
    ]);
  });

  it('says what holds for the whole set once', () => {
    const lives = 'guardrails: []\nlives: {}\nbrake: off\n';
    expect(
      said({
        'a.yaml': ruleFile('x'),
        'guardrails.yaml': lives,
        'z/guardrails.yaml': lives,
        'currencies.yaml': 'reporting: EUR',
        'z/currencies.yaml': 'reporting: USD',
      }),
    ).toEqual([
      expect.stringMatching(
        /^z\/currencies\.yaml:1:1: error: `reporting` is said in currencies\.yaml already/,
      ),
      expect.stringMatching(/^z\/guardrails\.yaml:2:1: error: `lives` is said in guardrails\.yaml already/),
      expect.stringMatching(/^z\/guardrails\.yaml:3:1: error: `brake` is said in guardrails\.yaml already/),
    ]);
  });
});

describe('a set that has none of something', () => {
  it('says so with `off`', () => {
    const { set } = load({ 'none.yaml': 'rules: off', 'guardrails.yaml': 'guardrails: off' });
    expect(set!.saysNone).toEqual({ rules: true, guardrails: true });
    expect(load({ 'a.yaml': 'rules: []' }).set!.saysNone).toEqual({ rules: false, guardrails: false });
  });

  it('has none then', () => {
    expect(
      said({
        'a.yaml': ruleFile('x', 'yy'),
        'none.yaml': 'rules: off',
        'guardrails.yaml': 'guardrails: off',
        'z/guardrails.yaml': cap('c'),
      }),
    ).toEqual([
      'guardrails.yaml:1:1: error: `guardrails: off` says that the set has no guardrails, and it has 1. Take this line away, or those. [off-beside-some]',
      'none.yaml:1:1: error: `rules: off` says that the set has no rules, and it has 2. Take this line away, or those. [off-beside-some]',
    ]);
  });

  it.each([
    ['rules: of', '`rules` is "of", and has to be off. (did you mean `off`?)'],
    ['rules: true', '`rules` has to be'],
    ['rules:', '`rules` has to be'],
  ])('%j is not that', (text, message) => {
    const problems = said({ 'a.yaml': text });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });
});

// Case C13: one rule with four slips took three rounds.
it('all slips of one rule come in one round', () => {
  const problems = said({
    'offers.yaml': 'offers: [{ name: right, description: d, kind: training, uplift: 0.1 }]',
    'a.yaml': `rules:
  - name: a
    priorty: 5
    conditions:
      all:
        - { fact: rsk, operator: greaterThan, value: 70 }
        - { fact: band, operator: equal }
        - { fact: band, operator: equal, value: hihg }
        - { fact: risk, operator: greaterThan, value: 70 }
        - { fact: risk, operator: lessThan, value: 50 }
    event:
      type: offer
      params: { offer: wrng, mesage: hello }
`,
  });
  expect(problems).toEqual([
    expect.stringMatching(/^a\.yaml:3:5: error: `priorty` is not known here/),
    expect.stringMatching(/^a\.yaml:4:5: error: This rule can never fire/),
    expect.stringMatching(/^a\.yaml:6:19: error: There is no fact `rsk`/),
    expect.stringMatching(/^a\.yaml:7:11: error: .*`value` is missing/),
    expect.stringMatching(/^a\.yaml:8:49: error: `band` is never "hihg"/),
    expect.stringMatching(/^a\.yaml:13:24: error: There is no offer `wrng`/),
    expect.stringMatching(/^a\.yaml:13:30: error: `mesage` is not known here/),
  ]);
});

it('a part that makes no sense is taken either way: nothing is said of the rest that may be untrue', () => {
  expect(
    said({
      'a.yaml': `rules:
  - name: a
    conditions:
      any:
        - { fact: rsk, operator: greaterThan, value: 70 }
        - all: [{ fact: risk, operator: greaterThan, value: 70 }, { fact: risk, operator: lessThan, value: 50 }]
    event: { type: touchpoint, params: { topic: t, channel: email } }
  - name: b
    conditions:
      not: { any: [{ fact: rsk, operator: greaterThan, value: 70 }] }
    event: { type: touchpoint, params: { topic: t, channel: email } }
`,
    }),
  ).toEqual([
    expect.stringMatching(/^a\.yaml:5:.*There is no fact `rsk`/),
    expect.stringMatching(/^a\.yaml:10:.*There is no fact `rsk`/),
  ]);
});
