import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import { formatProblem } from '../../src/core/problem.js';
import { readTextFiles } from '../../src/core/text-files.js';
import { formatFile } from '../../src/rules/format.js';
import { loadRuleSet } from '../../src/rules/load.js';
import { FACTS } from './facts.js';

const check = (text: string, path = 'a.yaml'): string[] =>
  loadRuleSet(new Map([[path, text]]), { facts: FACTS }).problems.map(formatProblem);

const GOOD = 'conditions: { all: [{ fact: risk, operator: greaterThan, value: 60 }] }';
const EVENT = 'event: { type: touchpoint, params: { topic: t, channel: email } }';

it.each([
  [
    'nothing',
    '',
    'a.yaml:1:1: error: The file is empty, and has to be a group of `name: value` lines. [schema]',
  ],
  [
    'two documents',
    'rules: []\n---\nrules: []\n',
    'a.yaml:2:1: error: A line of --- starts a second document; a file holds one. [yaml-syntax]',
  ],
  ['tabs', 'rules:\n\t- name: a\n', 'a.yaml:2:1: error: A tab can not indent; use spaces. [yaml-syntax]'],
  [
    'a key twice',
    `rules:\n  - name: a\n    name: b\n    ${GOOD}\n    ${EVENT}\n`,
    'a.yaml:3:5: error: This name stands twice in one place; keep one of them. [yaml-syntax]',
  ],
  [
    'an alias of nothing, placed where it stands',
    'rules:\n  - *lost\n',
    'a.yaml:2:5: error: `*lost` needs an `&lost` before it. [yaml-alias]',
  ],
  [
    'a merge key',
    `rules:\n  - <<: {}\n    ${GOOD}\n    ${EVENT}\n`,
    'a.yaml:2:5: error: `<<` is not supported. Merging is not part of YAML any more. Give what is shared a name under `conditions:`. [not-supported]',
  ],
  [
    'a channel that does not exist',
    `rules:\n  - ${GOOD}\n    event: { type: touchpoint, params: { topic: t, channel: emial } }\n`,
    'a.yaml:3:61: error: `event.params.channel` is "emial", and has to be one of: email, call, meeting, in_app, training. (did you mean `email`?) [schema]',
  ],
  [
    'an event of no type',
    `rules:\n  - ${GOOD}\n    event: { type: ofer, params: {} }\n`,
    'a.yaml:3:20: error: `event.type` is "ofer", and has to be one of: offer, escalation, touchpoint. (did you mean `offer`?) [schema]',
  ],
  [
    'text as a priority',
    `rules:\n  - priority: high\n    ${GOOD}\n    ${EVENT}\n`,
    'a.yaml:2:15: error: `priority` has to be a number, and is the text "high". [schema]',
  ],
  [
    'a misspelt key, and not also that the right one is missing',
    `rules:\n  - ${GOOD.replace('conditions', 'conditons')}\n    ${EVENT}\n`,
    'a.yaml:2:5: error: `conditons` is not known here. (did you mean `conditions`?) [unknown-key]',
  ],
  [
    'too many levels, placed where they pass the limit',
    `rules:\n${'? '.repeat(30_000)}a\n`,
    'a.yaml:2:1: error: The file nests deeper than 64 levels. [too-deep]',
  ],
])('says in words what is wrong with a file that holds %s', (_, text, expected) => {
  expect(check(text)).toEqual([expected]);
});

it('says of an unclosed bracket that it is one', () => {
  expect(check('[{"name": "a"', 'a.json')[0]).toMatch(/^a\.json:1:14: error: A \{ needs its \}/);
});

it('checks what the other rules of a file say, though one is in bad form', () => {
  const rule = (fact: string): string => `  - ${GOOD.replace('risk', fact)}\n    ${EVENT}\n`;
  expect(check(`rules:\n  - hello\n${rule('rsk')}${rule('risk')}`)).toEqual([
    expect.stringMatching(/^a\.yaml:2:5: error: Item 1 of `rules` has to be a group/),
    expect.stringMatching(/^a\.yaml:3:33: error: There is no fact `rsk`/),
  ]);
});

// Bug: the hundred thousand problems of one file ran the stack over.
it('tells the first problems of a file that has very many, and that there are more', () => {
  const problems = check(`rules:\n${'  - nme: a\n'.repeat(50_000)}`);
  expect(problems.length).toBeLessThanOrEqual(LIMITS.problemsOfFile + 3);
  expect(problems.at(-1)).toMatch(/There is more wrong from here on\. \[more-problems\]$/);
});

// Bug: formatting a file in Latin-1 replaced its letters for good.
it('refuses a file that is not UTF-8, with the place, and does not format it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-latin-'));
  try {
    writeFileSync(join(folder, 'a.yaml'), Buffer.from('rules:\n  - name: gr\xf6\xdfe\n', 'latin1'));
    const text = readTextFiles(folder).get('a.yaml')!;
    const told = 'This is not UTF-8; save the file in that encoding.';
    expect(check(text)).toEqual([`a.yaml:2:13: error: ${told} [wrong-encoding]`]);
    expect(() => formatFile('a.yaml', text)).toThrow(told);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
