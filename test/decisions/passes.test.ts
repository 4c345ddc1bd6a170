import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, type Millis } from '../../src/core/clock.js';
import type { Answer } from '../../src/decisions/answer.js';
import { actionKey, type Decision } from '../../src/decisions/decision.js';
import { isOpen } from '../../src/decisions/lifecycle.js';
import type { FiredRule } from '../../src/decisions/situation.js';
import type { EventType } from '../../src/rules/event.js';
import type { Guardrail } from '../../src/rules/guardrail-file.js';
import { answer, day, escalation, fired, guardrail, OFFERS, offerEvent, touchpoint } from './cases.js';
import { committed, naively, proposedBy } from './naive-guardrails.js';
import { Business, type PassResult, type Subscription } from './simulated-passes.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** What rules propose: some of it twice, with other terms. */
const EVENTS = [
  ...[...OFFERS.keys()].map((name) => offerEvent(name)),
  offerEvent('twenty', 12),
  escalation('payment', 30),
  escalation('usage'),
  touchpoint('review'),
  touchpoint('training'),
];

const types = fc.subarray<EventType>(['offer', 'escalation', 'touchpoint'], { minLength: 1 });
const days = fc.constantFrom(1, 5, 20, 60);
const anyGuardrail: fc.Arbitrary<Guardrail> = fc.oneof(
  fc.constantFrom(5, 11, 15).map((max_pct) => guardrail({ kind: 'discount_cap', max_pct })),
  fc.constantFrom(5, 11).map((over_pct) => guardrail({ kind: 'discount_approval', over_pct })),
  fc
    .record({ types, days, after: fc.constantFrom('presented', 'accepted', 'declined', 'expired', 'closed') })
    .map((more) => guardrail({ kind: 'cooldown', ...more })),
  fc
    .record({
      types,
      days,
      per: fc.constantFrom('subscription', 'account'),
      max: fc.integer({ min: 0, max: 3 }),
    })
    .map((more) => guardrail({ kind: 'frequency_cap', ...more })),
  fc
    .record({
      types,
      per: fc.constantFrom('subscription', 'account', 'owner'),
      max: fc.integer({ min: 0, max: 3 }),
    })
    .map((more) => guardrail({ kind: 'max_open', ...more })),
  fc
    .record({ types, days, per: fc.constantFrom('subscription', 'account') })
    .map((more) => guardrail({ kind: 'min_gap', ...more })),
  fc
    .record({
      max_minor: fc.constantFrom(10_000, 150_000, 400_000),
      days,
      currency: fc.constantFrom('EUR', 'USD', 'JPY'),
    })
    .map((more) => guardrail({ kind: 'budget', ...more })),
  types.map((some) => guardrail({ kind: 'block', types: some, when: { all: [] } })),
);

/** A business of five subscriptions in three accounts, its rules, and what happens from pass to pass. */
const SUBSCRIPTIONS = ['a/1', 'a/2', 'b/1', 'b/2', 'c/1'];
const ACCOUNTS = ['a', 'b', 'c'];
const ANSWERS = ['offer_presented', 'offer_accepted', 'offer_declined', 'offer_expired', 'offer_confirmed'];
const DEEDS = [
  'touchpoint_presented',
  'touchpoint_responded',
  'escalation_acknowledged',
  'escalation_resolved',
];
const COMMANDS = ['approve', 'reject', 'snooze', 'withdraw', 'present'];

const anyAnswer = (kinds: readonly string[]) =>
  fc.record({
    of: fc.nat(99),
    kind: fc.constantFrom(...kinds),
    minutesAgo: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60 * 24 * 20 })),
    snoozeDays: fc.integer({ min: 1, max: 9 }),
  });
const anyStep = (kinds: readonly string[]) =>
  fc.record({
    minutes: fc.oneof(
      fc.constantFrom(0, 20, 45),
      fc.integer({ min: 1, max: 60 * 24 * 3 }),
      fc.integer({ min: 1, max: 60 * 24 * 20 }),
    ),
    subscriptions: fc.tuple(
      ...SUBSCRIPTIONS.map(() =>
        fc.record({
          runs: fc.integer({ min: 0, max: 19 }).map((n) => n > 0),
          fires: fc.integer({ min: 0, max: 255 }),
          arrMinor: fc.constantFrom(600_000, 1_200_000, 1_200_000, 1_200_000, 2_000_000, null),
          currency: fc.constantFrom('EUR', 'EUR', 'EUR', 'USD', 'JPY', 'GBP', ''),
          arrAtRiskMinor: fc.constantFrom(null, 1, 2, 3),
        }),
      ),
    ),
    answers: fc.array(anyAnswer(kinds), { maxLength: 3 }),
    restarts: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    only: fc.constantFrom(ACCOUNTS, ACCOUNTS, ACCOUNTS, ['a'], ['b', 'c']),
  });
type Step = ReturnType<typeof anyStep> extends fc.Arbitrary<infer S> ? S : never;

const anyWorld = (kinds: readonly string[]) =>
  fc.record({
    rules: fc
      .array(
        fc.record({
          event: fc.constantFrom(...EVENTS),
          clearAfterDays: fc.constantFrom(null, 0, 2),
          leastDays: fc.constantFrom(null, 0, 9),
        }),
        { minLength: 1, maxLength: 8 },
      )
      .map((rules) =>
        rules.map(({ event, ...life }, i) => fired(event, { name: `rule ${i}`, priority: 99 - i, ...life })),
      ),
    guardrails: fc
      .array(anyGuardrail, { maxLength: 5 })
      .map((some) => some.map((one, i): Guardrail => ({ ...one, name: `${one.kind} ${i}` }))),
    /** Guardrails that hold for everyone; the others for a subscription in two. */
    whens: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
    brake: fc.option(
      fc.record({ maxOpened: fc.integer({ min: 0, max: 4 }), maxSharePct: fc.constantFrom(0, 60) }),
    ),
    steps: fc.array(anyStep(kinds), { minLength: 1, maxLength: 18 }),
  });
type World = ReturnType<typeof anyWorld> extends fc.Arbitrary<infer W> ? W : never;

interface Moment {
  readonly business: Business;
  readonly asOf: Millis;
  readonly since: Millis;
  readonly before: readonly Decision[];
  readonly subscriptions: readonly Subscription[];
  readonly restarted: boolean;
  readonly result: PassResult;
}

interface Options {
  /** Cuts accounts into pages. */
  readonly cut?: (accounts: readonly string[], step: number) => string[][];
  /** Customers answer what is open, and before the next pass; all guardrails hold for everyone. */
  readonly prompt?: boolean;
}

function subscriptionsOf(
  { rules, guardrails, whens }: World,
  step: Step,
  only: readonly string[],
  prompt: boolean,
) {
  return SUBSCRIPTIONS.flatMap((subscriptionId, i): Subscription[] => {
    const { runs, fires, ...more } = step.subscriptions[i]!;
    const accountId = subscriptionId[0]!;
    if (!runs || !only.includes(accountId)) return [];
    const own: FiredRule[] = rules.filter((_, rule) => (fires >> rule) % 2 === 1);
    return [
      {
        ...more,
        accountId,
        subscriptionId,
        owner: ['olga', 'otto', ''][i % 3]!,
        fired: own,
        guardrails: guardrails.filter((_, g) => prompt || whens[g] || i % 2 === 0),
      },
    ];
  });
}

/** Runs a world, and hands each pass over. */
function run(
  world: World,
  check: (moment: Moment) => void,
  { cut = (all) => [[...all]], prompt = false }: Options = {},
) {
  const business = new Business(world.brake);
  let now = day(0);
  let answers = 0;
  for (const [i, step] of world.steps.entries()) {
    const since = now;
    now += step.minutes * MINUTE_MS;
    if (step.restarts) business.restart();
    const before = business.decisions;
    const given = step.answers.flatMap(({ of, kind, minutesAgo, snoozeDays }): Answer[] => {
      const possible = prompt ? before.filter((one) => isOpen(one) !== (kind === 'reopen')) : before;
      const to = possible[of % Math.max(1, possible.length)];
      if (to === undefined) return [];
      const soonest = Math.min(now, (to.timerAt ?? Number.POSITIVE_INFINITY) - 1);
      const at = prompt ? Math.max(since, soonest) : Math.max(to.openedAt, now - minutesAgo * MINUTE_MS);
      if (prompt && at > soonest) return [];
      answers++;
      return [answer(to, kind, at, { answerId: `${answers}`, until: now + snoozeDays * DAY_MS })];
    });
    const subscriptions = subscriptionsOf(world, step, step.only, prompt);
    const result = business.pass(subscriptions, given, now, cut(step.only, i));
    check({ business, asOf: now, since, before, subscriptions, restarted: step.restarts, result });
  }
  return business;
}

const ALL = [...ANSWERS, ...DEEDS, ...COMMANDS, 'reopen'];

const holds = (check: (moment: Moment, world: World) => void, numRuns = 120) =>
  fc.assert(
    fc.property(anyWorld(ALL), (world) => {
      run(world, (moment) => check(moment, world));
    }),
    { numRuns },
  );

describe('over any passes, rules, guardrails, facts and answers', () => {
  it('things do happen: the properties below are not of nothing', () => {
    const seen = new Set<string>();
    for (const world of fc.sample(anyWorld(ALL), { numRuns: 150, seed: 7 }))
      run(world, ({ result: { closing, opened, refusals } }) => {
        for (const { event, decision } of closing) seen.add(event).add(decision.status);
        for (const { openings } of opened) {
          for (const { ruling } of openings.candidates) seen.add(ruling);
          for (const { guardrail: name } of openings.suppressed) seen.add(name.replace(/ \d$/, ''));
          for (const { decision } of openings.events) {
            for (const { ruling } of decision.candidates) seen.add(ruling);
            seen.add(`waits for ${decision.waitsFor.replace(/ \d$/, '')}`);
          }
        }
        if (refusals.length > 0) seen.add('refused');
      });
    const wanted =
      'presented accepted declined confirmed expired lapsed resolved acknowledged snoozed woken overdue approved rejected withdrawn reopened ' +
      'revised condition_false condition_true cleared superseded chosen opened_too open_already suppressed refused one_open_offer discount_cap ' +
      'cooldown frequency_cap max_open min_gap block budget';
    for (const one of [...wanted.split(' '), 'waits for brake', 'waits for discount_approval'])
      expect(seen).toContain(one);
  });

  it('no guardrail is ever broken, and none suppresses what it allows', () => {
    let opened: Millis[] = [];
    holds(({ business, asOf, before, restarted, result }, { brake }) => {
      if (before.length === 0) opened = [];
      // A process that starts anew knows of what is open.
      if (restarted)
        opened = before.filter((one) => isOpen(one) && one.waitsFor !== 'brake').map((one) => one.openedAt);
      const all = new Map(before.map((one) => [one.decisionId, one]));
      for (const { decision } of result.closing) all.set(decision.decisionId, decision);
      const changed = new Set(
        result.closing.map(({ decision }) => `${decision.subscriptionId} ${actionKey(decision)}`),
      );
      const allowed =
        brake === null
          ? Number.POSITIVE_INFINITY
          : Math.max(brake.maxOpened, Math.floor((brake.maxSharePct / 100) * result.opened.length));
      for (const { situation, openings } of result.opened) {
        const events = [...openings.events];
        for (const [i, candidate] of openings.candidates.entries()) {
          const proposal = proposedBy(situation.fired[i]!.rule.event, situation.arrMinor);
          const mine = [...all.values()].filter(
            (one) => isOpen(one) && one.subscriptionId === situation.subscriptionId,
          );
          if (candidate.ruling === 'open_already') {
            expect(mine.map(actionKey)).toContain(actionKey(proposal));
            continue;
          }
          expect(mine.map(actionKey)).not.toContain(actionKey(proposal));
          const said = situation.guardrails.map((one) => ({
            name: one.name,
            ruling: naively(one, proposal, situation, [...all.values()]),
            kind: one.kind,
          }));
          const braked = opened.filter((at) => at > asOf - HOUR_MS).length >= allowed;
          const objections = said.filter(({ ruling }) => ruling === 'suppress').map(({ name }) => name);
          if (proposal.kind === 'offer' && mine.some(({ kind }) => kind === 'offer'))
            objections.push('one_open_offer');
          if (candidate.ruling === 'suppressed') {
            const { guardrail: name } = openings.suppressed.find(({ rule }) => rule === candidate.rule)!;
            // What was declined and then accepted rests as declined, too, in the pass that finds out.
            const stale =
              name.startsWith('cooldown') &&
              changed.has(`${situation.subscriptionId} ${actionKey(proposal)}`);
            if (!stale) expect(objections).toContain(name);
            continue;
          }
          expect(objections).toEqual([]);
          const { decision } = events.shift()!;
          expect(decision).toMatchObject({
            kind: proposal.kind,
            action: proposal.action,
            discountPct: proposal.discountPct,
            costMinor: proposal.costMinor ?? OFFERS.get(proposal.action)!.credit_minor,
          });
          const approval = said.find(({ ruling }) => ruling === 'approve')?.name ?? (braked ? 'brake' : '');
          expect(decision.waitsFor).toBe(approval);
          expect(decision.status).toBe(approval === '' ? 'open' : 'pending_approval');
          if (approval !== 'brake') opened.push(asOf);
          all.set(decision.decisionId, decision);
        }
        expect(events).toEqual([]);
      }
      expect([...all.values()]).toEqual(business.decisions);
    });
  });

  it('a subscription has at most one open offer, and each action is open at most once', () => {
    holds(({ business }) => {
      const open = business.decisions.filter(isOpen);
      const places = open.map(
        (one) => `${one.subscriptionId} ${one.kind === 'offer' ? 'offer' : actionKey(one)}`,
      );
      expect(new Set(places).size).toBe(places.length);
    });
  });

  it('every rule that fires ends with a ruling, and what is suppressed with a reason', () => {
    holds(({ result }) => {
      for (const { situation, openings } of result.opened) {
        expect(openings.candidates.map(({ rule }) => rule)).toEqual(
          situation.fired.map(({ rule }) => rule.name),
        );
        const ruled = (ruling: string) =>
          openings.candidates.filter((one) => one.ruling === ruling).map(({ rule }) => rule);
        expect(openings.suppressed.map(({ rule }) => rule)).toEqual(ruled('suppressed'));
        for (const { reason, guardrail: name } of openings.suppressed) {
          expect(reason).toMatch(/^.{10,}\.$/);
          expect(name).not.toBe('');
        }
        expect(openings.events.map(({ decision }) => decision.rule)).toEqual(ruled('opened_too'));
        for (const { decision } of openings.events) {
          expect(decision.reasons).toEqual([`why ${decision.rule}`]);
          expect(decision.suppressed).toEqual(openings.suppressed);
          expect(decision.candidates.find(({ ruling }) => ruling === 'chosen')?.rule).toBe(decision.rule);
          expect(decision.candidates.length).toBe(openings.candidates.length);
        }
      }
    });
  });

  it('a repeated pass changes nothing', () => {
    holds(({ business, asOf, subscriptions, result }) => {
      const again = business.copy().pass(
        subscriptions,
        [],
        asOf,
        [result.opened.map(({ situation }) => situation.accountId)].map((some) => [...new Set(some)]),
      );
      expect(again.closing).toEqual([]);
      expect(again.opened.flatMap(({ openings }) => openings.events)).toEqual([]);
    }, 60);
  });

  it('what is decided does not depend on the pages, their order, or the order of what is read', () => {
    // Opening again is a person's command, and takes what is free when it comes.
    const cuts = fc.record({
      orders: fc.array(fc.shuffledSubarray(ACCOUNTS, { minLength: 3 }), { minLength: 1, maxLength: 5 }),
      sizes: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 5 }),
    });
    fc.assert(
      fc.property(anyWorld(ALL.filter((kind) => kind !== 'reopen')), cuts, (world, { orders, sizes }) => {
        const cut = (accounts: readonly string[], step: number): string[][] => {
          const order = orders[step % orders.length]!.filter((one) => accounts.includes(one));
          const size = sizes[step % sizes.length]!;
          return [order.slice(0, size), order.slice(size)];
        };
        const passes = (options: Options) => {
          const all: unknown[] = [];
          run(
            world,
            ({ result: { closing, opened } }) => {
              const key = ({ decision }: { decision: Decision }) =>
                `${decision.decisionId} ${decision.version}`;
              all.push(
                [...closing].sort((a, b) => (key(a) < key(b) ? -1 : 1)),
                opened,
              );
            },
            options,
          );
          return all;
        };
        expect(passes({ cut })).toEqual(passes({}));
      }),
      { numRuns: 80 },
    );
  });
});

/** Whether times of presentations keep a gap or a cap; in the order of time. */
const within = (times: readonly Millis[], span: Millis) =>
  Math.max(0, ...times.map((end) => times.filter((at) => at <= end && at > end - span).length));

// Bug: what a person opens again was held against shared limits alone, so that accounts had more open than they may.
describe('for customers who answer what they are shown, and people who take back and open again', () => {
  const prompt = (
    check: (decisions: readonly Decision[], guardrails: readonly Guardrail[], now: Millis) => void,
  ) =>
    fc.assert(
      fc.property(anyWorld([...ANSWERS, ...DEEDS, ...COMMANDS, 'reopen']), (world) => {
        run(world, ({ business, asOf }) => check(business.decisions, world.guardrails, asOf), {
          prompt: true,
        });
      }),
      { numRuns: 120 },
    );

  it('caps, gaps, loads and budgets hold at every moment, over everything that they saw', () => {
    prompt((decisions, guardrails, now) => {
      for (const one of guardrails) {
        const counted = decisions.filter(({ kind }) => !('types' in one) || one.types.includes(kind));
        const groups = new Map<string, Decision[]>();
        const per = 'per' in one ? one.per : 'account';
        for (const decision of counted) {
          const group =
            per === 'owner'
              ? decision.owner
              : per === 'account'
                ? decision.accountId
                : decision.subscriptionId;
          groups.set(group, [...(groups.get(group) ?? []), decision]);
        }
        for (const group of groups.values()) {
          const seen = group.flatMap(({ presentedAt }) => presentedAt ?? []);
          if (one.kind === 'frequency_cap')
            expect(within(seen, one.days * DAY_MS)).toBeLessThanOrEqual(one.max);
          if (one.kind === 'min_gap') expect(within(seen, one.days * DAY_MS)).toBeLessThanOrEqual(1);
          if (one.kind === 'max_open') expect(group.filter(isOpen).length).toBeLessThanOrEqual(one.max);
        }
        if (one.kind === 'discount_cap')
          for (const { discountPct } of decisions) expect(discountPct).toBeLessThanOrEqual(one.max_pct);
        if (one.kind === 'budget') expect(committed(decisions, one, now)).toBeLessThanOrEqual(one.max_minor);
      }
    });
  });
});

describe('a pass', () => {
  const subscription = (accountId: string, more: Partial<Subscription>): Subscription => ({
    accountId,
    subscriptionId: accountId,
    owner: 'olga',
    currency: 'EUR',
    arrMinor: 1_200_000,
    arrAtRiskMinor: 100,
    fired: [],
    guardrails: [],
    ...more,
  });

  // Case A10.
  it.each([[[['late', 'urgent', 'early']]], [[['urgent'], ['early'], ['late']]]])(
    'gives what it frees to the most urgent, whatever the order of accounts (%j)',
    (pages) => {
      const cap = guardrail({ kind: 'max_open', types: ['escalation'], per: 'owner', max: 1 });
      const task = [fired(escalation('payment'), { clearAfterDays: 0, leastDays: 0 })];
      const business = new Business();
      business.pass([subscription('late', { fired: task, guardrails: [cap] })], [], day(0), [['late']]);
      const now = [
        subscription('late', { guardrails: [cap] }),
        subscription('early', { fired: task, guardrails: [cap] }),
        subscription('urgent', { fired: task, guardrails: [cap], arrAtRiskMinor: 900 }),
      ];
      const { closing, opened } = business.pass(now, [], day(1), pages);
      expect(closing.map(({ event }) => event)).toEqual(['condition_false', 'cleared']);
      expect(
        opened.map(({ situation, openings }) => [situation.accountId, openings.candidates[0]?.ruling]),
      ).toEqual([
        ['urgent', 'opened_too'],
        ['early', 'suppressed'],
        ['late', undefined],
      ]);
    },
  );

  // Case A14.
  it('opens with reasons what follows something that ran out while its rule still fires', () => {
    const business = new Business();
    const fires = [subscription('a', { fired: [fired(offerEvent('ten'))] })];
    business.pass(fires, [], day(0), [['a']]);
    const { closing, opened } = business.pass(fires, [], day(20), [['a']]);
    expect(closing).toMatchObject([{ event: 'lapsed', at: day(14) }]);
    expect(opened[0]!.openings.events).toMatchObject([
      { decision: { ordinal: 2, reasons: ['why ten'], openedAt: day(20) } },
    ]);
  });

  // Case C5.
  it('opens so many by itself, the most urgent first; the others wait for one command', () => {
    const business = new Business({ maxOpened: 2, maxSharePct: 0 });
    const ids = Array.from({ length: 6 }, (_, i) => `a${i}`);
    const fires = ids.map((id, i) =>
      subscription(id, { fired: [fired(offerEvent('ten'))], arrAtRiskMinor: i }),
    );
    const { opened } = business.pass(fires, [], day(0), [ids]);
    expect(
      opened.flatMap(({ openings }) => openings.events.map(({ decision }) => decision.waitsFor)),
    ).toEqual([...['', ''], ...['brake', 'brake', 'brake', 'brake']]);
    const waiting = business.decisions.filter(({ waitsFor }) => waitsFor === 'brake');
    business.pass(
      fires,
      waiting.map((one) => answer(one, 'approve', day(1))),
      day(1),
      [ids],
    );
    expect(business.decisions.map(({ status }) => status)).toEqual(ids.map(() => 'open'));
  });
});
