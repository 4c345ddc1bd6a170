import { DAY_MS, HOUR_MS, type Millis } from '../core/clock.js';
import {
  DECISION_STATUSES,
  type Decision,
  type DecisionEvent,
  type DecisionEventName,
  type DecisionStatus,
} from './decision.js';

/*
 * The life of a decision. Nothing else changes a status.
 *
 *                        approved                presented              accepted --confirmed-> accepted
 *   pending_approval -----------------> open ----------------> presented -------> declined
 *        |   ^                          | | ^                      |               expired
 *        |   +--- revised --------------+ | +- woken --+           |
 *        |                                |            |           |
 *        | rejected                       +-> acknowledged <-> snoozed
 *        v                                |            |           |
 *     rejected                            +------------+-----------+--> lapsed, cleared, superseded, withdrawn, resolved
 *
 * - Customers' answers (presented, accepted, confirmed, declined, resolved) are taken in every status but `held_out`, in any
 *   order and however late: of acceptances and refusals the one that was given last holds, an acceptance before a refusal
 *   of the same moment. What billing has confirmed stays accepted. A late answer to what had closed unseen makes it count.
 * - An offer or touchpoint that runs out after the customer saw it has expired, before that it has lapsed; what has lapsed
 *   and turns out to have been seen before has expired.
 * - What people do (approved, rejected, acknowledged, snoozed, withdrawn, reopened) needs the status that the table names;
 *   elsewhere it is refused with a reason, and doing it again changes nothing.
 * - An approval names the terms it approves. Terms that change while nobody has seen them wait anew.
 * - An answer that was taken back (its outcome was corrected or retracted) undoes what came of it: the decision is again what it
 *   was before, and answers and outcomes that came since then are applied anew (`restoration.ts`).
 * - What is opened again goes back to where it was: presented if the customer had seen it, waiting if it closed while it
 *   waited for approval, else open. Where its terms would need an approval now that they never had, it waits for it.
 */
/** What a status means for everything that counts decisions. */
export interface StatusTraits {
  /** Whether something is still to be done. */
  readonly open: boolean;
  /** Whether the customer or owner has had it: what caps and cooldowns count. */
  readonly counts: boolean;
  /** What becomes of its cost in budgets. */
  readonly budget: 'none' | 'reserved' | 'spent' | 'released';
}

const traits = (open: boolean, counts: boolean, budget: StatusTraits['budget']): StatusTraits => ({
  open,
  counts,
  budget,
});

export const STATUS_TRAITS: Readonly<Record<DecisionStatus, StatusTraits>> = {
  held_out: traits(false, false, 'none'),
  pending_approval: traits(true, false, 'reserved'),
  open: traits(true, false, 'reserved'),
  presented: traits(true, true, 'reserved'),
  acknowledged: traits(true, true, 'none'),
  snoozed: traits(true, true, 'none'),
  accepted: traits(false, true, 'spent'),
  declined: traits(false, true, 'released'),
  expired: traits(false, true, 'released'),
  lapsed: traits(false, false, 'released'),
  cleared: traits(false, false, 'released'),
  superseded: traits(false, false, 'released'),
  rejected: traits(false, false, 'released'),
  withdrawn: traits(false, false, 'released'),
  resolved: traits(false, true, 'none'),
};

export const OPEN_STATUSES: readonly DecisionStatus[] = DECISION_STATUSES.filter(
  (status) => STATUS_TRAITS[status].open,
);
/** Closed without an answer: a person may open them again. */
const UNANSWERED: readonly DecisionStatus[] = [
  'expired',
  'lapsed',
  'cleared',
  'superseded',
  'rejected',
  'withdrawn',
];

export function isOpen({ status }: Pick<Decision, 'status'>): boolean {
  return STATUS_TRAITS[status].open;
}

/** Whether a customer or owner has had it, in whatever status it is now. */
export function wasSeen({ presentedAt }: Pick<Decision, 'presentedAt'>): boolean {
  return presentedAt !== null;
}

/** In which statuses an event may happen, and the status after it; null: the status stays. */
interface Transition {
  readonly from: readonly DecisionStatus[];
  readonly to: DecisionStatus | null;
  /** For which kinds of decision; all when absent. */
  readonly kinds?: readonly Decision['kind'][];
}

const EVERY: readonly DecisionStatus[] = DECISION_STATUSES.filter((status) => status !== 'held_out');
const WORKED_ON: readonly Decision['kind'][] = ['escalation', 'touchpoint'];
const SHOWN: readonly Decision['kind'][] = ['offer', 'touchpoint'];

export const TRANSITIONS: Readonly<Record<Exclude<DecisionEventName, 'opened' | 'held_out'>, Transition>> = {
  revised: { from: ['pending_approval', 'open'], to: null },
  approved: { from: ['pending_approval'], to: 'open' },
  rejected: { from: ['pending_approval'], to: 'rejected' },
  presented: { from: EVERY, to: 'presented', kinds: SHOWN },
  acknowledged: { from: ['open', 'snoozed'], to: 'acknowledged', kinds: ['escalation'] },
  snoozed: { from: ['open', 'acknowledged', 'snoozed'], to: 'snoozed', kinds: WORKED_ON },
  woken: { from: ['snoozed'], to: 'open' },
  overdue: { from: ['open', 'snoozed'], to: null },
  accepted: { from: EVERY, to: 'accepted', kinds: ['offer'] },
  confirmed: { from: EVERY, to: 'accepted', kinds: ['offer'] },
  declined: { from: EVERY, to: 'declined', kinds: ['offer'] },
  expired: { from: ['presented'], to: 'expired' },
  lapsed: { from: ['pending_approval', 'open', 'snoozed', 'acknowledged'], to: 'lapsed' },
  resolved: { from: EVERY, to: 'resolved', kinds: WORKED_ON },
  condition_false: { from: OPEN_STATUSES, to: null },
  condition_true: { from: OPEN_STATUSES, to: null },
  cleared: { from: OPEN_STATUSES, to: 'cleared' },
  superseded: { from: OPEN_STATUSES, to: 'superseded' },
  withdrawn: { from: OPEN_STATUSES, to: 'withdrawn' },
  reopened: { from: UNANSWERED, to: 'open' },
  corrected: { from: EVERY, to: null },
};

/** Something that is to happen to a decision. */
export interface Happening {
  readonly event: Exclude<DecisionEventName, 'opened' | 'held_out'>;
  readonly at: Millis;
  readonly actor: string;
  readonly reason?: string;
  /** The outcome or command behind it. */
  readonly causeId?: string;
  /** For `snoozed`: until when. */
  readonly until?: Millis | null | undefined;
  /** For `approved`: the terms that are approved; absent or empty: those it has. */
  readonly terms?: string;
  /** For `reopened`: what has to approve it first; absent: nothing new. */
  readonly waitsFor?: string;
  /** For `revised`: the fields that change; for `corrected`: the decision as it was before the answer. */
  readonly revision?: Partial<Decision>;
}

/** What became of a happening: an event, nothing new, or a refusal with its reason. */
export type Outcome =
  | { readonly kind: 'changed'; readonly event: DecisionEvent }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly reason: string };

const UNCHANGED: Change = { outcome: { kind: 'unchanged' } };
const refused = (reason: string): Change => ({ outcome: { kind: 'refused', reason } });

/** Applies one happening to a decision. Pure; the decision that comes out has a version one higher. */
export function applyTo(decision: Decision, happening: Happening): Outcome {
  const { event } = happening;
  const transition = TRANSITIONS[event];
  if (transition.kinds !== undefined && !transition.kinds.includes(decision.kind))
    return {
      kind: 'refused',
      reason: `${article(decision.kind)} can't be ${words(event)}; ${transition.kinds.join('s and ')}s can.`,
    };
  const { outcome, change } = changeOf(decision, happening, transition);
  if (outcome !== undefined) return outcome;
  const changed = { ...decision, ...change, version: decision.version + 1 };
  const next: Decision = { ...changed, timerAt: timerOf(changed) };
  const { at, actor, reason = '', causeId = '' } = happening;
  return { kind: 'changed', event: { event, at, actor, reason, causeId, decision: next } };
}

/** The fields that an event changes; or, in place of a change, why there is none. */
interface Change {
  readonly change?: Partial<Decision>;
  readonly outcome?: Outcome;
}

/** What an event changes, or why it changes nothing. */
function changeOf(decision: Decision, happening: Happening, { from, to }: Transition): Change {
  const { event, at, until = null, terms = '', revision = {} } = happening;
  const { status, kind } = decision;
  if (status === 'held_out')
    return refused('It is held out from a comparison: it is recorded, and nothing is done with it.');
  const answered = changeByAnswer(decision, event, at);
  if (answered !== undefined) return answered;
  const entering = (fields: Partial<Decision> = {}): Change => ({
    change: { ...(to === null ? {} : moved(to, at)), ...fields },
  });
  if ((status === to && event !== 'snoozed') || (event === 'reopened' && isOpen(decision))) return UNCHANGED;
  if (!from.includes(status))
    return refused(
      `It is ${words(status)}; only what is ${from.map(words).join(', ')} can be ${words(event)}.`,
    );
  switch (event) {
    case 'approved':
      if (terms !== '' && terms !== decision.terms)
        return refused(`Its terms have changed: approved were ${terms}, and now they are ${decision.terms}.`);
      return entering({
        approvedTerms: decision.terms,
        // Its owner gets to know of it only now.
        dueAt: dueAfter(decision, at),
      });
    case 'acknowledged':
      return entering({ snoozedUntil: null, ...seen(decision, at) });
    case 'snoozed':
      if (until === null || until <= at) return refused('It needs a time to come until which it rests.');
      if (decision.expiresAt !== null && until >= decision.expiresAt)
        return refused(
          `It runs out at ${new Date(decision.expiresAt).toISOString()}: it can rest no longer than that.`,
        );
      if (status === 'snoozed' && decision.snoozedUntil === until) return UNCHANGED;
      // Its owner has taken it; a touchpoint that rests has still not been shown to the customer.
      return entering({ snoozedUntil: until, ...(kind === 'escalation' ? seen(decision, at) : {}) });
    case 'woken':
      return entering({ snoozedUntil: null });
    case 'overdue':
      return decision.overdueAt === null ? only({ overdueAt: at }) : UNCHANGED;
    case 'condition_false':
      return decision.conditionFalseSince === null ? only({ conditionFalseSince: at }) : UNCHANGED;
    case 'condition_true':
      return decision.conditionFalseSince === null ? UNCHANGED : only({ conditionFalseSince: null });
    case 'revised':
      return says(revision, decision) ? UNCHANGED : only(revision);
    case 'corrected': {
      const { version: _, ...before } = revision;
      return says(before, decision) ? UNCHANGED : only(before);
    }
    case 'reopened': {
      const shown = kind !== 'escalation' && wasSeen(decision);
      const waitsFor = decision.waitsFor === '' ? (happening.waitsFor ?? '') : decision.waitsFor;
      const place = shown ? 'presented' : waitsFor === '' ? 'open' : 'pending_approval';
      // However often it is opened again, it has the time that it had first.
      const from = decision.reopenedAt ?? decision.openedAt;
      return only({
        ...moved(place, at),
        waitsFor: place === 'pending_approval' ? waitsFor : '',
        reopenedAt: at,
        expiresAt: decision.expiresAt === null ? null : at + (decision.expiresAt - from),
        keepUntil: at + (decision.keepUntil - from),
        overdueAt: null,
        dueAt: dueAfter(decision, at),
      });
    }
    default:
      return entering();
  }
}

/**
 * What an answer of a customer changes; undefined when the event is none. The result is the same in whatever order they come; only
 * when an offer was accepted depends on what was heard of first where it was also declined before billing granted it, or where one
 * of several acceptances is of the very moment of the grant: no field says whose moment it was.
 */
function changeByAnswer(decision: Decision, event: Happening['event'], at: Millis): Change | undefined {
  const { status, presentedAt, answeredAt, confirmedAt, closedAt } = decision;
  const shown = seen(decision, at);
  /** Billing has granted it, and nobody has said when the customer accepted. */
  const isBillings = status === 'accepted' && confirmedAt !== null && answeredAt === confirmedAt;
  const entering = (to: DecisionStatus, fields: Partial<Decision> = {}): Change =>
    only({ ...moved(to, at), ...shown, ...fields });
  // It says nothing that is not known, or only that it was seen earlier.
  const late = (): Change => (presentedAt !== null && presentedAt <= at ? UNCHANGED : only(shown));
  switch (event) {
    case 'presented':
      if (isOpen(decision) && (status !== 'presented' || at < presentedAt!))
        return entering('presented', { snoozedUntil: null });
      // What had closed by then stays closed, and counts from now on.
      return status === 'lapsed' && at <= closedAt! ? only({ status: 'expired', ...shown }) : late();
    case 'accepted':
    case 'declined': {
      const later = answeredAt === null || at > answeredAt;
      const outweighs = event === 'accepted' && status === 'declined' && at === answeredAt;
      const granted = event === 'declined' && confirmedAt !== null;
      // Reported only after billing had granted it: until then that stood for it.
      const own = event === 'accepted' && isBillings;
      return (later || outweighs || own) && !granted ? entering(event, { answeredAt: at }) : late();
    }
    case 'confirmed':
      if (confirmedAt !== null && confirmedAt <= at) return late();
      if (status === 'accepted' && !isBillings) return only({ confirmedAt: at, ...shown });
      // Billing has granted it: then it was accepted, whether anyone reported that or not.
      return entering('accepted', { confirmedAt: at, answeredAt: at });
    case 'resolved':
      if (status === 'resolved' && answeredAt! <= at) return UNCHANGED;
      return entering('resolved', { answeredAt: at });
    default:
      return undefined;
  }
}

const only = (fields: Partial<Decision>): Change => ({ change: fields });

/** By when its owner has to act who gets to know of it at a time. */
function dueAfter({ dueHours }: Decision, at: Millis): Millis | null {
  return dueHours === null ? null : at + dueHours * HOUR_MS;
}

function seen({ presentedAt }: Decision, at: Millis): Pick<Decision, 'presentedAt'> {
  return { presentedAt: presentedAt === null ? at : Math.min(presentedAt, at) };
}

/** Whether a decision says already what a revision would make of it. */
function says(revision: Partial<Decision>, decision: Decision): boolean {
  return (Object.keys(revision) as (keyof Decision)[]).every((name) => decision[name] === revision[name]);
}

/** The status and what follows from it alone. */
function moved(status: DecisionStatus, at: Millis): Partial<Decision> {
  const open = STATUS_TRAITS[status].open;
  return {
    status,
    statusAt: at,
    closedAt: open ? null : at,
    // What closes while it waits still needs its approval, should it be opened again.
    ...(status === 'pending_approval' || UNANSWERED.includes(status) ? {} : { waitsFor: '' }),
    ...(open ? {} : { snoozedUntil: null, conditionFalseSince: null }),
  };
}

/**
 * What time alone makes of a decision by `now`, in the order in which it falls due: it expires or lapses, wakes, is overdue,
 * or is cleared because its condition has been false for long enough; not so where the condition is known to hold now.
 */
export function dueHappening(decision: Decision, now: Millis, holds = false): Happening | undefined {
  const due = timersOf(decision).filter(({ event, at }) => at <= now && !(holds && event === 'cleared'));
  return due.length === 0 ? undefined : due.reduce((first, next) => (next.at < first.at ? next : first));
}

/** When the next of those is due; null: never. */
export function timerOf(decision: Decision): Millis | null {
  const times = timersOf(decision).map(({ at }) => at);
  return times.length === 0 ? null : Math.min(...times);
}

function timersOf(decision: Decision): Happening[] {
  if (!isOpen(decision)) return [];
  const { status, expiresAt, snoozedUntil, dueAt, overdueAt, conditionFalseSince, keepUntil } = decision;
  const timers: Happening[] = [];
  const add = (event: Happening['event'], at: Millis | null, reason: string): void => {
    if (at !== null) timers.push({ event, at, actor: 'time', reason });
  };
  add(status === 'presented' ? 'expired' : 'lapsed', expiresAt, 'Its time ran out.');
  if (status === 'snoozed') add('woken', snoozedUntil, 'The time it was snoozed for is over.');
  if (overdueAt === null && (status === 'open' || status === 'snoozed'))
    add('overdue', dueAt, 'Nobody acted in time.');
  // What a customer has seen is not taken back because a condition changed.
  if (conditionFalseSince !== null && status !== 'presented') {
    const cleared = Math.max(conditionFalseSince + decision.clearAfterDays * DAY_MS, keepUntil);
    add('cleared', cleared, `Its condition has been false for ${decision.clearAfterDays} days.`);
  }
  return timers;
}

const words = (name: string): string => name.replaceAll('_', ' ');
const article = (kind: string): string => (/^[aeiou]/.test(kind) ? `An ${kind}` : `A ${kind}`);
