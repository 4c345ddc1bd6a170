import { describe, expect, test } from 'vitest';
import { loadMapping, unknownColumns } from '../../../src/ingest/import/mapping.js';

const GOOD = `source: crm
files:
  - match: accounts.csv
    subscriptions:
      - account_id: '{id}'
        time: '{since}'
        seats: { value: '{seats}' }
`;

function problemsOf(text: string): string[] {
  return loadMapping('m.yaml', text).problems.map(
    ({ line, column, code, suggestion }) =>
      `${line}:${column} ${code}${suggestion === undefined ? '' : ` ${suggestion}`}`,
  );
}

describe('a mapping', () => {
  test('that is right has no problems', () => expect(problemsOf(GOOD)).toEqual([]));

  test.each([
    ['a misspelt key', 'seats:', 'seat:', ['7:9 unknown-key did you mean `seats`?']],
    [
      'a misspelt key of an expression',
      '{ value:',
      "{ vlaue: 'x', value:",
      ['7:18 unknown-key did you mean `value`?'],
    ],
    ['a brace that stands alone', "'{since}'", "'{since'", ['6:15 schema']],
    ['a time zone that is none', "'{since}'", "{ value: '{since}', zone: Mars }", ['6:41 schema']],
    [
      'a time format without a year',
      "'{since}'",
      "{ value: '{since}', formats: ['HH:mm'] }",
      ['6:45 schema'],
    ],
    [
      'a condition without a test',
      '      - account_id',
      "      - when: [{ value: '{id}' }]\n        account_id",
      ['5:16 schema'],
    ],
    [
      'a join with a file that is not there',
      '    subscriptions:',
      "    join: { acounts: { on: '{id}' } }\n    subscriptions:",
      ['4:13 unknown-join'],
    ],
    ['a file that becomes nothing', GOOD.slice(GOOD.indexOf('    subscriptions')), '', ['3:5 no-records']],
    ['no files', GOOD.slice(GOOD.indexOf('files')), 'files: []\n', ['2:8 schema']],
    ['broken YAML', 'source: crm', 'source: [crm', ['2:1 yaml-syntax']],
  ])('with %s names the place', (_what, from, to, expected) => {
    expect(problemsOf(GOOD.replace(from, to))[0]).toBe(expected[0]);
  });

  test('that names a column which a file has not names the place and the nearest column', () => {
    const { mapping } = loadMapping('m.yaml', GOOD.replace("'{since}'", "{ value: '{sinse}' }"));
    expect(unknownColumns(mapping!, 0, ['id', 'since', 'seats'])).toEqual([
      expect.objectContaining({
        code: 'unknown-column',
        line: 6,
        column: 24,
        suggestion: 'did you mean `since`?',
      }),
    ]);
  });
});

test('a problem says in words what is missing, and what was expected', () => {
  const message = (from: string, to: string) =>
    loadMapping('m.yaml', GOOD.replace(from, to)).problems[0]!.message;
  expect(message("        time: '{since}'\n", '')).toBe('`time` is missing.');
  expect(message("'{since}'", '[1]')).toBe(
    '`time` has to be text or a number or true or false or a group of `name: value` lines.',
  );
});
