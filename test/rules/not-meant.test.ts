import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../src/core/problem.js';
import { loadRuleSet } from '../../src/rules/load.js';
import { FACTS } from './facts.js';

const OFFERS = `offers:
  - { name: ten, description: d, kind: discount, discount_pct: 10, uplift: 0.1 }
  - { name: thirty, description: d, kind: discount, discount_pct: 30, uplift: 0.1 }
  - { name: workshop, description: d, kind: training, uplift: 0.1 }
`;

const check = (files: Record<string, string>): string[] =>
  loadRuleSet(new Map(Object.entries({ 'offers.yaml': OFFERS, ...files })), { facts: FACTS }).problems.map(
    (problem) => formatProblem(problem),
  );
const rule = (name: string, conditions: string, event: string, more = ''): string =>
  `  - { name: ${name}, ${more}conditions: { all: [${conditions}] }, event: { ${event} } }\n`;
const offer = (name: string): string => `type: offer, params: { offer: ${name} }`;
const RISKY = '{ fact: risk, operator: greaterThan, value: 70 }';
const LARGE = '{ fact: arr_minor, operator: greaterThan, value: 1000 }';

describe('texts that nobody means', () => {
  const value = (written: string) =>
    check({
      'a.yaml': `rules:\n${rule('a', `{ fact: region, operator: equal, value: ${written} }`, offer('ten'))}`,
    });

  // Case C11
  it.each(['“EU”', '‘EU’', '„EU“', '«EU»'])('names the curly quotes of %s', (written) => {
    expect(value(written)).toEqual([
      `a.yaml:2:76: error: The quotes of \`${written}\` are letters of the text: YAML knows only " and '. (write "EU") [curly-quotes]`,
    ]);
    expect(value(`"${written}"`)).toEqual([]);
  });

  it.each(['"EU\u00a0West"', 'EU\u200bWest', '[a, "EU\u00a0West"]'])(
    'names what looks like a space in %s',
    (written) => {
      const text = written.startsWith('[')
        ? `{ fact: region, operator: in, value: ${written} }`
        : `{ fact: region, operator: equal, value: ${written} }`;
      const [problem, ...more] = check({ 'a.yaml': `rules:\n${rule('a', text, offer('ten'))}` });
      expect(problem).toMatch(
        /^a\.yaml:2:\d+: error: There is a letter in this text that looks like a space .*\[odd-space\]$/,
      );
      expect(more).toEqual([]);
    },
  );

  it('leaves a space alone that is written as a code', () => {
    expect(value('"EU\\u00a0West"')).toEqual([]);
  });

  it('warns of a space at an edge', () => {
    expect(value('"EU "')).toEqual([expect.stringMatching(/warning: This text begins or ends with a space/)]);
  });

  it('knows how currencies are written', () => {
    const currency = (written: string) =>
      check({
        'a.yaml': `rules:\n${rule('a', `{ fact: currency, operator: in, value: ${written} }`, offer('ten'))}`,
      });
    expect(currency('[eur]')).toEqual([
      'a.yaml:2:75: error: `currency` is never "eur": it is a code of ISO 4217, such as EUR. (write EUR) [never-holds]',
    ]);
    expect(currency('[EUR, ""]')).toEqual([]);
    expect(currency('[Euro]')).toHaveLength(1);
  });
});

describe('numbers that would arrive otherwise', () => {
  // Case C8
  it.each(['1.10', '0x1F', '1e3', '+5', '.5'])(
    '%s is no detail of an event or offer, nor a name',
    (written) => {
      const details = `details: { version: ${written} }`;
      const message = expect.stringMatching(
        /^\w+\.yaml:\d+:\d+: error: `.*` is read as the number .*, and would arrive so\. \(write ".*"\) \[mangled-number\]$/,
      );
      expect(
        check({ 'a.yaml': `rules:\n${rule('a', RISKY, `type: offer, params: { offer: ten, ${details} }`)}` }),
      ).toEqual([message]);
      expect(check({ 'offers.yaml': OFFERS.replace('uplift: 0.1 }', `uplift: 0.1, ${details} }`) })).toEqual([
        message,
      ]);
      expect(check({ 'a.yaml': `rules:\n${rule(written, RISKY, offer('ten'))}` })).toEqual([message]);
    },
  );

  it('thresholds may be written as people like', () => {
    expect(
      check({
        'a.yaml': `rules:\n${rule('5', '{ fact: coverage, operator: greaterThan, value: 0.60 }', offer('ten'))}`,
      }),
    ).toEqual([]);
  });
});

describe('offers that nobody means', () => {
  it('names an offer that is of a kind and gives nothing of it', () => {
    const offers = `offers:
  - { name: a, description: d, kind: discount, uplift: 0.1 }
  - { name: b, description: d, kind: credit, uplift: 0.1 }
`;
    expect(check({ 'offers.yaml': offers })).toEqual([
      'offers.yaml:2:5: warning: The offer `a` is a discount and gives none: `discount_pct` is missing or 0. [gives-nothing]',
      'offers.yaml:3:5: warning: The offer `b` is a credit and gives none: `credit_minor` is missing or 0. [gives-nothing]',
    ]);
  });

  it('names per cent that look like shares', () => {
    const problems = check({
      'offers.yaml': OFFERS.replace('discount_pct: 10', 'discount_pct: 0.15'),
      'guardrails.yaml':
        'guardrails: [{ name: g, description: d, kind: discount_cap, max_pct: 0.25 }, { name: h, description: d, kind: discount_approval, over_pct: 0.07 }]',
      'a.yaml': `rules:\n${rule('a', RISKY, 'type: offer, params: { offer: thirty, discount_pct: 0.2 }')}`,
    });
    expect(problems).toHaveLength(4);
    expect(problems).toContain(
      'offers.yaml:2:64: warning: This is 0.15 of one per cent: 0.15 % of 1,000 are 1.5. Per cent go from 0 to 100. (write 15) [share-as-percent]',
    );
    expect(problems.every((problem) => problem.endsWith('[share-as-percent]'))).toBe(true);
  });
});

describe('rules that never do anything', () => {
  const CAP = 'guardrails: [{ name: cap, description: d, kind: discount_cap, max_pct: 25 }]';

  it('names an offer that is always over the cap, and not a smaller one', () => {
    const file = `rules:\n${rule('a', RISKY, offer('thirty'))}${rule('b', LARGE, 'type: offer, params: { offer: thirty, discount_pct: 25 }')}`;
    expect(check({ 'guardrails.yaml': CAP, 'a.yaml': file })).toEqual([
      'a.yaml:2:89: warning: The rule `a` never opens anything: its 30 % are over the 25 % of `cap` (guardrails.yaml:1). [never-opens]',
    ]);
  });

  it('names a rule that a guardrail with conditions stops whenever it fires', () => {
    const block = (threshold: number) =>
      `guardrails: [{ name: calm, description: d, kind: block, types: [offer], when: { all: [{ fact: risk, operator: greaterThan, value: ${threshold} }] } }]`;
    const file = `rules:\n${rule('a', RISKY, offer('ten'))}`;
    expect(check({ 'guardrails.yaml': block(60), 'a.yaml': file })).toEqual([
      expect.stringMatching(/it fires only where it is blocked by `calm`/),
    ]);
    expect(check({ 'guardrails.yaml': block(80), 'a.yaml': file })).toEqual([]);
  });

  it.each([
    ['kind: frequency_cap, max: 0, days: 1', 'nothing is allowed by'],
    ['kind: max_open, max: 0', 'nothing is allowed by'],
    ['kind: budget, max_minor: 0, currency: EUR, days: 1', 'it costs money, and there is none in'],
  ])('names a rule for which nothing is left by %s', (guardrail, why) => {
    const guardrails = `guardrails: [{ name: g, description: d, ${guardrail} }]`;
    expect(
      check({ 'guardrails.yaml': guardrails, 'a.yaml': `rules:\n${rule('a', RISKY, offer('ten'))}` }),
    ).toEqual([expect.stringContaining(`never opens anything: ${why} \`g\``)]);
  });

  it('names an offer that never comes to its turn', () => {
    const file = `rules:\n${rule('narrow', `${RISKY}, ${LARGE}`, offer('ten'))}${rule('wide', RISKY, offer('workshop'), 'priority: 5, ')}`;
    expect(check({ 'a.yaml': file })).toEqual([
      'a.yaml:2:5: warning: The rule `narrow` never comes to its turn: whenever it fires `wide` (a.yaml:3) fires too and goes first, and one offer is open at a time. Unless a guardrail stops that one, this rule does nothing. [never-wins]',
    ]);
  });

  it('names an escalation of the same topic that never comes to its turn, and not one of another', () => {
    const escalation = (topic: string, severity: string) =>
      `type: escalation, params: { topic: ${topic}, to: owner, severity: ${severity} }`;
    const file = (topic: string) =>
      `rules:\n${rule('wide', RISKY, escalation('churn', 'normal'))}${rule('narrow', `${RISKY}, ${LARGE}`, escalation(topic, 'urgent'))}`;
    expect(check({ 'a.yaml': file('churn') })).toEqual([expect.stringContaining('and proposes the same')]);
    expect(check({ 'a.yaml': file('large_churn') })).toEqual([]);
  });

  it('leaves a smaller discount alone that is there for when a guardrail stops the larger one', () => {
    const file = `rules:\n${rule('large', RISKY, offer('thirty'), 'priority: 5, ')}${rule('small', RISKY, offer('ten'))}`;
    const sometimes =
      'guardrails: [{ name: cap, description: d, kind: discount_cap, max_pct: 25, when: { all: [{ fact: auto_renew, operator: equal, value: true }] } }]';
    expect(check({ 'guardrails.yaml': sometimes, 'a.yaml': file })).toEqual([]);
    expect(check({ 'a.yaml': file })).toEqual([expect.stringContaining('always fire together')]);
  });

  it('is silent about rules that may come to their turn', () => {
    const file = `rules:\n${rule('a', RISKY, offer('ten'), 'priority: 5, ')}${rule('b', LARGE, offer('workshop'))}${rule('c', '{ fact: risk, operator: greaterThan, value: 60 }', offer('workshop'))}`;
    expect(check({ 'a.yaml': file })).toEqual([]);
  });
});
