import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { dateTime64 } from '../../src/core/sql-time.js';
import { readTextFiles } from '../../src/core/text-files.js';
import { type Definitions, loadDefinitions } from '../../src/engine/definitions.js';
import { explainingSink } from '../../src/engine/explaining-sink.js';
import { factCatalogue } from '../../src/engine/facts.js';
import { LiveLimits } from '../../src/engine/live-limits.js';
import { LiveSink } from '../../src/engine/live-sink.js';
import { runPass } from '../../src/engine/pass.js';
import { featuresAt, halving } from '../../src/engine/pass-ports.js';
import { StayingConditions } from '../../src/engine/staying-conditions.js';
import { StoredPast } from '../../src/engine/stored-past.js';
import type { Scope } from '../../src/features/population.js';
import { writeBatch } from '../../src/ingest/batch-writer.js';
import { loadRuleSet } from '../../src/rules/load.js';
import { verifiedPlan } from '../../src/rules/verified-plan.js';
import { listDecisions } from '../../src/store/decision-list.js';
import type { Store } from '../../src/store/store.js';
import { END } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
let definitions: Definitions;
beforeAll(async () => {
  ({ store, close } = await tempStore());
  const { scoring } = await loadDefinitions(store, 'scoring', 'rules');
  const rules = new Map(readTextFiles('rules'));
  rules.set(
    'everyone.yaml',
    `rules:
  - name: everyone
    priority: 1000
    conditions: { all: [ { fact: arr_minor, operator: greaterThan, value: 1 } ] }
    event: { type: offer, params: { offer: renewal_discount } }
`,
  );
  const plan = await verifiedPlan(loadRuleSet(rules, { facts: factCatalogue(scoring.catalogue) }), null);
  if ('reason' in plan) throw new Error(plan.reason);
  definitions = { scoring, plan };
});
afterAll(() => close());

async function contract(account: string, at: number, arr: number): Promise<void> {
  await store.command(
    `INSERT INTO subscription_log (account_id, subscription_id, occurred_at, status, arr_minor, currency, owner, received_at)
     VALUES ({account:String}, {account:String}, {at:DateTime64(3, 'UTC')}, 'active', {arr:Int64}, 'EUR', 'olga', {at:DateTime64(3, 'UTC')})`,
    { account, arr, at: dateTime64(at) },
  );
}

/** A live pass that reads one account after another. */
async function passOver(accounts: readonly string[], asOf: number): Promise<void> {
  const scopes: Scope[] = accounts.map((account) => ({ kind: 'accounts', accounts: [account] }));
  await runPass(
    {
      features: featuresAt(store, definitions.scoring, asOf),
      past: new StoredPast(store),
      sink: explainingSink(
        store,
        new LiveSink({ store, scoring: definitions.scoring, clock: () => asOf, listeners: [] }),
      ),
      limits: await new LiveLimits(store, () => asOf).ledger(definitions.plan.set),
      staying: new StayingConditions(store, definitions.plan.set),
      halve: halving(store, asOf),
    },
    definitions,
    scopes,
    asOf,
  );
}

// Bug: terms were revised page by page, so that what grew asked the budget before what closes on a later page had given its share back.
it('terms that grow ask for the budget once everything is settled, whatever page they are on', async () => {
  await contract('a', END - DAY_MS, 50_000_000);
  await contract('b', END - DAY_MS, 50_000_000);
  await passOver(['a', 'b'], END);
  const [a, b] = (
    await listDecisions(store, { statuses: [], limit: 10, actions: ['renewal_discount'] })
  ).toSorted((one, other) => (one.accountId < other.accountId ? -1 : 1));
  // Half of the budget each.
  expect([a?.costMinor, b?.costMinor]).toEqual([5_000_000, 5_000_000]);

  const later = END + DAY_MS;
  await contract('a', later - 1, 90_000_000);
  await writeBatch(store, [
    {
      record: {
        kind: 'outcome',
        outcome: {
          ...{ source: 'crm', id: 'o', accountId: 'b', subscriptionId: 'b', kind: 'offer_declined' },
          ...{ occurredAt: later - 1, arrBeforeMinor: null, arrAfterMinor: null, currency: '', reason: '' },
          ...{ voluntary: null, decisionId: b!.decisionId, termStart: null, termEnd: null },
        },
      },
      origin: { topic: 'outcomes', partition: 0, offset: 1 },
      receivedAt: later - 1,
    },
  ]);
  await passOver(['a', 'b'], later);
  const after = await listDecisions(store, { statuses: [], limit: 10, actions: ['renewal_discount'] });
  expect(after.map(({ accountId, status, costMinor }) => [accountId, status, costMinor]).sort()).toEqual([
    ['a', a!.status, 9_000_000],
    ['b', 'declined', 5_000_000],
  ]);
});
