import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { jsonLines, runCli } from '../support/run-cli.js';

const folder = mkdtempSync(join(tmpdir(), 'perennial-init-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Commands in a business that `init` has begun, with files and data of its own. */
function business(name: string) {
  const at = join(folder, name);
  const env = {
    PERENNIAL_DATA: join(at, 'data'),
    PERENNIAL_SCORING: join(at, 'scoring'),
    PERENNIAL_RULES: join(at, 'rules'),
    PERENNIAL_LOG_LEVEL: 'silent',
  };
  return { at, cli: (...args: string[]) => runCli(args, env) };
}

interface Sent {
  readonly account: string;
  readonly type: string;
  readonly days: number;
  readonly more?: object;
}

const lines = (signals: readonly Sent[]) =>
  signals
    .map(({ account, type, days, more }, i) =>
      JSON.stringify({
        ...{ id: `s-${i}`, source: 'test', type, account_id: account, ...more },
        time: new Date(Date.now() - days * 86_400_000).toISOString(),
      }),
    )
    .join('\n');
const every = (days: number, from: number, to: number, one: Omit<Sent, 'days'>): Sent[] =>
  Array.from({ length: Math.floor((from - to) / days) + 1 }, (_, i) => ({ ...one, days: from - i * days }));

/** For each template, one customer who is well and one who is leaving, and what is done for the second. */
const CASES = {
  membership: {
    signals: [
      ...every(3, 99, 1, { account: 'well', type: 'usage.core_action_completed' }),
      ...every(3, 99, 48, { account: 'leaving', type: 'usage.core_action_completed' }),
      { account: 'leaving', type: 'support.cancel_question', days: 2 },
    ],
    opens: 'pause',
  },
  goods: {
    signals: [
      ...every(28, 170, 2, { account: 'well', type: 'usage.order_placed', more: { value: 3_900 } }),
      ...every(28, 170, 114, { account: 'leaving', type: 'usage.order_placed', more: { value: 3_900 } }),
      ...every(28, 86, 2, { account: 'leaving', type: 'usage.order_skipped' }),
      { account: 'leaving', type: 'support.delivery_failed', days: 60 },
      { account: 'leaving', type: 'support.cancel_question', days: 2 },
    ],
    opens: 'delivery_credit',
  },
};

describe('init', () => {
  it.each(['saas', 'membership', 'goods'])(
    'begins a business whose rules pass their tests: %s',
    async (name) => {
      const { at, cli } = business(`rules-${name}`);
      expect(await cli('init', at, '--template', name)).toMatchObject({ code: EXIT.ok, stderr: '' });
      expect(await cli('rules', 'check', join(at, 'rules'))).toMatchObject({ code: EXIT.ok });
      const tested = await cli('rules', 'test', join(at, 'rules'));
      expect(tested.code).toBe(EXIT.ok);
      expect(tested.stdout).toContain(' 0 failed');
    },
  );

  it.each(Object.entries(CASES))(
    'scores and decides out of the box: %s',
    async (name, { signals, opens }) => {
      const { at, cli } = business(`scores-${name}`);
      await cli('init', at, '--template', name);
      const file = join(at, 'signals.ndjson');
      const contracts = ['well', 'leaving'].map((account) =>
        JSON.stringify({
          ...{ type: 'subscription.updated', id: `c-${account}`, source: 'test' },
          ...{ account_id: account, subscription_id: account, currency: 'EUR' },
          ...{ arr_minor: 46_800, status: 'active', start: '2020-01-01', auto_renew: true },
          time: new Date(Date.now() - 200 * 86_400_000).toISOString(),
        }),
      );
      writeFileSync(file, `${contracts.join('\n')}\n${lines(signals)}\n`);
      const ingested = await cli('ingest', file, '--json');
      expect(ingested).toMatchObject({ code: EXIT.ok });
      expect((await cli('score', '--all')).code).toBe(EXIT.ok);
      const { stdout } = await cli('sql', 'SELECT account_id, band FROM risks ORDER BY account_id', '--json');
      expect(jsonLines(stdout)).toEqual([
        { account_id: 'leaving', band: expect.stringMatching(/high|critical/) },
        { account_id: 'well', band: 'low' },
      ]);
      const decided = await cli(
        'sql',
        `SELECT account_id, action FROM decisions WHERE kind = 'offer'`,
        '--json',
      );
      expect(jsonLines(decided.stdout)).toContainEqual({ account_id: 'leaving', action: opens });
    },
  );

  it('overwrites nothing', async () => {
    const { at, cli } = business('taken');
    await cli('init', at);
    const again = await cli('init', at, '--template', 'goods');
    expect(again.code).not.toBe(EXIT.ok);
    expect(again.stderr).toContain(
      `${join(at, 'scoring')}, ${join(at, 'rules')}, ${join(at, 'schema')} are there`,
    );
  });
});
