import { expect, it } from 'vitest';
import { formatProblem } from '../../src/core/problem.js';
import { loadRuleTests } from '../../src/rule-tests/load-tests.js';
import { runRuleTests } from '../../src/rule-tests/run-tests.js';
import { loadRuleSet } from '../../src/rules/load.js';
import { compileRuleSet } from '../../src/rules/plan.js';
import { FACTS } from './facts.js';

const SET = loadRuleSet(
  new Map([
    [
      'a.yaml',
      `rules:
  - { name: a, conditions: { all: [{ fact: risk, operator: greaterThan, value: 50 }] }, event: { type: offer, params: { offer: o } } }
`,
    ],
    ['offers.yaml', 'offers: [{ name: o, description: d, kind: training, uplift: 0.1 }]'],
    [
      'guardrails.yaml',
      `guardrails:
  - { name: rests, description: d, kind: cooldown, types: [offer], days: 30 }
  - { name: twice, description: d, kind: frequency_cap, types: [offer], max: 1, days: 300 }
`,
    ],
  ]),
  { facts: FACTS },
).set!;

const test = (history: string, expected: string): string => `tests:
  - { name: t, facts: { risk: 80 }, history: [{ type: offer, action: o, ${history} }], ${expected} }
`;
const run = async (text: string): Promise<readonly string[]> => {
  const { cases, problems } = loadRuleTests(new Map([['tests/a.yaml', text]]), SET);
  expect(problems.map(formatProblem)).toEqual([]);
  const { results } = await runRuleTests(compileRuleSet(SET), cases, () =>
    Promise.reject(new Error('no store')),
  );
  return results.flatMap(({ failures }) => failures);
};
const OPENS = 'opens: [a]';
const by = (guardrail: string) => `opens: [], suppressed: [{ rule: a, by: ${guardrail} }]`;

it.each([
  ['what was declined lately rests', 'opened_days_ago: 20, closed_days_ago: 10', by('rests')],
  [
    'what was seen lately rests, however it ended',
    'opened_days_ago: 40, presented_days_ago: 10, closed_days_ago: 5, closed_as: withdrawn',
    by('rests'),
  ],
  [
    'what was cleared before anybody saw it costs nothing',
    'opened_days_ago: 10, closed_days_ago: 5, closed_as: cleared',
    OPENS,
  ],
  [
    'what nobody saw costs nothing',
    'opened_days_ago: 40, presented_days_ago: null, closed_days_ago: 35, closed_as: expired',
    OPENS,
  ],
  [
    'what was seen long ago counts for the cap',
    'opened_days_ago: 200, presented_days_ago: 100, closed_days_ago: 90, closed_as: superseded',
    by('twice'),
  ],
  [
    'what is open is not opened again',
    'opened_days_ago: 5, presented_days_ago: null',
    'opens: [], suppressed: []',
  ],
])('%s', async (_, history, expected) => {
  expect(await run(test(history, expected))).toEqual([]);
});

it.each([
  'opened_days_ago: 5, presented_days_ago: 6',
  'opened_days_ago: 5, closed_days_ago: 6',
  'opened_days_ago: 5, presented_days_ago: 2, closed_days_ago: 3',
])('a history of %s is refused', (history) => {
  const { problems } = loadRuleTests(new Map([['tests/a.yaml', test(history, OPENS)]]), SET);
  expect(problems.map(formatProblem)).toEqual([
    expect.stringMatching(/^tests\/a\.yaml:2:\d+: error: .*is opened first, then presented, then closed/),
  ]);
});
