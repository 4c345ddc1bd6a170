import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import type { DecisionEvent } from '../../src/decisions/decision.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import { LiveSink } from '../../src/engine/live-sink.js';
import { pagesOfAccounts } from '../../src/engine/pages.js';
import { encodeAnswers, readPendingAnswers } from '../../src/store/decision-inbox.js';
import { listDecisions } from '../../src/store/decision-list.js';
import { encodeEvents } from '../../src/store/decision-log.js';
import { insertRows } from '../../src/store/encoded-rows.js';
import { encodeGone } from '../../src/store/risk-rows.js';
import { assertFence, claimFence } from '../../src/store/scorer-fence.js';
import type { Store } from '../../src/store/store.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { answer, decision, lived } from '../decisions/cases.js';
import { business, END, writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
let engine: Engine;
let now = END;
beforeAll(async () => {
  ({ store, close } = await tempStore());
  engine = new Engine({
    store,
    definitions: await loadDefinitions(store, 'scoring', 'rules'),
    clock: () => now,
    log: silentLogger(),
    fullRescoreEveryMs: null,
  });
  await writeAll(store, business({ accounts: 30 }));
});
afterAll(() => close());

/** Everyone, by the scorer of an epoch. */
const pass = (epoch: number) => engine.rescoreScopes((asOf) => pagesOfAccounts(store, asOf), { epoch });

/** What anyone reads of risks and decisions. */
async function shown(): Promise<string> {
  const views = ['risks', 'risk_history', 'decisions', 'decision_events'];
  const hashes = await Promise.all(
    views.map((view) =>
      store.text(`SELECT '${view}', count(), sum(cityHash64(* EXCEPT account_id)) FROM ${view} FORMAT TSV`),
    ),
  );
  return hashes.join('');
}

describe('the fence of scorers', () => {
  it('goes up with the generations of the group, one for all of a generation, and on when they begin anew', async () => {
    expect(await claimFence(store, 5)).toBe(5);
    expect(await Promise.all([claimFence(store, 6), claimFence(store, 6)])).toEqual([6, 6]);
    expect(await claimFence(store, 6)).toBe(6);
    expect(await claimFence(store, 9)).toBe(9);
    // The group was deleted, or is one of another cluster.
    expect(await claimFence(store, 1)).toBe(10);
    expect(await claimFence(store, 1)).toBe(10);
    expect(await claimFence(store, 2)).toBe(11);
    await assertFence(store, 11);
    await expect(assertFence(store, 10)).rejects.toThrow('another scorer has taken over');
  });

  it('is not raised by who is the owner no more', async () => {
    const gone = () => {
      throw new Error('not the owner');
    };
    await expect(claimFence(store, 7, gone)).rejects.toThrow('not the owner');
    await assertFence(store, 11);
  });

  // Cases E16, E17: a scorer that had been frozen in the middle of a pass went on writing.
  it('lets the owner write, and nothing of a pass of who was replaced, however late it comes', async () => {
    const summary = await pass(11);
    expect(summary.opened).toBeGreaterThan(5);
    const before = await shown();
    expect(before).toContain(`decision_events\t${summary.opened}`);

    now += 40 * DAY_MS;
    expect(await claimFence(store, 3)).toBe(12);
    await expect(pass(11)).rejects.toMatchObject({ code: 'cancelled' });
    expect(await shown()).toBe(before);
    await pass(12);
    expect(await shown()).not.toBe(before);
  });

  it('drops later versions of decisions, new decisions, risks and ends of whom it shut out; without a fence they would show', async () => {
    const [open] = await listDecisions(store, { statuses: ['open'], limit: 1 });
    const { accountId, subscriptionId, version } = open!;
    const [first, second] = [
      lived(open!, { event: 'condition_false', at: now }),
      lived(open!, { event: 'condition_false', at: now }, { event: 'withdrawn', at: now }),
    ];
    const added = decision({ accountId, subscriptionId, decisionId: 'opened-by-a-ghost' });
    const events = [first, second, added].map(
      (after): DecisionEvent => ({
        event: after === added ? 'opened' : 'withdrawn',
        at: now,
        actor: 'pass',
        reason: '',
        causeId: '',
        decision: after,
      }),
    );
    expect(second.version).toBe(version + 2);
    const before = await shown();
    await insertRows(store, encodeEvents(events, 11));
    await insertRows(store, encodeGone([{ accountId, subscriptionId }], now + DAY_MS, 11));
    expect(await shown()).toBe(before);

    await insertRows(store, encodeEvents(events));
    await insertRows(store, encodeGone([{ accountId, subscriptionId }], now + DAY_MS));
    expect(await shown()).not.toBe(before);
    expect(
      await listDecisions(store, { ids: [open!.decisionId], statuses: ['withdrawn'], limit: 1 }),
    ).toHaveLength(1);
  });

  it('keeps answers in the inbox whose events it dropped, and nobody hears of them', async () => {
    const [open] = await listDecisions(store, { statuses: ['open'], limit: 1 });
    const given = answer(open!, 'withdraw', now);
    await insertRows(store, encodeAnswers([given]));
    const heard: unknown[] = [];
    const sink = new LiveSink({
      store,
      scoring: engine.definitions.scoring,
      clock: () => now,
      listeners: [{ onDecided: (events) => heard.push(...events) }],
      epoch: 11,
    });
    const after = lived(open!, { event: 'withdrawn', at: now });
    const event: DecisionEvent = {
      event: 'withdrawn',
      at: now,
      actor: 'olga',
      reason: '',
      causeId: '',
      decision: after,
    };
    await expect(
      sink.decided({ events: [event], suppressed: [], answers: [given], refusals: [] }),
    ).rejects.toMatchObject({ code: 'cancelled' });
    expect(heard).toEqual([]);
    const waiting = await readPendingAnswers(store, { kind: 'accounts', accounts: [open!.accountId] });
    expect(waiting.map(({ answerId }) => answerId)).toEqual([given.answerId]);
    expect(
      await listDecisions(store, { ids: [open!.decisionId], statuses: ['open'], limit: 1 }),
    ).toHaveLength(1);
  });
});
