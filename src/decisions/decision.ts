import type { Millis } from '../core/clock.js';
import type { EventType } from '../rules/event.js';
import type { Band } from '../scoring/scorecard.js';

/** Where a decision can stand; `lifecycle.ts` says what each status means and how it is reached. */
export const DECISION_STATUSES = [
  'held_out',
  'pending_approval',
  'open',
  'presented',
  'acknowledged',
  'snoozed',
  'accepted',
  'declined',
  'expired',
  'lapsed',
  'cleared',
  'superseded',
  'rejected',
  'withdrawn',
  'resolved',
] as const;
export type DecisionStatus = (typeof DECISION_STATUSES)[number];

/** What had fired and was suppressed, and why. */
export interface Suppression {
  readonly rule: string;
  readonly kind: EventType;
  /** The offer, or the topic of the escalation or touchpoint. */
  readonly action: string;
  /** Guardrail of rules/guardrails.yaml, "one_open_offer" or "brake". */
  readonly guardrail: string;
  /** In a sentence. */
  readonly reason: string;
}

/** A rule that had fired when a decision was chosen, with what became of it. */
export interface Candidate {
  readonly rule: string;
  readonly kind: EventType;
  readonly action: string;
  readonly priority: number;
  readonly ruling: 'chosen' | 'opened_too' | 'open_already' | 'suppressed';
}

/** How a field is kept in a table: each kind has one encoder and one reader in `store/decision-table.ts`. */
export type FieldKind =
  | 'text'
  | 'time'
  | 'optional_time'
  | 'number'
  | 'optional_number'
  | 'integer'
  | 'optional_integer'
  | 'texts'
  | 'text_map'
  | 'json';

export interface Field<T> {
  readonly kind: FieldKind;
  /** Shown in SQL clients and in docs/sql.md. */
  readonly description: string;
  /** Never there: carries the type of the value. */
  readonly type?: T;
}

const of =
  (kind: FieldKind) =>
  <T>(description: string): Field<T> => ({ kind, description });
const text = of('text')<string>;
const time = of('time')<Millis>;
const optionalTime = of('optional_time')<Millis | null>;
const number = of('number')<number>;
const optionalNumber = of('optional_number')<number | null>;
const integer = of('integer')<number>;
const optionalInteger = of('optional_integer')<number | null>;

/**
 * Every field of a decision, once: the type, the columns of its tables (in snake_case) and their comments follow from this
 * table. A new field is a line here and a migration that adds its column.
 */
export const DECISION_FIELDS = {
  accountId: text('The account'),
  subscriptionId: text('The subscription'),
  decisionId: text('Id, the same however often the decision is computed'),
  version: integer('How many events it has had; the highest version is what holds'),
  kind: of('text')<EventType>('offer, escalation or touchpoint'),
  action: text('Offer, or topic of the escalation or touchpoint'),
  ordinal: integer('Which opening of this action for this subscription it is, from 1'),
  params: of('text_map')<Readonly<Record<string, string>>>(
    'Parameters of the action, details included under "details."',
  ),
  status: of('text')<DecisionStatus>('Where it stands; docs/architecture.md draws its life'),
  statusAt: time('Since when it has that status'),
  openedAt: time('When it opened'),
  reopenedAt: optionalTime('When a person last opened it again, which its times count from; NULL: never'),
  presentedAt: optionalTime('When the customer first saw it, or its owner first took it; NULL: not yet'),
  answeredAt: optionalTime('When the answer that holds was given; NULL: none'),
  confirmedAt: optionalTime('When billing confirmed an accepted offer; NULL: not yet'),
  closedAt: optionalTime('When it closed; NULL: it is open'),
  expiresAt: optionalTime('When it runs out; NULL: it does not'),
  dueAt: optionalTime('By when its owner should have acted; NULL: no limit'),
  dueHours: optionalNumber('Hours that its owner has to act; NULL: no limit'),
  overdueAt: optionalTime('When that time passed without an act; NULL: it has not'),
  snoozedUntil: optionalTime('Until when it rests; NULL: it does not rest'),
  conditionFalseSince: optionalTime("Since when its rule's condition has been false; NULL: it holds"),
  clearAfterDays: number('Days for which the condition must be false before it is cleared'),
  keepUntil: time('It is not cleared by its condition before this time'),
  timerAt: optionalTime('The next time at which it changes by itself; NULL: never'),
  rule: text('Rule that opened it'),
  reasons: of('texts')<readonly string[]>('The conditions as they were met, in words'),
  suppressed: of('json')<readonly Suppression[]>(
    'What else had fired and was suppressed, as JSON: [{rule, kind, action, guardrail, reason}]',
  ),
  priority: integer('Priority of the rule when it was chosen'),
  candidates: of('json')<readonly Candidate[]>(
    'Every rule that had fired then, as JSON: [{rule, kind, action, priority, ruling}]',
  ),
  propensity: number('Probability with which it was chosen among the candidates; 1: always'),
  risk: optionalNumber('Risk when it opened, 0 to 100; NULL: the band was unknown'),
  band: of('text')<Band>('Band when it opened'),
  arrMinor: optionalInteger('ARR its terms were computed with, in minor units; NULL: not known'),
  arrAtRiskMinor: optionalInteger('ARR at risk when it opened, in minor units; NULL: not known'),
  currency: text('ISO 4217; empty: not known'),
  owner: text('Owner of the subscription when it opened; empty: nobody'),
  discountPct: number('Discount that it gives, in per cent; 0: none'),
  discountMonths: integer('Months for which it gives the discount'),
  creditMinor: integer('One-off credit that it gives, in minor units of currency'),
  costMinor: integer('What it gives away, in minor units of currency: discount over its months, and credit'),
  terms: text('Hash of what it offers: an approval names it'),
  waitsFor: text('What asks for approval: a guardrail, or "brake"; empty: nothing'),
  approvedTerms: text('Terms that were approved; empty: none'),
  rulesRevision: text('Revision of the rule set that opened it'),
  scoringRevision: text('Revision of the scoring files it opened under'),
} satisfies Record<string, Field<unknown>>;

type Fields = typeof DECISION_FIELDS;

/** One thing opened for a subscription, as it stands after its latest event. */
export type Decision = {
  readonly [Name in keyof Fields]: Fields[Name] extends Field<infer T> ? T : never;
};

/** One change of a decision: what happened, when, why, the author, and the decision after it. */
export const EVENT_FIELDS = {
  event: of('text')<DecisionEventName>('What happened: docs/architecture.md lists the events'),
  at: time('When it happened'),
  actor: text('Who: a person, a producer of outcomes, "pass" or "time"'),
  reason: text('Why, in words; empty: not given'),
  causeId: text('The outcome or command that caused it; empty: a pass or time'),
} satisfies Record<string, Field<unknown>>;

type EventFields = typeof EVENT_FIELDS;

export type DecisionEvent = {
  readonly [Name in keyof EventFields]: EventFields[Name] extends Field<infer T> ? T : never;
} & { readonly decision: Decision };

/** Everything that can happen to a decision; `lifecycle.ts` says when it may, and what follows. */
export type DecisionEventName =
  | 'opened'
  | 'held_out'
  | 'revised'
  | 'approved'
  | 'rejected'
  | 'presented'
  | 'acknowledged'
  | 'snoozed'
  | 'woken'
  | 'overdue'
  | 'accepted'
  | 'confirmed'
  | 'declined'
  | 'expired'
  | 'lapsed'
  | 'resolved'
  | 'condition_false'
  | 'condition_true'
  | 'cleared'
  | 'superseded'
  | 'withdrawn'
  | 'reopened'
  | 'corrected';

/**
 * What cooldowns, caps and history count as the same action: kind and offer or topic, such as `offer:annual_commitment` or
 * `escalation:failed_payment`.
 */
export function actionKey({ kind, action }: { readonly kind: EventType; readonly action: string }): string {
  return `${kind}:${action}`;
}
