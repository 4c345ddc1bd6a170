import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import type { Millis } from '../core/clock.js';
import type { Decision, DecisionEvent, DecisionStatus, Suppression } from '../decisions/decision.js';
import {
  type DecisionEventSchema,
  type DecisionSchema,
  DecisionStatus as DecisionStatusPb,
  type SuppressionSchema,
} from '../gen/perennial/v1/decision_pb.js';
import type { SuppressionRecordSchema } from '../gen/perennial/v1/decision_service_pb.js';
import type { SuppressionRow } from '../store/decision-log.js';
import { bandMessage, kindMessage, moneyMessage, optional, reversed, timestamp } from './messages.js';

/** Decisions, what happened to them and what was suppressed, as messages. */

const STATUS: Readonly<Record<DecisionStatus, DecisionStatusPb>> = {
  held_out: DecisionStatusPb.HELD_OUT,
  pending_approval: DecisionStatusPb.PENDING_APPROVAL,
  open: DecisionStatusPb.OPEN,
  presented: DecisionStatusPb.PRESENTED,
  acknowledged: DecisionStatusPb.ACKNOWLEDGED,
  snoozed: DecisionStatusPb.SNOOZED,
  accepted: DecisionStatusPb.ACCEPTED,
  declined: DecisionStatusPb.DECLINED,
  expired: DecisionStatusPb.EXPIRED,
  lapsed: DecisionStatusPb.LAPSED,
  cleared: DecisionStatusPb.CLEARED,
  superseded: DecisionStatusPb.SUPERSEDED,
  rejected: DecisionStatusPb.REJECTED,
  withdrawn: DecisionStatusPb.WITHDRAWN,
  resolved: DecisionStatusPb.RESOLVED,
};

export const STATUS_NAMES = reversed(STATUS);

export function decisionMessage(decision: Decision): MessageInitShape<typeof DecisionSchema> {
  const { currency } = decision;
  return {
    decisionId: decision.decisionId,
    subscriptionId: decision.subscriptionId,
    accountId: decision.accountId,
    kind: kindMessage(decision.kind),
    action: decision.action,
    params: decision.params,
    status: STATUS[decision.status],
    statusTime: timestamp(decision.statusAt),
    version: decision.version,
    openTime: timestamp(decision.openedAt),
    ...optional('presentTime', timeMessage(decision.presentedAt)),
    ...optional('answerTime', timeMessage(decision.answeredAt)),
    ...optional('confirmTime', timeMessage(decision.confirmedAt)),
    ...optional('closeTime', timeMessage(decision.closedAt)),
    ...optional('expireTime', timeMessage(decision.expiresAt)),
    ...optional('dueTime', timeMessage(decision.dueAt)),
    ...optional('overdueTime', timeMessage(decision.overdueAt)),
    ...optional('snoozeTime', timeMessage(decision.snoozedUntil)),
    rule: decision.rule,
    reasons: [...decision.reasons],
    candidates: decision.candidates.map((candidate) => ({ ...candidate, kind: kindMessage(candidate.kind) })),
    suppressions: decision.suppressed.map(suppressionMessage),
    propensity: decision.propensity,
    ...optional('risk', decision.risk),
    band: bandMessage(decision.band),
    ...optional('arrAtRisk', moneyMessage(decision.arrAtRiskMinor, currency)),
    ...optional('cost', moneyMessage(decision.costMinor || null, currency)),
    ...optional('credit', moneyMessage(decision.creditMinor || null, currency)),
    discountPct: decision.discountPct,
    discountMonths: decision.discountMonths,
    owner: decision.owner,
    terms: decision.terms,
    waitsFor: decision.waitsFor,
    rulesRevision: decision.rulesRevision,
    scoringRevision: decision.scoringRevision,
    currencyCode: currency,
    ...optional('arr', moneyMessage(decision.arrMinor, currency)),
    ordinal: decision.ordinal,
    priority: decision.priority,
    approvedTerms: decision.approvedTerms,
    ...optional('reopenTime', timeMessage(decision.reopenedAt)),
    ...optional('conditionFalseTime', timeMessage(decision.conditionFalseSince)),
    clearAfterDays: decision.clearAfterDays,
    keepTime: timestamp(decision.keepUntil),
    ...optional('nextChangeTime', timeMessage(decision.timerAt)),
    ...optional('dueHours', decision.dueHours),
  };
}

export function decisionEventMessage({
  event,
  at,
  actor,
  reason,
  causeId,
  decision,
}: DecisionEvent): MessageInitShape<typeof DecisionEventSchema> {
  return { event, eventTime: timestamp(at), actor, reason, causeId, decision: decisionMessage(decision) };
}

export function suppressionMessage({
  rule,
  kind,
  action,
  guardrail,
  reason,
}: Suppression): MessageInitShape<typeof SuppressionSchema> {
  return { rule, kind: kindMessage(kind), action, guardrail, reason };
}

/** A suppression with its subscription and time. */
export function suppressionRecordMessage(
  row: SuppressionRow,
): MessageInitShape<typeof SuppressionRecordSchema> {
  return {
    accountId: row.accountId,
    subscriptionId: row.subscriptionId,
    asOf: timestamp(row.asOf),
    suppression: suppressionMessage(row),
    rulesRevision: row.rulesRevision,
  };
}

function timeMessage(time: Millis | null): Timestamp | null {
  return time === null ? null : timestamp(time);
}
