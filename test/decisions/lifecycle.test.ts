import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import type { Decision, DecisionEventName } from '../../src/decisions/decision.js';
import { DECISION_STATUSES, type DecisionStatus } from '../../src/decisions/decision.js';
import {
  applyTo,
  dueHappening,
  type Happening,
  isOpen,
  OPEN_STATUSES,
  type Outcome,
  STATUS_TRAITS,
  TRANSITIONS,
  timerOf,
  wasSeen,
} from '../../src/decisions/lifecycle.js';
import { EVENT_TYPES, type EventType } from '../../src/rules/event.js';
import { day, decision, inStatus, lived } from './cases.js';

/**
 * What becomes of a decision that has had a status since day 5, by what happens to it on day 10.
 * A status: it gets it. "+": it changes and keeps its status. "=": nothing changes. "-": refused.
 */
const COLUMNS =
  'held_out pending_approval open presented acknowledged snoozed accepted declined expired lapsed cleared superseded rejected withdrawn resolved';
const LIFE: readonly [event: string, kinds: string, outcomes: string][] = [
  ['revised', 'OET', '- + + - - - - - - - - - - - -'],
  ['approved', 'OET', '- open = - - - - - - - - - - - -'],
  ['rejected', 'OET', '- rejected - - - - - - - - - - = - -'],
  ['presented', 'OT', '- presented presented = presented presented = = = + + + + + ='],
  ['acknowledged', 'E', '- - acknowledged - = acknowledged - - - - - - - - -'],
  ['snoozed', 'ET', '- - snoozed - snoozed + - - - - - - - - -'],
  ['woken', 'OET', '- - = - - open - - - - - - - - -'],
  ['overdue', 'OET', '- - + - - + - - - - - - - - -'],
  [
    'accepted',
    'O',
    '- accepted accepted accepted accepted accepted + accepted accepted accepted accepted accepted accepted accepted accepted',
  ],
  [
    'confirmed',
    'O',
    '- accepted accepted accepted accepted accepted + accepted accepted accepted accepted accepted accepted accepted accepted',
  ],
  [
    'declined',
    'O',
    '- declined declined declined declined declined declined + declined declined declined declined declined declined declined',
  ],
  ['expired', 'OET', '- - - expired - - - - = - - - - - -'],
  ['lapsed', 'OET', '- lapsed lapsed - lapsed lapsed - - - = - - - - -'],
  [
    'resolved',
    'ET',
    '- resolved resolved resolved resolved resolved resolved resolved resolved resolved resolved resolved resolved resolved =',
  ],
  ['condition_false', 'OET', '- + + + + + - - - - - - - - -'],
  ['condition_true', 'OET', '- = = = = = - - - - - - - - -'],
  ['cleared', 'OET', '- cleared cleared cleared cleared cleared - - - - = - - - -'],
  ['superseded', 'OET', '- superseded superseded superseded superseded superseded - - - - - = - - -'],
  ['withdrawn', 'OET', '- withdrawn withdrawn withdrawn withdrawn withdrawn - - - - - - - = -'],
  ['reopened', 'OT', '- = = = = = - - presented open open open open open -'],
  ['reopened', 'E', '- = = = = = - - open open open open open open -'],
  ['corrected', 'OET', '- + + + + + + + + + + + + + +'],
];

const INITIALS: Readonly<Record<EventType, string>> = { offer: 'O', escalation: 'E', touchpoint: 'T' };
const EVENTS = Object.keys(TRANSITIONS) as Happening['event'][];

/** The cell of the table for an event, kind and status. */
function expected(event: DecisionEventName, kind: EventType, status: DecisionStatus): string {
  const row = LIFE.find(([name, kinds]) => name === event && kinds.includes(INITIALS[kind]));
  return row === undefined ? '-' : row[2].split(' ')[COLUMNS.split(' ').indexOf(status)]!;
}

const happening = (event: Happening['event'], more: Partial<Happening> = {}): Happening => ({
  event,
  at: day(10),
  actor: 'olga',
  until: day(20),
  ...(event === 'revised' || event === 'corrected' ? { revision: { costMinor: 7, terms: 'other' } } : {}),
  ...more,
});

function inWords(before: Decision, outcome: Outcome): string {
  if (outcome.kind === 'refused') return '-';
  if (outcome.kind === 'unchanged') return '=';
  const { status } = outcome.event.decision;
  return status === before.status ? '+' : status;
}

describe('the table of a decision’s life', () => {
  it('names every event and every status', () => {
    expect([...new Set(LIFE.map(([event]) => event))].sort()).toEqual([...EVENTS].sort());
    expect(COLUMNS.split(' ')).toEqual([...DECISION_STATUSES]);
  });

  it.each(EVENTS)('says what %s does in every status, to every kind of decision', (event) => {
    for (const kind of EVENT_TYPES)
      for (const status of DECISION_STATUSES) {
        const before = inStatus(status, kind);
        const outcome = applyTo(before, happening(event));
        expect(`${kind} ${status}: ${inWords(before, outcome)}`).toBe(
          `${kind} ${status}: ${expected(event, kind, status)}`,
        );
        if (outcome.kind === 'refused') expect(outcome.reason).toMatch(/^(It|An?) .+\.$/);
      }
  });

  it('says what is open, what counts, and what becomes of the cost', () => {
    const said = DECISION_STATUSES.map((status) => {
      const { open, counts, budget } = STATUS_TRAITS[status];
      return `${status} ${open ? 'open' : 'closed'} ${counts ? 'counts' : '-'} ${budget}`;
    });
    expect(said).toEqual([
      'held_out closed - none',
      'pending_approval open - reserved',
      'open open - reserved',
      'presented open counts reserved',
      'acknowledged open counts none',
      'snoozed open counts none',
      'accepted closed counts spent',
      'declined closed counts released',
      'expired closed counts released',
      'lapsed closed - released',
      'cleared closed - released',
      'superseded closed - released',
      'rejected closed - released',
      'withdrawn closed - released',
      'resolved closed counts none',
    ]);
    expect(OPEN_STATUSES).toEqual(['pending_approval', 'open', 'presented', 'acknowledged', 'snoozed']);
  });
});

const anyHappening = fc.record({
  event: fc.constantFrom(...EVENTS),
  at: fc.integer({ min: -1, max: 30 }).map(day),
  actor: fc.constant('someone'),
  until: fc.option(fc.integer({ min: 0, max: 40 }).map(day)),
  terms: fc.constantFrom('', 'terms', 'other'),
  revision: fc.record({
    costMinor: fc.constantFrom(7, 120_000),
    status: fc.constantFrom<DecisionStatus>('pending_approval'),
    waitsFor: fc.constant('changed_terms'),
    terms: fc.constantFrom('terms', 'other'),
  }),
});
const anyStart = fc.record({
  kind: fc.constantFrom(...EVENT_TYPES),
  waits: fc.boolean(),
  expiresAt: fc.option(fc.integer({ min: 1, max: 25 }).map(day)),
  dueAt: fc.option(fc.integer({ min: 1, max: 25 }).map(day)),
  keepUntil: fc.integer({ min: 0, max: 5 }).map(day),
  clearAfterDays: fc.integer({ min: 0, max: 5 }),
});
const open = ({ waits, ...more }: { waits: boolean } & Partial<Decision>) =>
  decision({
    ...more,
    ...(waits ? { status: 'pending_approval', waitsFor: 'discount_approval' } : {}),
  });

describe('whatever happens to a decision', () => {
  const everyStep = (check: (before: Decision, happening: Happening, outcome: Outcome) => void) =>
    fc.assert(
      fc.property(anyStart, fc.array(anyHappening, { maxLength: 25 }), (start, happenings) => {
        let known = open(start);
        const beginning = known;
        for (const any of happenings) {
          // What is undone goes back to something that it was before.
          const next = any.event === 'corrected' ? { ...any, revision: beginning } : any;
          const outcome = applyTo(known, next);
          check(known, next, outcome);
          if (outcome.kind === 'changed') known = outcome.event.decision;
        }
      }),
      { numRuns: 400 },
    );

  it('every change is one that the table allows, and every refusal says why', () => {
    everyStep((before, { event, at, actor }, outcome) => {
      if (outcome.kind === 'refused') expect(outcome.reason.length).toBeGreaterThan(10);
      if (outcome.kind !== 'changed') return;
      const { decision: next } = outcome.event;
      expect(outcome.event).toMatchObject({ event, at, actor, causeId: '' });
      expect(next.version).toBe(before.version + 1);
      const cell = expected(event, before.kind, before.status);
      expect(cell).not.toBe('-');
      if (next.status === before.status) return;
      // The cells are of day 10: what came before that time, or a wait for approval, may make something else of it.
      const others: Partial<Record<DecisionEventName, readonly string[]>> = {
        presented: ['expired'],
        revised: ['pending_approval'],
        reopened: ['open', 'presented', 'pending_approval'],
        corrected: ['open', 'pending_approval'],
      };
      expect([cell, ...(others[event] ?? [])]).toContain(next.status);
    });
  });

  it('what it says of itself fits its status', () => {
    everyStep((before, { event }, outcome) => {
      if (outcome.kind !== 'changed') return;
      const { decision: next } = outcome.event;
      expect(next.closedAt === null).toBe(isOpen(next));
      expect(next.timerAt).toBe(timerOf(next));
      expect(next.snoozedUntil !== null).toBe(next.status === 'snoozed');
      if (isOpen(next)) expect(next.waitsFor !== '').toBe(next.status === 'pending_approval');
      if (['accepted', 'declined', 'resolved'].includes(next.status))
        expect(next.answeredAt).toBe(next.closedAt);
      else expect(next.answeredAt).toBeNull();
      if (next.confirmedAt !== null) expect(next.status).toBe('accepted');
      if (STATUS_TRAITS[next.status].counts && !(next.kind === 'touchpoint' && next.status === 'snoozed'))
        expect(wasSeen(next)).toBe(true);
      // Offers and touchpoints that are open and were seen are presented, and nothing else.
      if (next.kind !== 'escalation' && isOpen(next)) expect(wasSeen(next)).toBe(next.status === 'presented');
      if (next.status === 'lapsed' && next.kind !== 'escalation' && wasSeen(next))
        expect(next.presentedAt).toBeGreaterThan(next.closedAt!);
      const { decisionId, openedAt, ordinal, kind, action, rule, rulesRevision } = before;
      expect(next).toMatchObject({ decisionId, openedAt, ordinal, kind, action, rule, rulesRevision });
      // What was once seen stays seen, and is never seen later than it was, but where that was said by mistake.
      if (wasSeen(before) && event !== 'corrected')
        expect(next.presentedAt).toBeLessThanOrEqual(before.presentedAt!);
    });
  });

  it('doing it again changes nothing', () => {
    everyStep((_before, next, outcome) => {
      if (outcome.kind === 'changed') expect(applyTo(outcome.event.decision, next).kind).not.toBe('changed');
    });
  });

  it('time alone changes it finitely often, each time when it is due', () => {
    fc.assert(
      fc.property(anyStart, fc.array(anyHappening, { maxLength: 10 }), (start, happenings) => {
        let known = open(start);
        for (const next of happenings) {
          const outcome = applyTo(known, next);
          if (outcome.kind === 'changed') known = outcome.event.decision;
        }
        for (let steps = 0; known.timerAt !== null; steps++) {
          expect(steps).toBeLessThan(5);
          expect(dueHappening(known, known.timerAt - 1)).toBeUndefined();
          const due = dueHappening(known, known.timerAt)!;
          expect(due).toMatchObject({ at: known.timerAt, actor: 'time' });
          const outcome = applyTo(known, due);
          expect(outcome.kind).toBe('changed');
          if (outcome.kind === 'changed') known = outcome.event.decision;
        }
      }),
    );
  });
});

describe('answers of customers', () => {
  const answersTo = (kind: EventType) =>
    fc.array(
      fc.record({
        event: fc.constantFrom<Happening['event']>(
          ...(kind === 'offer'
            ? (['presented', 'accepted', 'declined', 'confirmed'] as const)
            : kind === 'touchpoint'
              ? (['presented', 'resolved'] as const)
              : (['resolved'] as const)),
        ),
        at: fc.integer({ min: 1, max: 12 }).map(day),
      }),
      { minLength: 1, maxLength: 6 },
    );

  it('come to the same in whatever order they arrive, to what is open and to what has closed', () => {
    const given = fc
      .constantFrom(...EVENT_TYPES)
      .chain((kind) => fc.tuple(fc.constant(kind), answersTo(kind)))
      .chain(([kind, answers]) =>
        fc.record({
          kind: fc.constant(kind),
          status: fc.constantFrom<DecisionStatus>(
            'open',
            'pending_approval',
            'lapsed',
            'cleared',
            'withdrawn',
          ),
          answers: fc.constant(answers),
          otherwise: fc.shuffledSubarray(answers, { minLength: answers.length }),
        }),
      );
    fc.assert(
      fc.property(given, ({ kind, status, answers, otherwise }) => {
        const came = (order: typeof answers) =>
          order.reduce(
            (known, next) => {
              const outcome = applyTo(known, { ...next, actor: 'crm' });
              return outcome.kind === 'changed' ? outcome.event.decision : known;
            },
            inStatus(status, kind),
          );
        const [one, other] = [came(answers), came(otherwise)];
        const said = ({ status: final, presentedAt, confirmedAt }: Decision) => ({
          final,
          presentedAt,
          confirmedAt,
        });
        expect(said(other)).toEqual(said(one));
        // Of what was declined before billing granted it no order tells when it had been accepted.
        if (one.confirmedAt === null) {
          const { answeredAt, closedAt } = one;
          expect(other).toMatchObject({ answeredAt, closedAt });
        }
      }),
      { numRuns: 1_000 },
    );
  });

  // Bug: an acceptance reported after billing had confirmed it counted from the confirmation, in budgets and cooldowns.
  it('accepted when the customer last did, whether that or its confirmation is heard of first', () => {
    const accepted = fc.integer({ min: 1, max: 12 }).map((n) => ({ event: 'accepted', at: day(n) }) as const);
    const confirmed = fc
      .integer({ min: 1, max: 12 })
      .map((n) => ({ event: 'confirmed', at: day(n + 0.5) }) as const);
    const given = fc
      .tuple(
        fc.array(accepted, { minLength: 1, maxLength: 3 }),
        fc.array(confirmed, { minLength: 1, maxLength: 3 }),
      )
      .chain(([answers, grants]) => {
        const all = [...answers, ...grants];
        return fc.tuple(
          fc.constantFrom<DecisionStatus>('open', 'presented', 'lapsed'),
          fc.shuffledSubarray(all, { minLength: all.length }),
        );
      });
    fc.assert(
      fc.property(given, ([status, all]) => {
        const times = (event: string) => all.filter((one) => one.event === event).map(({ at }) => at);
        const after = all.reduce((known, next) => {
          const outcome = applyTo(known, { ...next, actor: 'crm' });
          return outcome.kind === 'changed' ? outcome.event.decision : known;
        }, inStatus(status));
        const last = Math.max(...times('accepted'));
        expect(after).toMatchObject({ status: 'accepted', answeredAt: last, closedAt: last });
        expect(after.confirmedAt).toBe(Math.min(...times('confirmed')));
      }),
      { numRuns: 500 },
    );
  });

  it('hold as they were given last; of one moment the acceptance holds', () => {
    const given = inStatus('open');
    const [yes, no] = [
      { event: 'accepted', at: day(2) },
      { event: 'declined', at: day(3) },
    ] as const;
    expect(lived(given, yes, no)).toMatchObject({ status: 'declined', answeredAt: day(3), closedAt: day(3) });
    expect(lived(given, no)).toMatchObject({ status: 'declined', presentedAt: day(3) });
    expect(lived(given, no, yes)).toMatchObject({
      status: 'declined',
      presentedAt: day(2),
      answeredAt: day(3),
    });
    expect(lived(given, no, { event: 'accepted', at: day(3) })).toMatchObject({ status: 'accepted' });
  });

  // Bug: a refusal that was reported after billing had granted the offer took it back, or not, by the order of arrival.
  it('do not take back what billing has granted', () => {
    const granted = lived(inStatus('open'), { event: 'confirmed', at: day(3) });
    expect(granted).toMatchObject({ status: 'accepted', answeredAt: day(3), confirmedAt: day(3) });
    expect(applyTo(granted, happening('declined')).kind).toBe('unchanged');
    const refused = lived(
      inStatus('open'),
      { event: 'declined', at: day(4) },
      { event: 'confirmed', at: day(3) },
    );
    expect(refused).toMatchObject({ status: 'accepted', answeredAt: day(3), confirmedAt: day(3) });
  });

  // Case A11.
  it('that come after it has closed count from then on', () => {
    const cleared = inStatus('cleared');
    expect(lived(cleared, { event: 'accepted', at: day(6) })).toMatchObject({
      status: 'accepted',
      presentedAt: day(6),
      closedAt: day(6),
    });
    expect(lived(cleared, { event: 'presented', at: day(6) })).toMatchObject({
      status: 'cleared',
      presentedAt: day(6),
      closedAt: day(5),
    });
  });

  it('that say it had been seen before it lapsed make that an expiry', () => {
    const lapsed = inStatus('lapsed');
    const late = { event: 'presented', at: day(3) } as const;
    expect(lived(lapsed, late)).toMatchObject({ status: 'expired', presentedAt: day(3), closedAt: day(5) });
    expect(lived(lapsed, { event: 'presented', at: day(6) })).toMatchObject({ status: 'lapsed' });
    expect(lived(lapsed, { event: 'presented', at: day(6) }, late)).toMatchObject({ status: 'expired' });
  });

  // Bug: the table did not allow it, and it was accepted all the same.
  it('say nothing about what was held out: nobody was ever asked', () => {
    for (const event of ['presented', 'accepted', 'confirmed', 'declined'] as const)
      expect(applyTo(inStatus('held_out'), happening(event))).toMatchObject({
        kind: 'refused',
        reason: expect.stringContaining('held out'),
      });
  });
});

describe('approval', () => {
  const waiting = inStatus('pending_approval', 'offer', { terms: 'now' });

  // Case A12.
  it('names the terms that it approves, and refuses others', () => {
    expect(applyTo(waiting, happening('approved', { terms: 'then' }))).toEqual({
      kind: 'refused',
      reason: 'Its terms have changed: approved were then, and now they are now.',
    });
    for (const terms of ['now', ''])
      expect(lived(waiting, { event: 'approved', terms })).toMatchObject({
        status: 'open',
        waitsFor: '',
        approvedTerms: 'now',
      });
  });

  it('is moot once the customer has seen it', () => {
    expect(lived(waiting, { event: 'presented' })).toMatchObject({ status: 'presented', waitsFor: '' });
  });

  // Bug: what was to be done within four hours was overdue at the moment in which it was approved.
  it('gives the owner the time to act from then on', () => {
    const urgent = inStatus('pending_approval', 'escalation', { dueAt: day(1), dueHours: 24 });
    expect(timerOf(urgent)).toBeNull();
    expect(lived(urgent, { event: 'approved', at: day(9) })).toMatchObject({
      dueAt: day(10),
      timerAt: day(10),
    });
  });

  // Bug: rejected and opened again, a discount was open that nobody had approved; so was what closed while it waited.
  it.each(['rejected', 'withdrawn', 'cleared', 'superseded', 'lapsed'] as const)(
    'is still wanted by what is opened again after it was %s',
    (event) => {
      const again = lived(waiting, { event }, { event: 'reopened', at: day(12) });
      expect(again).toMatchObject({ status: 'pending_approval', waitsFor: 'discount_approval' });
      const approved = lived(waiting, { event: 'approved' }, { event: 'withdrawn' });
      expect(lived(approved, { event: 'reopened', at: day(12) })).toMatchObject({
        status: 'open',
        waitsFor: '',
      });
    },
  );
});

describe('what is opened again', () => {
  it('has its whole time again, and no answer', () => {
    const lapsed = inStatus('lapsed', 'offer', {
      expiresAt: day(14),
      keepUntil: day(7),
      conditionFalseSince: null,
    });
    expect(lived(lapsed, { event: 'reopened', at: day(20) })).toMatchObject({
      status: 'open',
      statusAt: day(20),
      closedAt: null,
      openedAt: day(0),
      expiresAt: day(34),
      keepUntil: day(27),
      answeredAt: null,
      timerAt: day(34),
    });
  });

  // Bug: each time it was opened again, the time since it first opened was added to what it had.
  it('has the same time however often it is opened again, and its owner has to act in time again', () => {
    const start = decision({
      kind: 'escalation',
      expiresAt: day(14),
      keepUntil: day(7),
      dueAt: day(2),
      dueHours: 48,
    });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }), (pauses) => {
        let [known, at] = [start, day(0)];
        for (const pause of pauses) {
          at += pause * DAY_MS;
          known = lived(known, { event: 'withdrawn', at }, { event: 'reopened', at });
          expect(known).toMatchObject({
            openedAt: day(0),
            reopenedAt: at,
            expiresAt: at + 14 * DAY_MS,
            keepUntil: at + 7 * DAY_MS,
            dueAt: at + 2 * DAY_MS,
          });
        }
      }),
    );
  });

  // Bug: it was open, could not be presented, since it had been, and lapsed as if nobody had seen it.
  it('is presented where the customer had seen it, and expires', () => {
    const again = lived(inStatus('expired', 'offer', { expiresAt: day(5) }), {
      event: 'reopened',
      at: day(8),
    });
    expect(again).toMatchObject({ status: 'presented', presentedAt: day(1) });
    expect(dueHappening(again, day(13))).toMatchObject({ event: 'expired', at: day(13) });
  });
});

describe('what rests', () => {
  it('needs a time to come', () => {
    const given = inStatus('open', 'escalation');
    for (const until of [null, day(10), day(9)])
      expect(applyTo(given, happening('snoozed', { until }))).toMatchObject({ kind: 'refused' });
  });

  // Bug: it was taken, and the touchpoint lapsed in the middle of the rest that its owner had asked for.
  it('ends before it runs out', () => {
    const touchpoint = inStatus('open', 'touchpoint', { expiresAt: day(20) });
    const until = (at: number) => applyTo(touchpoint, happening('snoozed', { until: at }));
    expect(until(day(20))).toEqual({
      kind: 'refused',
      reason: 'It runs out at 2025-01-21T00:00:00.000Z: it can rest no longer than that.',
    });
    expect(until(day(19)).kind).toBe('changed');
  });

  it('counts as taken by its owner; a touchpoint has still not been shown', () => {
    const snoozed = { event: 'snoozed', until: day(20) } as const;
    expect(lived(inStatus('open', 'escalation'), snoozed)).toMatchObject({ presentedAt: day(1) });
    const touchpoint = lived(inStatus('open', 'touchpoint'), snoozed);
    expect(touchpoint).toMatchObject({ presentedAt: null });
    // Bug: it could not be presented any more, and so lapsed.
    expect(lived(touchpoint, { event: 'presented', at: day(2) })).toMatchObject({
      status: 'presented',
      presentedAt: day(2),
      snoozedUntil: null,
    });
  });
});

describe('timers', () => {
  const due = (more: Partial<Decision>, at = day(100)) => dueHappening(decision(more), at);
  const last = { presentedAt: day(1), expiresAt: day(14) };

  it.each<[string, Partial<Decision>, Happening['event'], number]>([
    ['an offer nobody saw', { expiresAt: day(14) }, 'lapsed', 14],
    ['an offer that waited', { status: 'pending_approval', expiresAt: day(14) }, 'lapsed', 14],
    ['an offer that was seen', { status: 'presented', ...last }, 'expired', 14],
    ['what rests', { kind: 'escalation', status: 'snoozed', snoozedUntil: day(3) }, 'woken', 3],
    ['what nobody acted upon', { kind: 'escalation', dueAt: day(2) }, 'overdue', 2],
    [
      'what rests too long',
      { kind: 'escalation', status: 'snoozed', snoozedUntil: day(9), dueAt: day(2) },
      'overdue',
      2,
    ],
    ['what has lost its reason', { conditionFalseSince: day(2) }, 'cleared', 9],
    ['what must live longer', { conditionFalseSince: day(2), keepUntil: day(12) }, 'cleared', 12],
    ['what may go at once', { conditionFalseSince: day(2), clearAfterDays: 0 }, 'cleared', 2],
    ['the first of several', { conditionFalseSince: day(2), expiresAt: day(8), dueAt: day(20) }, 'lapsed', 8],
  ])('fire for %s', (_what, more, event, at) => {
    expect(due(more)).toMatchObject({ event, at: day(at), actor: 'time' });
    expect(due(more, day(at))).toMatchObject({ event });
    expect(due(more, day(at) - 1)).toBeUndefined();
    expect(timerOf(decision(more))).toBe(day(at));
  });

  it.each<[string, Partial<Decision>]>([
    ['has no time limit', {}],
    ['was taken by its owner', { kind: 'escalation', status: 'acknowledged', dueAt: day(2) }],
    ['is overdue already', { kind: 'escalation', dueAt: day(2), overdueAt: day(2) }],
    ['waits for approval', { kind: 'escalation', status: 'pending_approval', dueAt: day(2) }],
    [
      'the customer has seen, whatever its condition',
      { status: 'presented', presentedAt: day(1), conditionFalseSince: day(2) },
    ],
    ['has closed', { status: 'declined', closedAt: day(1), ...last }],
  ])('never fire for what %s', (_what, more) => {
    expect(due(more)).toBeUndefined();
    expect(timerOf(decision(more))).toBeNull();
  });
});
