import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { Ledger } from '../../src/decisions/shared-limits.js';
import { stabilityOf } from '../../src/decisions/stability.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import { MemoryPast } from '../../src/engine/memory-past.js';
import { pagesOfAccounts } from '../../src/engine/pages.js';
import { type PassSummary, runPass } from '../../src/engine/pass.js';
import { featuresAt } from '../../src/engine/pass-ports.js';
import { ruleImpact } from '../../src/engine/rule-impact.js';
import { SeriesDecisions } from '../../src/engine/series-decisions.js';
import { sinksInOrder } from '../../src/engine/sink.js';
import { StayingConditions } from '../../src/engine/staying-conditions.js';
import { type WhatIfOptions, whatIf } from '../../src/engine/what-if.js';
import type { FeatureBatch } from '../../src/features/read-features.js';
import type { Store } from '../../src/store/store.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { businessOf, END } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
let engine: Engine;
let now = END - 20 * DAY_MS;
beforeAll(async () => {
  ({ store, close } = await tempStore(businessOf(120)));
  const definitions = await loadDefinitions(store, 'scoring', 'rules');
  engine = new Engine({
    store,
    definitions,
    clock: () => now,
    log: silentLogger(),
    fullRescoreEveryMs: null,
  });
  await engine.rescoreAll();
  now = END;
  await engine.rescoreAll();
});
afterAll(() => close());

/** Every table of the store but those in which runs are kept, as rows count: the engine may merge parts in between. */
async function liveHash(): Promise<string> {
  const tables = await store.rows<{ name: string; engine: string }>(
    `SELECT name, engine FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name NOT IN ('run_log', 'run_risk_log', 'run_decision_log') ORDER BY name`,
  );
  const hashes = await Promise.all(
    tables.map(async ({ name, engine: of }) => {
      const [row] = await store.rows<{ rows: number; hash: string }>(
        `SELECT count() AS rows, toString(sum(cityHash64(*))) AS hash FROM ${name}${of === 'MergeTree' ? '' : ' FINAL'}`,
      );
      return `${name} ${row!.rows} ${row!.hash}`;
    }),
  );
  return hashes.join('\n');
}

async function ask(options: Partial<WhatIfOptions> & Pick<WhatIfOptions, 'times'>): Promise<PassSummary[]> {
  const { definitions } = engine;
  const summaries: PassSummary[] = [];
  for await (const summary of whatIf({ store, definitions, clock: () => now, ...options }))
    summaries.push(summary);
  return summaries;
}

// Bugs (cases A2, A3): risks and decisions spoke as of the future for ever, and a question about the past closed 88 decisions.
describe('a what-if leaves every live table as it is', () => {
  it.each([
    ['as of the past', END - 60 * DAY_MS],
    ['as of a time between two live passes', END - 10 * DAY_MS],
    ['as of the future', Date.UTC(2206, 0, 1)],
  ])('%s', async (name, time) => {
    const before = await liveHash();
    const [summary] = await ask({ times: [time], run: name.replaceAll(' ', '-') });
    expect(summary!.asOf).toBe(time);
    expect(await liveHash()).toBe(before);
    const [kept] = await store.rows<{ risks: number }>(
      `SELECT count() AS risks FROM run_risks WHERE run = {run:String}`,
      { run: name.replaceAll(' ', '-') },
    );
    expect(kept!.risks).toBe(summary!.subscriptions);
  });

  it('whatever it is asked: at which times, with what was known when, kept or not', async () => {
    const before = await liveHash();
    expect(before.split('\n').length).toBeGreaterThan(30);
    const time = fc.integer({ min: -120, max: 400 }).map((days) => END + days * DAY_MS);
    const asked = fc.record({
      times: fc
        .array(time, { minLength: 1, maxLength: 3 })
        .map((times) => [...new Set(times)].sort((a, b) => a - b)),
      knownAt: fc.option(fc.oneof(fc.constant('observed' as const), time), { nil: undefined }),
      run: fc.option(fc.constantFrom('one', 'other'), { nil: undefined }),
    });
    for (const { times, knownAt, run } of fc.sample(asked, 6))
      await ask({
        times,
        ...(knownAt === undefined ? {} : { knownAt }),
        ...(run === undefined ? {} : { run }),
      });
    expect(await liveHash()).toBe(before);
  });

  it('and the next live pass opens nothing that was not due anyway', async () => {
    const before = await liveHash();
    const { opened, closed } = await engine.rescoreAll();
    expect({ opened, closed }).toEqual({ opened: 0, closed: 0 });
    expect(await liveHash()).not.toBe(before);
  });

  it('so does the impact of a change of rules', async () => {
    const before = await liveHash();
    const { plan, scoring } = engine.definitions;
    const impact = await ruleImpact(
      store,
      scoring,
      { before: plan, after: plan },
      () => pagesOfAccounts(store, END),
      END,
      () => END,
    );
    expect(impact.subscriptions).toBeGreaterThan(100);
    expect(impact.affected).toBe(0);
    expect(await liveHash()).toBe(before);
  });
});

describe('a series', () => {
  it('carries its own past forward: what one pass opened is open in the next', async () => {
    const times = [0, 1, 2, 3].map((week) => END - (60 - 7 * week) * DAY_MS);
    const summaries = await ask({ times, knownAt: 'observed', run: 'series' });
    expect(summaries.map(({ asOf }) => asOf)).toEqual(times);
    expect(summaries[0]!.opened).toBeGreaterThan(20);
    for (const { opened } of summaries.slice(1)) expect(opened).toBeLessThan(summaries[0]!.opened / 2);
    const twice = await store.rows(
      `SELECT subscription_id FROM run_decisions WHERE run = 'series' AND kind = 'offer' AND closed_at IS NULL
       GROUP BY subscription_id HAVING count() > 1`,
    );
    expect(twice).toEqual([]);
  });

  // Case A8: offers were taken back before anybody could make them, and came back days later.
  it('brings next to nothing back soon after it was cleared, and leaves offers their time; without least lives it would not', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'perennial-lives-'));
    cpSync('rules', folder, { recursive: true });
    for (const file of ['guardrails.yaml', 'attention.yaml', 'retention.yaml']) {
      const path = join(folder, file);
      writeFileSync(path, readFileSync(path, 'utf8').replace(/(clear_after_days|least_days): \d+/g, '$1: 0'));
    }
    const series = [engine.definitions, await loadDefinitions(store, 'scoring', folder)].map(
      (definitions) => {
        const [past, decisions, ledger] = [new MemoryPast(), new SeriesDecisions(), new Ledger()];
        const limits = Object.assign(ledger, { prepare: () => ledger.setBrake(null, 0) });
        const sink = sinksInOrder(decisions, past);
        const staying = new StayingConditions(store, definitions.plan.set);
        return {
          definitions,
          decisions,
          ports: { past, sink, limits, staying, halve: async () => undefined },
        };
      },
    );
    const scope = { kind: 'range', first: '', last: '\u{10ffff}' } as const;
    for (let daysAgo = 45; daysAgo >= 0; daysAgo -= 3) {
      const asOf = END - daysAgo * DAY_MS;
      const batches: FeatureBatch[] = [];
      for await (const batch of featuresAt(store, engine.definitions.scoring, asOf, asOf)(scope))
        batches.push(batch);
      const features = async function* () {
        yield* batches;
      };
      for (const { definitions, ports } of series)
        await runPass({ ...ports, features }, definitions, [scope], asOf);
    }
    rmSync(folder, { recursive: true, force: true });
    const [kept, hasty] = series.map(({ decisions }) => stabilityOf(decisions.all, END));
    expect(kept!.opened).toBeGreaterThan(100);
    expect(kept!.reopened).toBeLessThan(0.01 * kept!.opened);
    expect(kept!.medianLifeShare).toBeGreaterThanOrEqual(0.5);
    expect(hasty!.reopened).toBeGreaterThan(0.1 * hasty!.opened);
    expect(hasty!.medianLifeShare).toBeLessThan(0.5);
  });

  it('asked as of the time of a live pass finds what that pass found', async () => {
    const { definitions } = engine;
    const [summary] = await ask({ times: [END - 20 * DAY_MS], run: 'again' });
    const [live] = await store.rows<{ rows: number; hash: string }>(
      `SELECT count() AS rows, toString(sum(cityHash64(account_id, subscription_id, risk, band))) AS hash FROM risk_history
       WHERE as_of = fromUnixTimestamp64Milli({at:Int64}, 'UTC') AND scoring_revision = {revision:String}`,
      { at: END - 20 * DAY_MS, revision: definitions.scoring.revision },
    );
    const [again] = await store.rows<{ rows: number; hash: string }>(
      `SELECT count() AS rows, toString(sum(cityHash64(account_id, subscription_id, risk, band))) AS hash FROM run_risks WHERE run = 'again'`,
    );
    expect(summary!.subscriptions).toBe(live!.rows);
    expect(again).toEqual(live);
  });
});

// Bugs: it was not scored any more, so that nothing of it ever closed (owners' loads filled up), and its risk stayed (case B4).
it('what is open for a subscription that has ended ends with the next pass, also when only it was touched', async () => {
  const [one] = await store.rows<{ account: string; subscription: string }>(
    `SELECT account_id AS account, subscription_id AS subscription FROM decisions
     WHERE closed_at IS NULL AND subscription_id IN (SELECT subscription_id FROM subscriptions WHERE status = 'active')
     ORDER BY subscription_id LIMIT 1`,
  );
  const { account, subscription } = one!;
  const risks = () =>
    store.rows('SELECT risk FROM risks WHERE subscription_id = {subscription:String}', { subscription });
  expect(await risks()).toHaveLength(1);
  expect((await engine.questions.latest(subscription)).subscriptionId).toBe(subscription);
  await store.command(
    `INSERT INTO subscription_log (account_id, subscription_id, occurred_at, status, received_at)
     SELECT {account:String}, {subscription:String}, fromUnixTimestamp64Milli({at:Int64}, 'UTC'), 'ended', fromUnixTimestamp64Milli({at:Int64}, 'UTC')`,
    { account, subscription, at: END },
  );
  const { closed, left } = await engine.rescoreAccounts([account]);
  expect(closed).toBeGreaterThan(0);
  expect(left).toBe(1);
  const open = await store.rows(
    'SELECT status FROM decisions WHERE subscription_id = {subscription:String} AND closed_at IS NULL',
    { subscription },
  );
  expect(open).toEqual([]);
  expect(await risks()).toEqual([]);
  await expect(engine.questions.latest(subscription)).rejects.toThrow(`no subscription ${subscription}`);
});
