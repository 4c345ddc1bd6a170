import { expect, it } from 'vitest';
import { formatProblem } from '../../src/core/problem.js';
import { checkPresentValues, openTexts } from '../../src/rules/check-present.js';
import { FACTS } from './facts.js';

const PRESENT = new Map([
  [
    'region',
    new Map([
      ['amer', 210],
      ['emea', 1130],
    ]),
  ],
  ['plan', new Map([['business', 3]])],
  ['add_ons', new Map(Array.from({ length: 12 }, (_, i): [string, number] => [`extra_${i}`, 12 - i]))],
]);
const check = (conditions: string, present: typeof PRESENT = PRESENT): string[] =>
  checkPresentValues(
    new Map([
      [
        'a.yaml',
        `rules:\n  - { name: a, conditions: ${conditions}, event: { type: touchpoint, params: { topic: t, channel: call } } }\n`,
      ],
    ]),
    present,
  ).map(formatProblem);

it.each([
  [
    '{ all: [{ fact: region, operator: equal, value: EU }] }',
    'No subscription has "EU" as its `region`. There is: amer (210), emea (1,130). [nobody-has]',
  ],
  [
    '{ not: { any: [{ fact: plan, operator: notIn, value: [business, Business] }] } }',
    'No subscription has "Business" as its `plan`. There is: business (3). (did you mean `business`?) [nobody-has]',
  ],
  [
    '{ all: [{ fact: add_ons, operator: contains, value: sso }] }',
    'There is: extra_0 (12), extra_1 (11), extra_2 (10), extra_3 (9), extra_4 (8), extra_5 (7), extra_6 (6), extra_7 (5) and 4 more. [nobody-has]',
  ],
])('warns of %s', (conditions, expected) => {
  const problems = check(conditions);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^a\.yaml:2:\d+: warning: /);
  expect(problems[0]).toContain(expected);
});

it.each([
  '{ all: [{ fact: region, operator: in, value: [amer, emea, ""] }] }',
  '{ all: [{ fact: region, operator: equal, value: null }] }',
  '{ all: [{ fact: region, operator: equal, value: { fact: plan } }] }',
  '{ all: [{ fact: segment, operator: equal, value: unheard_of }] }',
  '{ all: [{ fact: risk, operator: greaterThan, value: 70 }] }',
])('is silent about %s', (conditions) => expect(check(conditions)).toEqual([]));

it('is silent where nothing is known', () => {
  expect(check('{ all: [{ fact: region, operator: equal, value: EU }] }', new Map())).toEqual([]);
});

it('guardrails and shared conditions are looked at too, and each place once', () => {
  const condition = '{ all: [{ fact: region, operator: equal, value: EU }] }';
  const files = new Map([
    ['a.yaml', `conditions: { eu: ${condition} }\nrules: []\n`],
    ['guardrails.yaml', `guardrails: [{ name: g, description: d, kind: block, when: ${condition} }]`],
  ]);
  expect(checkPresentValues(files, PRESENT).map(({ file }) => file)).toEqual(['a.yaml', 'guardrails.yaml']);
});

it('asks for the texts of the contract that may have any value', () => {
  const texts = openTexts(FACTS);
  expect(texts).toEqual(expect.arrayContaining(['region', 'plan', 'add_ons', 'currency']));
  expect(texts).not.toContain('band');
  expect(texts).not.toContain('risk');
});
