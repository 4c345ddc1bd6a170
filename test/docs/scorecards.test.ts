import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { openStore } from '../../src/store/open-store.js';
import { randomNumbers } from '../fit/tables.js';
import { business, writeAll } from '../support/business.js';
import { fencedBlocks } from '../support/markdown.js';
import { projectFile } from '../support/project.js';
import { jsonLines, runCli } from '../support/run-cli.js';
import { copyStore } from '../support/temp-store.js';

/** When people type what the page says. */
const NOW = Date.UTC(2026, 10, 1);

const folder = mkdtempSync(join(tmpdir(), 'perennial-docs-scorecards-'));
const env = {
  PERENNIAL_DATA: join(folder, 'data'),
  PERENNIAL_SCORING: projectFile('scoring'),
  PERENNIAL_RULES: projectFile('rules'),
  PERENNIAL_LOG_LEVEL: 'silent',
};
let subscriptionId: string;

beforeAll(async () => {
  await copyStore(env.PERENNIAL_DATA);
  const store = await openStore({ dataDir: env.PERENNIAL_DATA });
  await writeAll(store, business({ accounts: 40, days: 300 }));
  const [found] = await store.rows<{ id: string }>(
    `SELECT subscription_id AS id FROM subscriptions WHERE status = 'active' ORDER BY id LIMIT 1`,
  );
  subscriptionId = found!.id;
  await store.close();
  const random = randomNumbers(5);
  const rows = Array.from({ length: 400 }, (_, row) => {
    const logins = Math.floor(30 * random());
    return `c${row},${logins},${random() < (logins < 8 ? 0.7 : 0.2) ? 'yes' : 'no'}`;
  });
  writeFileSync(join(folder, 'customers.csv'), `customer,logins,churned\n${rows.join('\n')}\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The commands of docs/scorecards.md, with our files and our subscription in place of those on the page. */
function commands(): string[][] {
  return fencedBlocks('docs/scorecards.md', 'sh')
    .flatMap((block) => block.split('\n'))
    .map((line) => line.replace(/\s+#\s.*$/, '').trim())
    .filter((line) => line.startsWith('perennial '))
    .map((line) =>
      [...line.matchAll(/"([^"]*)"|(\S+)/g)]
        .map((match) => (match[1] ?? match[2])!)
        .slice(1)
        .map((word) => (/^[\w-]+\.(csv|yaml|html)$/.test(word) ? join(folder, word) : word))
        .map((word) => (word === 'scoring' ? projectFile('scoring') : word))
        .map((word) => (word === 'sub-000019-1' ? subscriptionId : word)),
    );
}

it('every command of docs/scorecards.md does what the page says, in the order of the page', async () => {
  const ran: string[] = [];
  for (const words of commands()) {
    const { code, stderr, stdout } = await runCli(words, env, () => NOW);
    expect({ words, code, stderr: code === EXIT.ok ? '' : stderr }).toEqual({
      words,
      code: EXIT.ok,
      stderr: '',
    });
    if (words.includes('--out') === false) expect(stdout).not.toBe('');
    ran.push(words.slice(0, 2).join(' '));
  }
  for (const command of [
    'scorecard fit',
    'scorecard evaluate',
    'scorecard calibrate',
    'scorecard compare',
    'overrides set',
  ])
    expect(ran).toContain(command);
});

// Bug: the second scorecard was given the features of the first one's folder, or failed as a defect where it had others.
it('scorecards of folders with other features are compared, each by its own', async () => {
  const compare = (first: string, second: string) =>
    runCli(['scorecard', 'compare', first, second, '--json'], env, () => NOW);
  const [own, membership] = [projectFile('scoring'), projectFile('templates/membership/scoring')];
  for (const [first, second] of [
    [own, membership],
    [membership, own],
  ] as const) {
    const { stdout, stderr } = await compare(first, second);
    expect(stderr).toBe('');
    expect(jsonLines(stdout)[0]!.rows).toBeGreaterThan(0);
  }
  // Other features under the same names.
  const copy = join(folder, 'copy');
  cpSync(own, copy, { recursive: true });
  const features = join(copy, 'features.yaml');
  writeFileSync(
    features,
    readFileSync(features, 'utf8').replaceAll(/^( +)value: .*_(?:7|28|35)d.*$/gm, '$1value: 1 - 0'),
  );
  const { stdout } = await compare(own, copy);
  expect(jsonLines(stdout)[0]!.auc_difference).not.toBe(0);
});
