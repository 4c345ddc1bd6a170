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
});

/** One rule with these conditions, in a file whose conditions start at line 4. */
function withConditions(conditions: string, rest = ''): LoadedRules {
  const indented = conditions.replaceAll(/^/gm, '        ');
  return load({
    'a.yaml': `rules:
  - name: a
    conditions:
      all:
${indented}
    event: { type: escalation, params: { topic: t, to: owner } }
${rest}`,
  });
}

describe('check', () => {
  it.each([
    [
      'a misspelt fact, and the one that was meant',
      '- { fact: featrue_breadth, operator: lessThan, value: 0.4 }',
      'a.yaml:5:19: error: There is no fact `featrue_breadth`. (did you mean `adoption_breadth`?) [unknown-fact]',
    ],
    [
      'a misspelt operator',
      '- { fact: risk, operator: greatherThan, value: 4 }',
      /^a\.yaml:5:35: error: There is no operator `greatherThan`\. .*\(did you mean `greaterThan`\?\) \[unknown-operator\]$/,
    ],
    [
      'a misspelt decorator',
      '- { fact: add_ons, operator: "someFct:equal", value: sso }',
      /^a\.yaml:5:38: error: There is no operator decorator `someFct`\. .*\(did you mean `someFact`\?\)/,
    ],
    [
      'a misspelt key',
      '- { fact: risk, operater: greaterThan, operator: greaterThan, value: 4 }',
      'a.yaml:5:25: error: `operater` is not known here. (did you mean `operator`?) [unknown-key]',
    ],
    [
      'a comparison without a value',
      '- { fact: risk, operator: greaterThan }',
      'a.yaml:5:11: error: Item 1 of `conditions.all`: a comparison needs `fact`, `operator` and `value`; `value` is missing. [schema]',
    ],
    [
      'all and any side by side, of which json-rules-engine drops one',
      '- { all: [{ fact: risk, operator: equal, value: 4 }], any: [{ fact: risk, operator: equal, value: 5 }] }',
      /^a\.yaml:5:11: error: .*`all`, `any` stand side by side; a condition takes one of them, so nest them/,
    ],
    [
      'an empty any, which json-rules-engine takes to hold for everyone',
      '- { any: [] }',
      /^a\.yaml:5:18: error: .*an empty `any` would hold for everyone/,
    ],
    [
      'path, with the reason',
      '- { fact: risk, operator: equal, value: 1, path: $.a }',
      /^a\.yaml:5:52: error: `path` is not supported\. Facts are plain values here/,
    ],
    [
      'params of a dynamic fact, with the reason',
      '- { fact: risk, operator: equal, value: 1, params: { a: 1 } }',
      /^a\.yaml:5:52: error: `params` is not supported\. Facts here take no parameters/,
    ],
    [
      'a path in a fact on the right',
      '- { fact: risk, operator: equal, value: { fact: risk_usage, path: $.a } }',
      /^a\.yaml:5:49: error: `path` can't stand beside `fact`/,
    ],
    [
      'an unknown fact on the right',
      '- { fact: risk, operator: equal, value: { fact: risk_usge } }',
      /^a\.yaml:5:49: error: There is no fact `risk_usge`\. \(did you mean `risk_usage`\?\)/,
    ],
    [
      'text compared as a number',
      '- { fact: band, operator: greaterThan, value: 4 }',
      /^a\.yaml:5:35: error: `greaterThan` compares numbers, but `band` is text\. \[never-holds\]$/,
    ],
    [
      'a number in quotes',
      "- { fact: risk, operator: greaterThan, value: '70' }",
      'a.yaml:5:55: error: `greaterThan` compares numbers, but "70" is text. (write 70 without quotes) [never-holds]',
    ],
    [
      'true in quotes',
      "- { fact: auto_renew, operator: equal, value: 'true' }",
      /^a\.yaml:5:55: error: `auto_renew` is true or false, and "true" is text: they are never equal\. \(write true, without quotes\) \[never-holds\]$/,
    ],
    [
      'a value outside an enumeration',
      '- { fact: band, operator: equal, value: hihg }',
      /^a\.yaml:5:49: error: `band` is never "hihg"\. It is one of: low, .*\(did you mean `high`\?\) \[never-holds\]$/,
    ],
    [
      'a value outside an enumeration in a list',
      '- { fact: segment, operator: in, value: [smb, entreprise] }',
      /`segment` is never "entreprise"/,
    ],
    [
      'a number out of range',
      '- { fact: risk, operator: greaterThan, value: 100 }',
      /^a\.yaml:5:55: error: `risk` lies between 0 and 100, so `greaterThan 100` never holds\. \[never-holds\]$/,
    ],
    [
      'a threshold that everything passes',
      '- { fact: coverage, operator: greaterThanInclusive, value: 0 }',
      /warning: `coverage` lies between 0 and 1, so `greaterThanInclusive 0` holds for every value\. \[always-holds\]$/,
    ],
    [
      'looking for a part of a text by `in`',
      '- { fact: plan, operator: in, value: enterprise }',
      'a.yaml:5:46: error: `in` needs a list on its right, but "enterprise" is text. (write [enterprise]) [needs-list]',
    ],
    [
      'a value that is no list, where json-rules-engine would stop',
      '- { fact: risk, operator: someValue:equal, value: 3 }',
      /^a\.yaml:5:59: error: `someValue` needs a list on its right, but 3 is a number\. \[needs-list\]$/,
    ],
    [
      'contains on text',
      '- { fact: plan, operator: contains, value: pro }',
      /^a\.yaml:5:35: error: `contains` needs a list on its left, but `plan` is text\. To find a part of a text/,
    ],
    [
      'two lists compared as wholes',
      '- { fact: add_ons, operator: equal, value: [sso] }',
      /error: Two lists are never equal in json-rules-engine/,
    ],
    [
      'infinity',
      '- { fact: risk, operator: lessThan, value: .inf }',
      /^a\.yaml:5:52: error: A number has to be finite/,
    ],
    [
      'a shared condition that is not there',
      '- { condition: at_rsk }',
      /^a\.yaml:5:24: error: There is no shared condition `at_rsk`\. \[unknown-condition\]$/,
    ],
    [
      'a rule that can never fire',
      '- { fact: risk, operator: greaterThan, value: 70 }\n- { fact: risk, operator: lessThan, value: 50 }',
      'a.yaml:3:5: error: The rule `a` can never fire: no facts fulfil all of its conditions together. [never-fires]',
    ],
    [
      'a rule that fires for everyone',
      '- any: [{ fact: auto_renew, operator: equal, value: true }, { fact: auto_renew, operator: equal, value: false }]',
      /^a\.yaml:3:5: warning: The rule `a` fires for every subscription/,
    ],
    [
      'a comparison that holds for a fact without a value',
      '- not: { fact: nps_latest, operator: greaterThan, value: 6 }',
      /^a\.yaml:5:16: warning: This also helps the rule to fire when `nps_latest` is missing\. .*\[holds-when-missing\]$/,
    ],
    [
      'a comparison that holds only for a fact without a value',
      "- { fact: nps_latest, operator: 'not:greaterThanInclusive', value: 0 }",
      /warning: This helps the rule to fire only when `nps_latest` is missing: no value of it will do/,
    ],
    [
      'a missing fact that counts as zero',
      '- { fact: days_to_renewal, operator: greaterThan, value: { fact: days_since_contact } }',
      /warning: When `days_since_contact` is missing, json-rules-engine compares with 0 here.*\[missing-counts-as-zero\]$/,
    ],
    [
      'null for a fact that is always there',
      '- { fact: auto_renew, operator: notEqual, value: null }',
      /warning: `auto_renew` is true or false and always has a value, so comparing it with null says nothing/,
    ],
  ])('names %s', (_, conditions, expected) => {
    const problems = said(withConditions(conditions));
    if (typeof expected === 'string') expect(problems).toContain(expected);
    else expect(problems).toEqual(expect.arrayContaining([expect.stringMatching(expected)]));
  });

  it('is quiet about a missing fact when the rule asks for a value beside it', () => {
    const conditions = `- not: { fact: nps_latest, operator: greaterThan, value: 6 }
- { fact: nps_latest, operator: notEqual, value: null }`;
    expect(said(withConditions(conditions))).toEqual([]);
  });

  it('names an offer that does not exist', () => {
    const loaded = load({
      'offers.yaml':
        'offers: [{ name: credit_note, description: d, kind: credit, credit_minor: 1, uplift: 0.1 }]',
      'a.yaml': `rules:
  - name: a
    conditions: { all: [{ fact: risk, operator: greaterThan, value: 70 }] }
    event: { type: offer, params: { offer: credit_not } }
`,
    });
    expect(said(loaded)).toEqual([
      'a.yaml:4:44: error: There is no offer `credit_not` in offers.yaml. (did you mean `credit_note`?) [unknown-offer]',
    ]);
  });

  it('names a rule that gives more than its offer, and one that shares its name with another', () => {
    const rule = (pct: number) =>
      `{ name: a, conditions: { all: [{ fact: risk, operator: greaterThan, value: ${pct} }] }, event: { type: offer, params: { offer: o, discount_pct: ${pct} } } }`;
    const loaded = load({
      'offers.yaml': 'offers: [{ name: o, description: d, kind: discount, discount_pct: 10, uplift: 0.1 }]',
      'a.yaml': `rules:\n  - ${rule(9)}\n  - ${rule(11)}\n`,
    });
    expect(said(loaded)).toEqual([
      expect.stringMatching(/^a\.yaml:3:13: error: There are two rules named `a`/),
      expect.stringMatching(
        /^a\.yaml:3:\d+: error: The offer `o` gives 10 %; a rule may give less, not more/,
      ),
    ]);
  });

  it('names two rules that always fire together with different offers', () => {
    const loaded = load({
      'offers.yaml': `offers:
  - { name: one, description: d, kind: credit, credit_minor: 1, uplift: 0.1 }
  - { name: two, description: d, kind: credit, credit_minor: 1, uplift: 0.1 }`,
      'a.yaml': `rules:
  - name: first
    conditions: { all: [{ fact: risk, operator: greaterThan, value: 70 }, { fact: auto_renew, operator: equal, value: true }] }
    event: { type: offer, params: { offer: one } }
  - name: second
    conditions: { not: { any: [{ fact: auto_renew, operator: notEqual, value: true }, { fact: risk, operator: 'not:greaterThan', value: 70 }] } }
    event: { type: offer, params: { offer: two } }
`,
    });
    expect(said(loaded)).toEqual([
      expect.stringMatching(
        /^a\.yaml:5:5: warning: The rules `first` \(a\.yaml:2\) and `second` always fire together with different offers.*`first` always wins\. \[conflicting-offers\]$/,
      ),
    ]);
  });

  it('names a shared condition that leads back to itself', () => {
    const loaded = withConditions(
      '- { condition: x }',
      'conditions:\n  x: { all: [{ condition: y }] }\n  y: { not: { condition: x } }\n',
    );
    expect(said(loaded)).toEqual([
      expect.stringMatching(/^a\.yaml:8:3: error: The shared condition leads back to itself: x -> y -> x\./),
    ]);
  });

  it('refuses shared conditions that double at every step, at once', () => {
    const steps = Array.from(
      { length: 40 },
      (_, i) => `  c${i + 1}: { all: [{ condition: c${i} }, { condition: c${i} }] }`,
    );
    const loaded = withConditions(
      '- { condition: c40 }',
      `conditions:\n  c0: { all: [{ fact: risk, operator: greaterThan, value: 1 }] }\n${steps.join('\n')}\n`,
    );
    expect(said(loaded).at(0)).toMatch(/With every shared condition written out this has \d+ comparisons/);
  });

  it.each([
    ['broken YAML', 'rules: [', /^a\.yaml:\d+:\d+: error: .*\[yaml-syntax\]$/],
    ['an alias bomb', bomb(), /\[yaml-alias\]|\[schema\]/],
    ['a bomb of brackets', '['.repeat(100_000), /\[too-deep\]$/],
    [
      'a misspelt event type',
      event('type: ofer'),
      /`event\.type` is "ofer", and has to be one of: offer, escalation, touchpoint\. \(did you mean `offer`\?\)/,
    ],
    [
      'priority 0',
      'rules: [{ name: a, priority: 0 }]',
      /priority is a whole number from 1 \(json-rules-engine reads 0 as 1\)/,
    ],
  ])('names %s', (_, text, expected) => {
    expect(said(load({ 'a.yaml': text }))).toEqual(expect.arrayContaining([expect.stringMatching(expected)]));
  });

  it('reports every problem of every file at once, in order of place', () => {
    const loaded = load({
      'b.yaml': 'rules: [',
      'a.yaml': 'rulez: []\n',
      'offers.yaml': 'offers: [{ name: X }]',
    });
    expect(loaded.set).toBeUndefined();
    expect(loaded.problems.map(({ file }) => file)).toEqual([
      'a.yaml',
      'b.yaml',
      ...Array.from({ length: loaded.problems.length - 2 }, () => 'offers.yaml'),
    ]);
  });
});

function bomb(): string {
  const levels = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(10)}]`);
  return `a0: &a0 [x]\n${levels.join('\n')}\n`;
}

function event(type: string): string {
  return `rules: [{ name: a, conditions: { all: [] }, event: { ${type}, params: {} } }]`;
}
