import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import type { Store } from '../../src/store/store.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { business, END, writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
let engine: Engine;
beforeAll(async () => {
  ({ store, close } = await tempStore());
  const definitions = await loadDefinitions(store, 'scoring', 'rules');
  engine = new Engine({
    store,
    definitions,
    clock: () => END,
    log: silentLogger(),
    fullRescoreEveryMs: null,
  });
  await writeAll(store, business({ accounts: 120 }));
});
afterAll(() => close());

const decisions = () =>
  store.text('SELECT * EXCEPT computed_at FROM decision_history ORDER BY decision_id, as_of FORMAT TSV');

describe('scoring the past', () => {
  // Bug: what it opened stayed open beside the offers of the present for ever.
  it('decides what would have been decided then, and the next pass leaves nobody with two offers', async () => {
    const now = await engine.scoreAll(END);
    expect(now.opened).toBeGreaterThan(0);
    const before = await decisions();
    const past = await engine.scoreAll(END - 60 * DAY_MS);
    expect(past.opened).toBeGreaterThan(0);
    const after = new Set((await decisions()).split('\n'));
    expect(before.split('\n').filter((line) => !after.has(line))).toEqual([]);

    await engine.scoreAll();
    const twice = await store.rows(
      `SELECT subscription_id FROM decisions WHERE kind = 'offer' AND status IN ('open', 'pending_approval')
       GROUP BY subscription_id HAVING count() > 1`,
    );
    expect(twice).toEqual([]);
    const ended = await store.rows(
      `SELECT decision_id FROM decisions WHERE closed_by = 'superseded' LIMIT 1`,
    );
    expect(ended).toHaveLength(1);
  });
});

// Bug: it was not scored any more, so that nothing of it ever closed, and owners' loads filled up with it.
it('what is open for a subscription that has ended ends with the next pass, also when only it was touched', async () => {
  const open = (subscription: string) =>
    store.rows<{ status: string; closed_by: string }>(
      'SELECT status, closed_by FROM decisions WHERE subscription_id = {subscription:String} ORDER BY status',
      { subscription },
    );
  const [one] = await store.rows<{ account: string; subscription: string }>(
    `SELECT account_id AS account, subscription_id AS subscription FROM decisions
     WHERE status IN ('open', 'pending_approval') AND subscription_id IN (SELECT subscription_id FROM subscriptions WHERE status = 'active')
     ORDER BY subscription_id LIMIT 1`,
  );
  const { account, subscription } = one!;
  await store.command(
    `INSERT INTO subscription_log (account_id, subscription_id, occurred_at, status, received_at)
     SELECT {account:String}, {subscription:String}, fromUnixTimestamp64Milli({at:Int64}, 'UTC'), 'ended', fromUnixTimestamp64Milli({at:Int64}, 'UTC')`,
    { account, subscription, at: END },
  );
  const { closed } = await engine.rescore([account]);
  expect(closed).toBeGreaterThan(0);
  expect((await open(subscription)).map(({ closed_by: by }) => by)).not.toContain('');
});
