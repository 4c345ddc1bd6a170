import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { openStore } from '../../src/store/open-store.js';
import { projectFile } from '../support/project.js';
import { runCli } from '../support/run-cli.js';

const MAPPING = `source: app
files:
  - match: usage.csv
    signals: [{ type: usage.feature_used, account_id: '{account}', time: '{day}', value: '{count}' }]
    subscriptions: [{ account_id: '{account}', time: '{day}' }]
    outcomes: [{ when: [{ value: '{left}', is: 'yes' }], kind: churned, account_id: '{account}', time: '{day}' }]
`;
let folder: string;
let mapping: string;
let usage: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-import-cli-'));
  mapping = join(folder, 'mapping.yaml');
  usage = join(folder, 'usage.csv');
  writeFileSync(mapping, MAPPING);
  writeFileSync(usage, 'account,day,count,left\na,2025-01-01,3,no\nb,2025-01-01,x,no\nc,2025-01-02,1,yes\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

const env = () => ({ PERENNIAL_DATA: join(folder, 'data'), PERENNIAL_SCORING: projectFile('scoring') });

test('importing twice stores each record once, and the rejected row with its line', async () => {
  for (const fate of ['new', 'same']) {
    const { code, stdout } = await runCli(['import', mapping, usage, '--json'], env());
    expect(code).toBe(EXIT.rejected);
    expect(JSON.parse(stdout)).toEqual({
      dryRun: false,
      load: expect.stringMatching(/^l-\d{8}-\d{6}-[0-9a-f]{4}$/),
      ...{ new: 0, same: 0, corrected: 0, retracted: 0, withdrawn: 0, [fate]: 5 },
      files: [
        {
          path: usage,
          rows: 3,
          skipped: 0,
          unused: 0,
          leftOut: 0,
          rejected: 1,
          signals: 2,
          subscriptions: 2,
          outcomes: 1,
        },
      ],
      rejected: 1,
      problems: [
        {
          ...{ file: usage, line: 3, reason: 'bad_number', field: 'value', rows: 1, texts: { x: 1 } },
          detail: '`value`: the text is not a number.',
        },
      ],
      notices: [
        {
          kind: 'missing-attribute',
          records: 2,
          text: '2 signals of type usage.feature_used without `feature_key`: features can do nothing with them.',
        },
      ],
    });
  }
  const store = await openStore({ dataDir: env().PERENNIAL_DATA });
  try {
    const count = async (view: string) =>
      Number((await store.rows<{ n: number }>(`SELECT count() AS n FROM ${view}`))[0]!.n);
    expect({
      signals: await count('signals'),
      subscriptions: await count('subscriptions'),
      outcomes: await count('outcomes'),
      rejected: await count('rejected_signals'),
    }).toEqual({ signals: 2, subscriptions: 2, outcomes: 1, rejected: 1 });
  } finally {
    await store.close();
  }
});

test('--dry-run --print prints the records as they go over the wire, and the problems to stderr', async () => {
  const { stdout, stderr } = await runCli(['import', mapping, usage, '--dry-run', '--print'], env());
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string });
  expect(lines.map(({ type }) => type)).toEqual([
    'usage.feature_used',
    'subscription.updated',
    'usage.feature_used',
    'subscription.updated',
    'outcome.churned',
  ]);
  expect(stderr).toContain(`${usage}:3: `);
});

test.each([
  [
    'a wrong mapping',
    MAPPING.replace('kind: churned, ', ''),
    EXIT.check,
    /mapping\.yaml:6:16: error: .*kind. is missing/,
  ],
  ['a column that is not there', MAPPING.replace('{left}', '{lefft}'), EXIT.check, /did you mean `left`/],
  [
    'a file that the mapping does not know',
    MAPPING.replace('usage.csv', 'other.csv'),
    EXIT.usage,
    /other\.csv/,
  ],
])('%s is told with its place and an exit code of its own', async (_what, text, expected, message) => {
  const path = join(folder, 'wrong-mapping.yaml');
  writeFileSync(path, text);
  const { code, stderr } = await runCli(['import', path, usage, '--dry-run'], env());
  expect(stderr).toMatch(message);
  expect(code).toBe(expected);
});

test('files that are not there are not found', async () => {
  expect((await runCli(['import', join(folder, 'none.yaml'), usage], env())).code).toBe(EXIT.notFound);
  const none = join(folder, 'none', 'usage.csv');
  expect((await runCli(['import', mapping, none, '--dry-run'], env())).code).toBe(EXIT.notFound);
  const elsewhere = { PERENNIAL_SCORING: join(folder, 'none') };
  expect((await runCli(['import', mapping, usage, '--dry-run'], elsewhere)).code).toBe(EXIT.notFound);
});
