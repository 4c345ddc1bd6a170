import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import type { Decision } from '../../src/decisions/decision.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import { factCatalogue } from '../../src/engine/facts.js';
import { StoredPast } from '../../src/engine/stored-past.js';
import { retract, undoRetraction } from '../../src/ingest/retract.js';
import { loadRuleSet } from '../../src/rules/load.js';
import { verifiedPlan } from '../../src/rules/verified-plan.js';
import { listDecisions } from '../../src/store/decision-list.js';
import type { Store } from '../../src/store/store.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { contract, day, outcome, writeRecords } from '../support/contracts.js';
import { tempStore } from '../support/temp-store.js';

const RULES = `rules:
  - name: everyone
    priority: 1
    conditions: { all: [ { fact: arr_minor, operator: greaterThan, value: 1 } ] }
    event: { type: offer, params: { offer: renewal_discount } }
`;

let store: Store;
let close: () => Promise<void>;
let engine: Engine;
let now = day('2026-06-01');
beforeAll(async () => {
  ({ store, close } = await tempStore());
  const { scoring } = await loadDefinitions(store, 'scoring', 'rules');
  const shipped = ['guardrails', 'offers', 'currencies'].map(
    (name) => [`${name}.yaml`, readFileSync(`rules/${name}.yaml`, 'utf8')] as const,
  );
  const files = new Map([...shipped, ['everyone.yaml', RULES]]);
  const plan = await verifiedPlan(loadRuleSet(files, { facts: factCatalogue(scoring.catalogue) }), null);
  if ('reason' in plan) throw new Error(plan.reason);
  engine = new Engine({
    store,
    definitions: { scoring, plan },
    clock: () => now,
    log: silentLogger(),
    fullRescoreEveryMs: null,
  });
});
afterAll(async () => {
  await engine.stop();
  await close();
});

const isAt = (accountId: string, subscriptionId = 's') =>
  writeRecords(store, {
    contracts: [
      contract({ accountId, subscriptionId, occurredAt: now, arrMinor: 1_000_000, currency: 'EUR' }),
    ],
  });
const offers = (subscriptionId = 's') =>
  listDecisions(store, { statuses: [], kinds: ['offer'], subscriptionId, limit: 10 });
const present = ({ accountId, decisionId }: Decision) =>
  engine.answer([
    {
      ...{ accountId, decisionId, answerId: `command/${decisionId}`, kind: 'present', at: now },
      ...{ actor: 'olga', reason: '', until: null, terms: '' },
    },
  ]);

// Bug: a contract that moved to another account, as after a merger in the CRM, was offered at once what its customer had just seen.
it('what a customer has seen counts for its contract, wherever that moves', async () => {
  await isAt('a');
  await isAt('a', 'z');
  await engine.rescoreAll();
  const [seen] = await offers();
  await present(seen!);
  for (const account of ['b', 'c']) {
    now += 10 * DAY_MS;
    await isAt(account);
    await engine.rescoreAccounts(['a', account]);
    await engine.rescoreAll();
    expect(await offers()).toMatchObject([{ accountId: 'a', decisionId: seen!.decisionId }]);
  }
  // It rests for 90 days, and no longer.
  now += 75 * DAY_MS;
  await engine.rescoreAll();
  expect(await offers()).toMatchObject([
    { accountId: 'c', status: 'open', ordinal: 2 },
    { accountId: 'a', status: 'cleared' },
  ]);
  // Its old account has kept the other one.
  const page = await new StoredPast(store).page({ kind: 'accounts', accounts: ['a', 'b', 'c'] }, now);
  const carried = (account: string) => page.summariesOf(account).map((one) => one.subscriptionId);
  expect([carried('a').sort(), carried('b'), carried('c')]).toEqual([['s', 'z'], [], ['s']]);
});

// Bug: it waited for ever, and nobody was told: decisions stay with the account that they were made for, and producers name that of now.
it('an outcome that names a decision of another account, such as the one before a move, is applied to it, and taken back', async () => {
  await isAt('d', 'm');
  await engine.rescoreAll();
  const [offer] = await offers('m');
  now += DAY_MS;
  await isAt('e', 'm');
  await engine.rescoreAccounts(['d', 'e']);
  const { decisionId } = offer!;
  const status = async () => {
    await engine.rescoreAccounts(['d', 'e']);
    return (await offers('m')).find((one) => one.decisionId === decisionId)!.status;
  };
  expect(await status()).toBe('cleared');
  const accepted = { accountId: 'e', subscriptionId: 'm', kind: 'offer_accepted', occurredAt: now } as const;
  await writeRecords(store, { outcomes: [outcome({ ...accepted, id: 'o', decisionId })] });
  expect(await status()).toBe('accepted');
  const { id, accounts } = await retract(store, { source: 'contracts', id: 'o' }, how());
  expect(accounts).toEqual(['d', 'e']);
  expect(await status()).toBe('cleared');
  expect((await undoRetraction(store, id, how())).accounts).toEqual(['d', 'e']);
  expect(await status()).toBe('accepted');
});

// Bug: a contract that moved and came back was live at both accounts for ever, its ARR counted twice.
it('a contract that came back is of the account that has it again', async () => {
  const start = day('2026-01-01');
  const says = (accountId: string, subscriptionId = 'r') => {
    now += DAY_MS;
    const value = { arrMinor: 1_000_000, currency: 'EUR', start };
    return writeRecords(store, {
      contracts: [contract({ accountId, subscriptionId, occurredAt: now, ...value })],
    });
  };
  const livesAt = async (subscriptionId = 'r') => {
    await engine.rescoreAll();
    const rows = await store.rows<{ id: string }>(
      `SELECT account_id AS id FROM risks WHERE subscription_id = {of:String} ORDER BY id`,
      { of: subscriptionId },
    );
    return rows.map(({ id }) => id);
  };
  for (const account of ['f', 'g', 'f']) {
    await says(account);
    expect(await livesAt()).toEqual([account]);
  }
  const open = await listDecisions(store, { statuses: ['open'], subscriptionId: 'r', limit: 10 });
  expect(open.every(({ accountId }) => accountId === 'f')).toBe(true);
  // Where both go on they are two.
  for (const account of ['h', 'i', 'h', 'i', 'h']) await says(account, 'two');
  expect(await livesAt('two')).toEqual(['h', 'i']);
});

const how = () => ({ reason: 'sent twice', by: 'olga', now });
