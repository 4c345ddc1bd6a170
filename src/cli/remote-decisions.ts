import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { STATUS_NAMES } from '../api/decision-messages.js';
import { BAND_NAMES, KIND_NAMES } from '../api/messages.js';
import type * as pb from '../client/index.js';
import type { Millis } from '../core/clock.js';
import type { Decision, DecisionEvent, DecisionEventName } from '../decisions/decision.js';
import { minorOf, there } from './remote-answers.js';

/** Decisions of a running engine in the form in which the engine has them, so that a command prints both alike. */
export function decisionOf(message: pb.Decision): Decision {
  return {
    accountId: message.accountId,
    subscriptionId: message.subscriptionId,
    decisionId: message.decisionId,
    version: message.version,
    kind: there(KIND_NAMES.get(message.kind)),
    action: message.action,
    ordinal: message.ordinal,
    params: message.params,
    status: there(STATUS_NAMES.get(message.status)),
    statusAt: timestampMs(there(message.statusTime)),
    openedAt: timestampMs(there(message.openTime)),
    reopenedAt: timeOf(message.reopenTime),
    presentedAt: timeOf(message.presentTime),
    answeredAt: timeOf(message.answerTime),
    confirmedAt: timeOf(message.confirmTime),
    closedAt: timeOf(message.closeTime),
    expiresAt: timeOf(message.expireTime),
    dueAt: timeOf(message.dueTime),
    dueHours: message.dueHours ?? null,
    overdueAt: timeOf(message.overdueTime),
    snoozedUntil: timeOf(message.snoozeTime),
    conditionFalseSince: timeOf(message.conditionFalseTime),
    clearAfterDays: message.clearAfterDays,
    keepUntil: timestampMs(there(message.keepTime)),
    timerAt: timeOf(message.nextChangeTime),
    rule: message.rule,
    reasons: message.reasons,
    suppressed: message.suppressions.map(({ rule, kind, action, guardrail, reason }) => ({
      ...{ rule, kind: there(KIND_NAMES.get(kind)), action, guardrail, reason },
    })),
    priority: message.priority,
    candidates: message.candidates.map(({ rule, kind, action, priority, ruling }) => ({
      ...{ rule, kind: there(KIND_NAMES.get(kind)), action, priority },
      ruling: ruling as Decision['candidates'][number]['ruling'],
    })),
    propensity: message.propensity,
    risk: message.risk ?? null,
    band: there(BAND_NAMES.get(message.band)),
    arrMinor: minorOf(message.arr),
    arrAtRiskMinor: minorOf(message.arrAtRisk),
    currency: message.currencyCode,
    owner: message.owner,
    discountPct: message.discountPct,
    discountMonths: message.discountMonths,
    creditMinor: minorOf(message.credit) ?? 0,
    costMinor: minorOf(message.cost) ?? 0,
    terms: message.terms,
    waitsFor: message.waitsFor,
    approvedTerms: message.approvedTerms,
    rulesRevision: message.rulesRevision,
    scoringRevision: message.scoringRevision,
  };
}

export function decisionEventOf({
  event,
  eventTime,
  actor,
  reason,
  causeId,
  decision,
}: pb.DecisionEvent): DecisionEvent {
  return {
    ...{ event: event as DecisionEventName, at: timestampMs(there(eventTime)), actor, reason, causeId },
    decision: decisionOf(there(decision)),
  };
}

function timeOf(time: Timestamp | undefined): Millis | null {
  return time === undefined ? null : timestampMs(time);
}
