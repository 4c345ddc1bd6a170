import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { explainFeatures } from '../../src/features/explain/explain-features.js';
import { explainSignal } from '../../src/features/explain/explain-signal.js';
import type { About } from '../../src/features/explain/signals-behind.js';
import { retract } from '../../src/ingest/retract.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { parseMessage } from '../../src/signals/parse.js';
import type { Store } from '../../src/store/store.js';
import { defaultScoring } from '../scoring/scoring-files.js';
import { context, iso, json } from '../signals/forms.js';
import { END, writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';
import { oddBusiness } from './odd-business.js';

const { catalogue } = defaultScoring();

let store: Store;
let close: () => Promise<void>;
const odd = oddBusiness(5, END, 10);
beforeAll(async () => {
  ({ store, close } = await tempStore());
  await writeAll(store, [...odd, ...acme()]);
  await retract(store, { source: 'crm', id: 'gone' }, { reason: 'test', by: 'test', now: END });
});
afterAll(() => close());

/** One account with a signal for each way in which one counts or does not. */
function acme(): Delivery[] {
  const signal = (id: string, type: string, days: number, more: object = {}) => ({
    ...{ id, source: 'crm', type, account_id: 'acme', time: iso(END - days * DAY_MS) },
    ...more,
  });
  const contact = (id: string, days: number, attributes: object) =>
    signal(id, 'marketing.contact_changed', days, { attributes });
  const bodies = [
    signal('used', 'usage.core_action_completed', 30),
    signal('old', 'usage.core_action_completed', 100),
    contact('left', 10, { role: 'champion', change: 'left' }),
    contact('sponsor', 11, { role: 'sponsor', change: 'left' }),
    signal('t-open', 'support.ticket_opened', 9, { attributes: { ticket_id: 'T1' } }),
    signal('t-again', 'support.ticket_opened', 8, { attributes: { ticket_id: 'T2' } }),
    signal('t-solved', 'support.ticket_solved', 7, { attributes: { ticket_id: 'T1' } }),
    signal('nps-1', 'marketing.nps_response', 20, { value: 3 }),
    signal('nps-2', 'marketing.nps_response', 5, { value: 9 }),
    signal('failed-1', 'billing.payment_failed', 40),
    signal('paid', 'billing.invoice_paid', 30, { attributes: { invoice_id: 'I1' } }),
    signal('failed-2', 'billing.payment_failed', 20),
    signal('tomorrow', 'usage.core_action_completed', -1),
    signal('gone', 'usage.core_action_completed', 3),
    signal('elsewhere', 'usage.core_action_completed', 3, { subscription_id: 'acme-2' }),
  ];
  const contract = {
    ...{
      id: 'c1',
      source: 'crm',
      type: 'subscription.updated',
      account_id: 'acme',
      subscription_id: 'acme-1',
    },
    ...{ time: iso(END - 300 * DAY_MS), status: 'active' },
  };
  return [contract, ...bodies].map((body, offset): Delivery => {
    const receivedAt = END + 2 * DAY_MS;
    return {
      record: parseMessage(json(body), 'any', { ...context(), receivedAt }),
      origin: { topic: 'acme', partition: 0, offset },
      receivedAt,
    };
  });
}

const about = (accountId: string, subscriptionId: string): About => ({
  accountId,
  subscriptionId,
  asOf: END,
});
const explained = async (of: About, names: readonly string[] = [], most = 1_000) =>
  (await explainFeatures(store, catalogue, of, names, most))!;

/** What features make of a signal of acme, by feature and measure. */
async function rulingsOf(id: string): Promise<Record<string, string>> {
  const { subscriptions } = (await explainSignal(store, catalogue, { source: 'crm', id }, END))!;
  const [{ features }] = subscriptions as [(typeof subscriptions)[number]];
  return Object.fromEntries(
    features.map(({ measure, why, counts }) => [measure, `${counts ? '+' : '-'} ${why}`]),
  );
}

describe('a feature is explained', () => {
  it('by as many signals as its measures count, for everyone', async () => {
    const subscriptions = await store.rows<{ accountId: string; subscriptionId: string }>(
      `SELECT DISTINCT account_id AS accountId, subscription_id AS subscriptionId FROM subscription_history
       UNION DISTINCT SELECT account_id, account_id FROM signals`,
    );
    let compared = 0;
    for (const { accountId, subscriptionId } of subscriptions) {
      const features = await explainFeatures(store, catalogue, about(accountId, subscriptionId), [], 1_000);
      for (const { measure, op, value, count, latest } of features?.flatMap(({ measures }) => measures) ??
        []) {
        const counted = latest.filter(({ ruling }) => ruling.why === 'counted');
        const items = new Set(counted.map(({ attributes }) => attributes.ticket_id));
        const expected =
          op === 'count' || op === 'streak'
            ? counted.length
            : op === 'open_items'
              ? items.size
              : op === 'days_since' && count > 0
                ? (END - latest[0]!.occurredAt) / DAY_MS
                : null;
        if (expected === null || value === null) continue;
        compared += expected > 0 ? 1 : 0;
        expect({ subscriptionId, measure, value }).toEqual({ subscriptionId, measure, value: expected });
      }
    }
    expect(compared).toBeGreaterThan(20);
  });

  it('with its definition, its window, and the latest signals first', async () => {
    const [champion] = await explained(about('acme', 'acme-1'), ['champion_left_90d'], 1);
    expect(champion).toMatchObject({ value: true, applicable: true });
    expect(champion!.definition).toContain('champions_left > 0');
    expect(champion!.measures).toContainEqual(
      expect.objectContaining({ measure: 'champions_left', value: 1, window: '90 days', count: 1 }),
    );
    expect(champion!.measures.flatMap(({ latest }) => latest).map(({ id }) => id)).toEqual(['left', 'left']);
    const [slope] = await explained(about('acme', 'acme-1'), ['usage_trend_slope'], 1);
    expect(slope).toMatchObject({ value: null, knownIf: 'core_actions_56d >= 8' });
  });

  it('and nothing is, of who does not run', async () => {
    expect(await explainFeatures(store, catalogue, about('acme', 'acme-9'), [], 1)).toBeUndefined();
  });
});

describe('a signal is explained', () => {
  it('by the features that count it, and why the others do not', async () => {
    expect(await rulingsOf('used')).toMatchObject({
      core_actions_7d: '- older than 7 days',
      core_actions_35d: '+ counted',
      last_core_action_days: '+ counted',
    });
    expect(await rulingsOf('old')).toMatchObject({
      core_actions_trend: '- older than 56 days',
      last_core_action_days: '- a later one decides',
    });
    expect(await rulingsOf('sponsor')).toMatchObject({ champions_left: '- its role is not champion' });
    expect(await rulingsOf('left')).toMatchObject({
      champions_left: '+ counted',
      champion_joined_at: '- its change is not joined',
    });
    expect(await rulingsOf('t-open')).toMatchObject({
      open_tickets: '- its ticket_id was closed',
      tickets_opened_28d: '+ counted',
    });
    expect(await rulingsOf('t-solved')).toMatchObject({ open_tickets: '+ closes its ticket_id' });
    expect(await rulingsOf('t-again')).toMatchObject({ open_tickets: '+ counted' });
    expect(await rulingsOf('nps-1')).toMatchObject({ nps: '- a later one decides' });
    expect(await rulingsOf('nps-2')).toMatchObject({ nps: '+ counted', nps_at: '+ counted' });
    expect(await rulingsOf('failed-1')).toMatchObject({
      payments_failed_since_paid: '- before the last of invoice_paid, payment_recovered',
    });
    expect(await rulingsOf('failed-2')).toMatchObject({ payments_failed_since_paid: '+ counted' });
    expect(await rulingsOf('paid')).toMatchObject({
      payments_failed_since_paid: '+ ends the streak before it',
    });
  });

  it.each([
    ['tomorrow', /happened after/],
    ['gone', /was retracted/],
    ['elsewhere', /is about acme-2/],
  ])('as outside of every feature: %s', async (id, why) => {
    const { subscriptions } = (await explainSignal(store, catalogue, { source: 'crm', id }, END))!;
    expect(subscriptions).toHaveLength(1);
    expect(subscriptions[0]!.outside).toMatch(why);
    expect(subscriptions[0]!.features).toEqual([]);
  });

  it('and none is that was never sent', async () => {
    expect(await explainSignal(store, catalogue, { source: 'crm', id: 'nothing' }, END)).toBeUndefined();
  });
});
