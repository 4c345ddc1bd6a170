import type { Millis } from '../core/clock.js';
import type { Happening } from './lifecycle.js';

/** What the customer or a colleague did with a decision: an outcome that names it, or a command of a person. */
export interface Answer {
  readonly accountId: string;
  readonly decisionId: string;
  /** Identity of the outcome or command: given twice, it counts once. */
  readonly answerId: string;
  /** Kind of the outcome, or name of the command. */
  readonly kind: string;
  readonly at: Millis;
  /** The person, or the producer of the outcome. */
  readonly actor: string;
  readonly reason: string;
  /** For `snooze`: until when. */
  readonly until: Millis | null;
  /** For `approve`: the terms that are approved; empty: those it has. */
  readonly terms: string;
  /** It does not hold any more, since its outcome was corrected or retracted: what came of it is undone. */
  readonly takenBack?: true;
}

/** What outcomes do to the decision that they name. Outcomes of other kinds say nothing about it. */
export const OUTCOME_EVENTS = {
  offer_presented: 'presented',
  offer_accepted: 'accepted',
  offer_confirmed: 'confirmed',
  offer_declined: 'declined',
  offer_expired: 'expired',
  touchpoint_presented: 'presented',
  touchpoint_responded: 'resolved',
  escalation_acknowledged: 'acknowledged',
  escalation_resolved: 'resolved',
} as const satisfies Record<string, Happening['event']>;

/** What people do to decisions by command or call. */
export const COMMAND_EVENTS = {
  approve: 'approved',
  reject: 'rejected',
  present: 'presented',
  acknowledge: 'acknowledged',
  snooze: 'snoozed',
  resolve: 'resolved',
  withdraw: 'withdrawn',
  reopen: 'reopened',
} as const satisfies Record<string, Happening['event']>;
export type CommandName = keyof typeof COMMAND_EVENTS;

const EVENTS: Readonly<Record<string, Happening['event']>> = { ...OUTCOME_EVENTS, ...COMMAND_EVENTS };

/** The answer as something that happens to its decision; undefined when it is of a kind that says nothing about one. */
export function happeningOf(answer: Answer): Happening | undefined {
  const event = EVENTS[answer.kind];
  if (event === undefined) return undefined;
  const { at, actor, reason, answerId, until, terms } = answer;
  return { event, at, actor, reason, causeId: answerId, until, terms };
}
