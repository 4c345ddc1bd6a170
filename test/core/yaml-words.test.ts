import { expect, it } from 'vitest';
import { formatProblem } from '../../src/core/problem.js';
import { readYaml } from '../../src/core/yaml-file.js';

const FILE = `rules:
  - name: a
    description: d
    conditions:
      all:
        - fact: risk
          operator: equal
          value: 3
    event:
      type: offer
`;

const said = (text: string): string[] =>
  readYaml('a.yaml', text).problems.map((problem) => formatProblem(problem).replace(' [yaml-syntax]', ''));

// Case C12: "Nested mappings are not allowed in compact mappings", and nine messages for one wrong indent.
it.each([
  [
    'a colon in a text',
    'description: d',
    'description: Win-back: mid-market',
    '3:18: error: A text with a colon and a space in it has to stand in quotes. (write "Win-back: mid-market")',
  ],
  [
    'a line that stands too far left',
    '          operator',
    '         operator',
    '7:10: error: This line begins after 9 spaces, and nothing before it does that it could belong to. (did you mean 10 spaces, as in line 6?)',
  ],
  [
    'a line that stands too far right',
    '          operator',
    '           operator',
    '7:12: error: This line begins after 11 spaces, and nothing before it does that it could belong to. (did you mean 10 spaces, as in line 6?)',
  ],
  [
    'a line between two columns',
    '    event',
    '     event',
    '9:6: error: This line begins after 5 spaces, and nothing before it does that it could belong to. (did you mean 6 spaces, as in line 5, or 4 spaces, as in line 4?)',
  ],
  [
    'a colon without a space',
    'operator: equal',
    'operator:equal',
    '7:19: error: A colon needs a space after it. (write operator: equal)',
  ],
  [
    'a dash without a space',
    '- fact',
    '-fact',
    '6:9: error: The dash of a list item needs a space after it.',
  ],
  [
    'no colon',
    'description: d',
    'description d',
    '3:5: error: This line is no `name: value`: a colon is missing. (did you mean `description: d`?)',
  ],
  [
    'an open quote',
    'description: d',
    'description: "d',
    '3:18: error: The text that begins with " here is not closed.',
  ],
  [
    'an apostrophe',
    'description: d',
    "description: 'it's",
    `3:22: error: Something follows after the closing quote; the whole text has to stand in quotes. (write "it's")`,
  ],
  [
    'a text that begins with @',
    'description: d',
    'description: @home',
    '3:18: error: A text that begins with @ has to stand in quotes. (write "@home")',
  ],
  [
    'a text that begins with [',
    'description: d',
    'description: [draft] win',
    '3:18: error: A text that begins with [ has to stand in quotes. (write "[draft] win")',
  ],
  [
    'a text that begins with !',
    'description: d',
    'description: !x y',
    '3:18: error: A text that begins with ! has to stand in quotes.',
  ],
  [
    'an open bracket',
    'value: 3',
    'value: [a, b',
    '9:5: error: A [ needs its ]: one that was opened before is not closed.',
  ],
  ['a bracket too many', 'value: 3', 'value: [a, b]]', '8:24: error: There is one ] too many.'],
  ['a tab', '          operator', '\toperator', '7:1: error: A tab can not indent; use spaces.'],
  [
    'a no-break space',
    '          operator',
    '\u00a0\u00a0        operator',
    '7:1: error: A no-break space can not indent; use plain spaces.',
  ],
  [
    'a merge conflict',
    '    event',
    '<<<<<<< HEAD\n    event',
    '9:1: error: This is the mark of a merge conflict that nobody has settled.',
  ],
  [
    'a list item among names',
    'description: d',
    '- description: d',
    '3:5: error: A list item can not stand among `name: value` lines: take its dash away, or look at its indent.',
  ],
  [
    'a wrong escape',
    'description: d',
    'description: "a\\qb"',
    '3:20: error: In double quotes a backslash begins a code, and this is none; write \\\\ for a backslash, or use single quotes.',
  ],
])('says of a file with %s what it is, once', (_, from, to, expected) => {
  expect(FILE).toContain(from);
  expect(said(FILE.replace(from, to))).toEqual([`a.yaml:${expected}`]);
});

it('names every name that stands twice', () => {
  expect(said('a: 1\na: 2\nb: 1\nb: 2\n')).toHaveLength(2);
});

it('reads lines that end in a carriage return alone, with every place', () => {
  const file = readYaml('a.yaml', FILE.replaceAll('\n', '\r'));
  expect(file.value).toEqual(readYaml('a.yaml', FILE).value);
  expect(file.locate(['rules', 0, 'event', 'type'])).toEqual({ line: 10, column: 13 });
});

// Case C8
it.each([
  ['12345678901234567890', '12345678901234567000'],
  ['004912345', '4912345'],
  ['-07', '-7'],
  ['00.5', '0.5'],
  ['0.1234567890123456789', '0.12345678901234568'],
  ['1e999', 'Infinity'],
])('refuses %s, which is read as %s, unless it stands in quotes', (written, read) => {
  for (const text of [`a: [x, ${written}]`, `{"a": ["x", ${written}]}`]) {
    const column = text.indexOf(written) + 1;
    expect(readYaml('a.yaml', text).problems.map(formatProblem)).toEqual([
      `a.yaml:1:${column}: error: \`${written}\` is read as the number ${read}. A number that is a name or an id has to stand in quotes. (write "${written}") [mangled-number]`,
    ]);
  }
  expect(readYaml('a.yaml', `a: [x, "${written}"]`).value).toEqual({ a: ['x', written] });
});

it.each(['0', '0.5', '-0', '9007199254740991', '1e21', '0x1F', '1.10', '100', '2024-01-01', '0o17', '.inf'])(
  'takes %s as it is',
  (written) => {
    expect(readYaml('a.yaml', `a: ${written}`).problems).toEqual([]);
  },
);
