import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { deskOfApi } from '../../src/cli/commands/decisions/desk-of-api.js';
import {
  Code,
  type Decision,
  type DecisionEvent,
  type DecisionFilterSchema,
  DecisionKind,
  DecisionStatus,
  ErrorInfoSchema,
  each,
  type ListDecisionsRequestSchema,
  type ListSuppressionsRequestSchema,
  Moment,
  SubscriptionStatus,
} from '../../src/client/index.js';
import { PerennialError } from '../../src/core/errors.js';
import { type Decider, localDecider } from '../../src/engine/decider.js';
import { writeBatch } from '../../src/ingest/batch-writer.js';
import { projectFile } from '../support/project.js';
import {
  errorOf,
  NOW,
  type ScoredEngine,
  type Served,
  scoredEngine,
  serve,
  violationsOf,
} from './support.js';

type Filter = MessageInitShape<typeof DecisionFilterSchema>;
type Request = MessageInitShape<typeof ListDecisionsRequestSchema>;

let scored: ScoredEngine;
let api: Served;
let everything: Decision[];

/** The rules of the project, but that one pass opens only twelve decisions by itself: the others wait for approval. */
const rules = mkdtempSync(join(tmpdir(), 'perennial-rules-'));
cpSync(projectFile('rules'), rules, { recursive: true });
const guardrails = join(rules, 'guardrails.yaml');
writeFileSync(
  guardrails,
  readFileSync(guardrails, 'utf8')
    .replace('max_opened: 200', 'max_opened: 12')
    .replace('max_share_pct: 20', 'max_share_pct: 0'),
);

beforeAll(async () => {
  scored = await scoredEngine(40, undefined, rules);
  api = await serve(scored.engine);
  everything = (await listDecisions({ pageSize: 1_000 })).decisions;
}, 120_000);
afterAll(async () => {
  await api.stop();
  await scored.close();
  rmSync(rules, { recursive: true });
});

const listDecisions = (request: Request) => api.client.decisions.listDecisions(request);

describe('ListDecisions', () => {
  it('lists what is open, with rule, reasons and both revisions', () => {
    const { plan, scoring } = scored.engine.definitions;
    expect(everything.length).toBeGreaterThan(10);
    for (const decision of everything) {
      expect([DecisionStatus.OPEN, DecisionStatus.PENDING_APPROVAL]).toContain(decision.status);
      expect(plan.set.rules.map(({ name }) => name)).toContain(decision.rule);
      expect(decision.reasons).not.toEqual([]);
      expect(decision.rulesRevision).toBe(plan.set.revision);
      expect(decision.scoringRevision).toBe(scoring.revision);
      expect(timestampMs(decision.openTime!)).toBe(NOW);
      expect(decision.closeTime).toBeUndefined();
    }
    expect(everything.some(({ suppressions }) => suppressions.length > 0)).toBe(true);
  });

  it('lists each once in a stable order, whatever the page size', async () => {
    for (const pageSize of [1, 7, everything.length]) {
      const ids: string[] = [];
      let pageToken = '';
      do {
        const page = await listDecisions({ pageSize, pageToken });
        ids.push(...page.decisions.map(({ decisionId }) => decisionId));
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      expect(ids).toEqual(everything.map(({ decisionId }) => decisionId));
    }
  });

  it('lists them in the order asked for, page by page, those without the time last; an order that there is not is refused', async () => {
    const time = (one: Decision) =>
      one.expireTime === undefined ? Number.POSITIVE_INFINITY : timestampMs(one.expireTime);
    const found: Decision[] = [];
    let pageToken = '';
    do {
      const page = await listDecisions({ pageSize: 3, pageToken, orderBy: 'expire_time' });
      found.push(...page.decisions);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    const expected = [...everything].sort((a, b) => {
      const [x, y] = [time(a), time(b)];
      return x === y ? (a.decisionId < b.decisionId ? -1 : 1) : x - y;
    });
    expect(found.map(({ decisionId }) => decisionId)).toEqual(expected.map(({ decisionId }) => decisionId));
    expect(new Set(found.map(time)).size).toBeGreaterThan(1);
    const { nextPageToken } = await listDecisions({ pageSize: 1 });
    for (const request of [{ orderBy: 'cost' }, { pageToken: nextPageToken, orderBy: 'expire_time' }])
      expect((await errorOf(listDecisions(request))).code).toBe(Code.InvalidArgument);
  });

  it('filters by subscription, account, kind and status', async () => {
    const [one] = everything;
    const cases: [Filter, (decision: Decision) => boolean][] = [
      [{ subscriptionId: one!.subscriptionId }, (d) => d.subscriptionId === one!.subscriptionId],
      [{ accountId: one!.accountId }, (d) => d.accountId === one!.accountId],
      [{ kinds: [DecisionKind.TOUCHPOINT] }, (d) => d.kind === DecisionKind.TOUCHPOINT],
      [{ statuses: [DecisionStatus.PENDING_APPROVAL] }, (d) => d.status === DecisionStatus.PENDING_APPROVAL],
      [{ statuses: [DecisionStatus.EXPIRED, DecisionStatus.CLEARED] }, () => false],
      [{ rules: [one!.rule] }, (d) => d.rule === one!.rule],
      [{ actions: [one!.action] }, (d) => d.action === one!.action],
      [{ owner: one!.owner }, (d) => one!.owner === '' || d.owner === one!.owner],
      [{ openFrom: timestampFromMs(NOW), anyStatus: true }, () => true],
      [{ openBefore: timestampFromMs(NOW) }, () => false],
      [{ unconfirmedBefore: timestampFromMs(NOW) }, () => false],
      [{ overdue: true }, () => false],
      [{ subscriptionId: 'nobody' }, () => false],
    ];
    for (const [filter, belongs] of cases) {
      const { decisions } = await listDecisions({ filter, pageSize: 1_000 });
      expect(decisions).toEqual(everything.filter(belongs));
    }
  });

  it('takes the same filters in another order for the same query', async () => {
    const [a, b] = [DecisionStatus.OPEN, DecisionStatus.PENDING_APPROVAL];
    const { nextPageToken } = await listDecisions({ filter: { statuses: [a, b] }, pageSize: 1 });
    const { decisions } = await listDecisions({
      filter: { statuses: [b, a, b] },
      pageSize: 2,
      pageToken: nextPageToken,
    });
    expect(decisions).toEqual(everything.slice(1, 3));
  });

  it('refuses a token of another query, and that of another call', async () => {
    const { nextPageToken } = await listDecisions({ pageSize: 1 });
    const risks = await api.client.risks.listRisks({ pageSize: 1 });
    for (const request of [
      { pageToken: nextPageToken, filter: { kinds: [DecisionKind.OFFER] } },
      { pageToken: risks.nextPageToken },
    ]) {
      const error = await errorOf(listDecisions(request));
      expect(error.code).toBe(Code.InvalidArgument);
      expect(error.rawMessage).toContain('page_token');
    }
  });

  it.each<[string, Request, string]>([
    ['a page_size under 0', { pageSize: -1 }, 'page_size'],
    ['a status that is none', { filter: { statuses: [DecisionStatus.UNSPECIFIED] } }, 'filter.statuses[0]'],
    ['a number that no kind has', { filter: { kinds: [42 as DecisionKind] } }, 'filter.kinds[0]'],
    [
      'statuses and any status',
      { filter: { statuses: [DecisionStatus.OPEN], anyStatus: true } },
      'filter.any_status',
    ],
  ])('refuses %s', async (_what, request, field) => {
    const error = await errorOf(listDecisions(request));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(violationsOf(error).map((violation) => violation.field)).toEqual([field]);
  });
});

describe('the life of a decision', () => {
  const decisions = () => api.client.decisions;
  const open = (kind: DecisionKind) =>
    everything.find((decision) => decision.kind === kind && decision.status === DecisionStatus.OPEN)!;

  it('is read with everything that happened', async () => {
    const { decisionId } = everything[0]!;
    expect(await decisions().getDecision({ decisionId })).toEqual(everything[0]);
    const { events } = await decisions().listDecisionEvents({ decisionId });
    expect(events[0]).toMatchObject({ event: 'opened', actor: 'pass' });
    expect(events.at(-1)!.decision).toEqual(everything[0]);
    const again = [];
    for await (const event of each(decisions().listDecisionEvents, 'events', { decisionId, pageSize: 1 }))
      again.push(event);
    expect(again).toEqual(events);
    const error = await errorOf(decisions().getDecision({ decisionId: '0'.repeat(32) }));
    expect(error.code).toBe(Code.NotFound);
    expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe('DECISION_NOT_FOUND');
    expect((await errorOf(decisions().getDecision({ decisionId: 'x' }))).code).toBe(Code.InvalidArgument);
  });

  it('goes from shown to accepted, with who and why, and doing it again changes nothing', async () => {
    const { decisionId } = open(DecisionKind.OFFER);
    const presented = await decisions().presentDecision({ decisionId, actor: 'app', requestId: 'p' });
    expect(presented.status).toBe(DecisionStatus.PRESENTED);
    expect(await decisions().presentDecision({ decisionId, actor: 'app', requestId: 'p' })).toEqual(
      presented,
    );
    const accepted = await decisions().acceptDecision({ decisionId, reason: 'on the phone', actor: 'ana' });
    expect(accepted.status).toBe(DecisionStatus.ACCEPTED);
    const { events } = await decisions().listDecisionEvents({ decisionId });
    expect(events.map(({ event, actor, reason }) => [event, actor, reason]).slice(-2)).toEqual([
      ['presented', 'app', ''],
      ['accepted', 'ana', 'on the phone'],
    ]);
  });

  it('rests, is taken, resolved; and is refused what its status does not allow, by a reason of its own', async () => {
    const { decisionId } = open(DecisionKind.ESCALATION);
    const snoozeTime = timestampFromMs(NOW + 86_400_000);
    const rests = await decisions().snoozeDecision({ decisionId, snoozeTime, reason: 'on holiday' });
    expect(rests).toMatchObject({ status: DecisionStatus.SNOOZED, snoozeTime });
    expect((await decisions().acknowledgeDecision({ decisionId })).status).toBe(DecisionStatus.ACKNOWLEDGED);
    expect((await decisions().resolveDecision({ decisionId })).status).toBe(DecisionStatus.RESOLVED);
    const error = await errorOf(decisions().withdrawDecision({ decisionId, reason: 'too late' }));
    expect(error.code).toBe(Code.FailedPrecondition);
    expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe('DECISION_STATUS');
  });

  // Bug: a step under a request id that another had used was answered as if it were carried out.
  it('refuses a request id that comes again with another reason, actor or time; the same call again is answered', async () => {
    const { decisions } = api.client;
    const filter = { statuses: [DecisionStatus.OPEN], kinds: [DecisionKind.ESCALATION] };
    const [one] = (await decisions.listDecisions({ filter })).decisions;
    const { decisionId } = one!;
    const snoozeTime = timestampFromMs(NOW + 86_400_000);
    const request = { decisionId, snoozeTime, reason: 'on holiday', requestId: 'rest' };
    const rests = await decisions.snoozeDecision(request);
    for (const other of [
      { reason: 'ill' },
      { actor: 'eve' },
      { snoozeTime: timestampFromMs(NOW + 2 * 86_400_000) },
    ]) {
      const error = await errorOf(decisions.snoozeDecision({ ...request, ...other }));
      expect(violationsOf(error)).toMatchObject([{ field: 'request_id', reason: 'REQUEST_ID_REUSED' }]);
    }
    expect(await decisions.snoozeDecision(request)).toEqual(rests);
    const taken = await decisions.acknowledgeDecision({ decisionId });
    expect(await decisions.snoozeDecision(request)).toEqual(taken);
    // Of two at once one is carried out.
    const both = await Promise.allSettled(
      ['done', 'over'].map((reason) => decisions.resolveDecision({ decisionId, reason, requestId: 'end' })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('says how it would be without being changed, and what its status does not allow', async () => {
    const { decisions } = api.client;
    const statuses = [DecisionStatus.OPEN];
    const [before] = (await decisions.listDecisions({ filter: { statuses } })).decisions;
    const { decisionId } = before!;
    const step = { decisionId, reason: 'to see', validateOnly: true };
    const preview = await decisions.withdrawDecision(step);
    expect([preview.status, preview.version]).toEqual([DecisionStatus.WITHDRAWN, before!.version + 1]);
    expect((await errorOf(decisions.rejectDecision(step))).code).toBe(Code.FailedPrecondition);
    expect(await decisions.getDecision({ decisionId })).toEqual(before);
  });

  it('is withdrawn and opened again, and says when it needs a reason', async () => {
    const others = everything.filter(({ status }) => status === DecisionStatus.OPEN);
    // One that no other test has worked on.
    const { decisionId } = others.at(-1)!;
    const error = await errorOf(decisions().withdrawDecision({ decisionId }));
    expect(violationsOf(error).map(({ field }) => field)).toEqual(['reason']);
    const withdrawn = await decisions().withdrawDecision({ decisionId, reason: 'wrong segment' });
    expect(withdrawn.status).toBe(DecisionStatus.WITHDRAWN);
    expect((await decisions().reopenDecision({ decisionId })).status).toBe(DecisionStatus.OPEN);
  });

  // Bug: an approval without terms took whatever they had become by its turn, such as after a pass that revised them.
  it('is approved by the terms that it had when it was asked for, where none are named', async () => {
    const { decisionId, terms } = everything.findLast(
      ({ status }) => status === DecisionStatus.PENDING_APPROVAL,
    )!;
    const answer = vi.spyOn(scored.engine, 'answer').mockResolvedValueOnce({ events: [], refusals: [] });
    await decisions().approveDecision({ decisionId });
    expect(answer.mock.calls[0]![0]).toMatchObject([{ decisionId, terms }]);
    answer.mockRestore();
  });

  it('is approved by its terms, and not by others', async () => {
    const waiting = everything.find(({ status }) => status === DecisionStatus.PENDING_APPROVAL);
    expect(waiting).toBeDefined();
    const { decisionId, terms } = waiting!;
    const error = await errorOf(decisions().approveDecision({ decisionId, terms: 'others' }));
    expect(error.code).toBe(Code.FailedPrecondition);
    const approved = await decisions().approveDecision({ decisionId, terms, actor: 'olga' });
    expect(approved.status).toBe(DecisionStatus.OPEN);
  });
});

describe('WatchDecisions', () => {
  it('brings each event as it happens, to those whom it concerns', async () => {
    const abort = new AbortController();
    const waiting = (await listDecisions({ pageSize: 1 })).decisions[0]!;
    const filter = { subscriptionId: waiting.subscriptionId };
    const watch = api.client.decisions
      .watchDecisions({ filter }, { signal: abort.signal, timeoutMs: 0 })
      [Symbol.asyncIterator]();
    expect((await watch.next()).value!.events).toEqual([]);
    await api.client.decisions.withdrawDecision({ decisionId: waiting.decisionId, reason: 'watched' });
    let events: DecisionEvent[] = [];
    while (!events.some(({ reason }) => reason === 'watched')) ({ events } = (await watch.next()).value!);
    expect(events.at(-1)).toMatchObject({
      event: 'withdrawn',
      reason: 'watched',
      decision: { decisionId: waiting.decisionId, status: DecisionStatus.WITHDRAWN },
    });
    abort.abort();
  });
});

describe('ListSuppressions', () => {
  it('lists what was suppressed, for subscriptions without a decision too', async () => {
    const list = async (request: MessageInitShape<typeof ListSuppressionsRequestSchema>) =>
      (await api.client.decisions.listSuppressions(request)).suppressions;
    const all = await list({ pageSize: 1_000 });
    expect(all.length).toBeGreaterThan(1);
    const [stored] = await scored.store.rows<{ n: number }>('SELECT count() AS n FROM suppressions');
    expect(all).toHaveLength(stored!.n);
    const { accountId, subscriptionId, suppression } = all[0]!;
    const { rule, guardrail } = suppression!;
    for (const request of [{ accountId }, { subscriptionId }, { rule }, { guardrail }])
      expect((await list({ ...request, pageSize: 1_000 }))[0]).toEqual(all[0]);
    expect(await list({ endTime: timestampFromMs(NOW) })).toEqual([]);
    const paged = [];
    let pageToken = '';
    do {
      const page = await api.client.decisions.listSuppressions({ pageSize: 2, pageToken });
      paged.push(...page.suppressions);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(paged).toEqual(all);
  });
});

// Bug: of two approvals at once both said that they had changed it.
it('who acts on what another acts on at the same time gets to know which of them changed it', async () => {
  const { decisions: chosen } = await listDecisions({
    filter: { statuses: [DecisionStatus.OPEN], kinds: [DecisionKind.OFFER] },
    pageSize: 2,
  });
  const desk = deskOfApi(api.client);
  const rows = await desk.named(chosen.map(({ decisionId }) => decisionId));
  const given = { kind: 'withdraw', at: NOW, reason: 'r', until: null, terms: '' };
  const both = await Promise.all(['olga', 'ben'].map((actor) => desk.act(rows, { ...given, actor })));
  expect(both.flatMap(({ refusals }) => refusals)).toEqual([]);
  expect(both.flatMap(({ changed }) => changed).sort()).toEqual(
    rows.map(({ decisionId }) => decisionId).sort(),
  );
  const [{ decisionId }] = chosen as [Decision];
  const events = async (requestId: string) =>
    (await api.client.decisions.listDecisionEvents({ decisionId, requestId })).events.map(
      ({ event }) => event,
    );
  expect((await events('')).at(-1)).toBe('withdrawn');
  expect(await events('unknown')).toEqual([]);
  await api.client.decisions.reopenDecision({ decisionId, reason: 'after all', requestId: 'mine' });
  expect(await events('mine')).toEqual(['reopened']);
});

describe('Decide', () => {
  it('records the moment, decides now, and gives the same request the same answer', async () => {
    const subscriptionId = everything.at(-1)!.subscriptionId;
    const request = {
      subscriptionId,
      moment: Moment.CANCEL_INTENT,
      reason: 'too expensive',
      requestId: 'cancel-1',
    };
    const [first, atOnce] = await Promise.all([
      api.client.decisions.decide(request),
      api.client.decisions.decide(request),
    ]);
    expect(first.risk?.subscriptionId).toBe(subscriptionId);
    expect(first.decisions.every((decision) => decision.subscriptionId === subscriptionId)).toBe(true);
    expect([first.repeatedAnswer, atOnce.repeatedAnswer].sort()).toEqual([false, true]);
    const again = await api.client.decisions.decide(request);
    expect(again).toMatchObject({ repeatedAnswer: true, rulesRevision: first.rulesRevision });
    expect(again.decisions.map(({ decisionId }) => decisionId)).toEqual(
      first.decisions.map(({ decisionId }) => decisionId),
    );
    // What the pass noted is what the store has.
    const { decisions } = await listDecisions({ filter: { subscriptionId } });
    const byId = (list: readonly Decision[]) =>
      [...list].sort((a, b) => (a.decisionId < b.decisionId ? -1 : 1));
    expect(byId(first.decisions)).toEqual(byId(decisions));
    const { suppressions } = await api.client.decisions.listSuppressions({ subscriptionId });
    const latest = suppressions.filter(({ asOf }) => timestampMs(asOf!) >= timestampMs(first.risk!.asOf!));
    expect(first.suppressions).toEqual(latest.map(({ suppression }) => suppression));
    const outcomes = await scored.store.rows(
      `SELECT kind, reason FROM outcomes WHERE subscription_id = {id:String} AND source LIKE 'api/%'`,
      { id: subscriptionId },
    );
    expect(outcomes).toEqual([{ kind: 'cancel_intent', reason: 'too expensive' }]);
    expect(await scored.store.rows('SELECT request_id, decision_ids FROM moments')).toEqual([
      { request_id: 'cancel-1', decision_ids: first.decisions.map(({ decisionId }) => decisionId) },
    ]);
    const reused = await errorOf(api.client.decisions.decide({ ...request, subscriptionId: 'other' }));
    expect(violationsOf(reused).map(({ field }) => field)).toEqual(['request_id']);
    // Bug: taking the moment back under its request id was answered, and never recorded.
    const other = await errorOf(
      api.client.decisions.decide({ ...request, moment: Moment.CANCEL_INTENT_WITHDRAWN }),
    );
    const why = await errorOf(api.client.decisions.decide({ ...request, reason: 'moving' }));
    for (const error of [other, why])
      expect(violationsOf(error)).toMatchObject([{ field: 'request_id', reason: 'REQUEST_ID_REUSED' }]);
  });

  it('does not know a subscription that does not run, and records nothing of it', async () => {
    const ended = {
      ...{ accountId: 'acc-left', subscriptionId: 'sub-left', status: SubscriptionStatus.ENDED },
      time: timestampFromMs(NOW - 1_000),
    };
    await api.client.customers.upsertSubscriptions({ subscriptions: [ended] });
    // The second is an account with subscriptions, and none of them has its id.
    for (const subscriptionId of ['nobody', everything[0]!.accountId, 'sub-left']) {
      const request = { subscriptionId, requestId: 'n', moment: Moment.CANCEL_INTENT };
      const error = await errorOf(api.client.decisions.decide(request));
      expect(error.code, subscriptionId).toBe(Code.NotFound);
      const left = await scored.store.rows('SELECT id FROM outcomes WHERE subscription_id = {id:String}', {
        id: subscriptionId,
      });
      expect(left).toEqual([]);
    }
  });

  it('asks the store, not its memory, about what has arrived and is not scored yet', async () => {
    const [moving, ending] = (await api.client.risks.listRisks({ pageSize: 2 })).risks;
    for (const risk of [moving!, ending!])
      await api.client.risks.getRisk({ subject: { case: 'subscriptionId', value: risk.subscriptionId } });
    const contract = { status: SubscriptionStatus.ACTIVE, time: timestampFromMs(NOW - 1_000) };
    await api.client.customers.upsertSubscriptions({
      subscriptions: [
        { ...contract, accountId: 'acc-new', subscriptionId: moving!.subscriptionId },
        { ...contract, ...ending!, status: SubscriptionStatus.ENDED },
      ].map(({ accountId, subscriptionId, status, time }) => ({ accountId, subscriptionId, status, time })),
    });
    const [moved, ended] = await Promise.all(
      [moving!, ending!].map(({ subscriptionId }) =>
        api.client.decisions
          .decide({ subscriptionId, requestId: `now/${subscriptionId}`, moment: Moment.CANCEL_INTENT })
          .catch((thrown: unknown) => thrown),
      ),
    );
    expect(moved).toMatchObject({ risk: { accountId: 'acc-new' } });
    expect(ended).toMatchObject({ code: Code.NotFound });
    const outcomes = await scored.store.rows(
      "SELECT account_id, subscription_id FROM outcomes WHERE subscription_id IN {ids:Array(String)} AND source LIKE 'api/%'",
      { ids: [moving!.subscriptionId, ending!.subscriptionId] },
    );
    expect(outcomes).toEqual([{ account_id: 'acc-new', subscription_id: moving!.subscriptionId }]);
  });

  // Bug: both waited by the signal of the first, so that the second was CANCELLED when the first caller left.
  it('answers the second of two tries at once though the first caller has left', async () => {
    const local = localDecider(scored.engine);
    let begin = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const decider: Decider = {
      ...local,
      async decide(accountId, records, signal) {
        begin();
        await gate;
        signal.throwIfAborted();
        return local.decide(accountId, records, signal);
      },
    };
    const other = await serve(scored.engine, { decider });
    const { decisions } = other.client;
    const { subscriptionId } = everything[0]!;
    const request = { subscriptionId, requestId: 'two', moment: Moment.CANCEL_INTENT };
    const caller = new AbortController();
    const first = errorOf(decisions.decide(request, { signal: caller.signal }));
    await begun;
    const second = decisions.decide(request);
    // What is answered after it on the same connection tells that the server has it; likewise the cancellation.
    const behind = () => decisions.getDecision({ decisionId: everything[0]!.decisionId });
    await behind();
    caller.abort();
    expect((await first).code).toBe(Code.Canceled);
    await behind();
    go();
    expect(await second).toMatchObject({ repeatedAnswer: true, risk: { subscriptionId } });
    await other.stop();
  });

  // Bug: a server was killed between the outcome and its index; the next try recorded another one, of its own time.
  it('records a moment once, at its first time, though the first try was cut off', async () => {
    const local = localDecider(scored.engine);
    const { subscriptionId } = everything[0]!;
    const reason = 'cut off';
    const request = { subscriptionId, requestId: reason, reason, moment: Moment.CANCEL_INTENT };
    const killed = await serve(scored.engine, {
      decider: {
        ...local,
        async decide(_, records) {
          await writeBatch(scored.store, records);
          throw new PerennialError('unavailable', 'killed');
        },
      },
    });
    expect((await errorOf(killed.client.decisions.decide(request))).code).toBe(Code.Unavailable);
    await killed.stop();
    await scored.store.command('DELETE FROM record_index WHERE received_at = {now:DateTime64(3)}', {
      now: NOW / 1_000,
    });
    const next = await serve(scored.engine, { clock: () => NOW + 60_000 });
    expect(await next.client.decisions.decide(request)).toMatchObject({ repeatedAnswer: false });
    await next.stop();
    const outcomes = await scored.store.rows(
      'SELECT toUnixTimestamp64Milli(occurred_at) AS at FROM outcomes WHERE reason = {reason:String}',
      { reason },
    );
    expect(outcomes).toEqual([{ at: NOW }]);
  });

  it('only looks when asked to', async () => {
    const [{ subscriptionId, decisionId }] = (await listDecisions({})).decisions as [Decision];
    const moments = () => scored.store.rows('SELECT count() AS n FROM moments');
    const before = await moments();
    const looked = await api.client.decisions.decide({
      ...{ subscriptionId, requestId: 'look', moment: Moment.CANCEL_INTENT },
      validateOnly: true,
    });
    expect(looked.decisions.map((decision) => decision.decisionId)).toContain(decisionId);
    expect(await moments()).toEqual(before);
  });
});
