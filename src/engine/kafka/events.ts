import { valueAt } from '../../columns/column.js';
import { sortedKeys } from '../../columns/sorted-keys.js';
import type { Millis } from '../../core/clock.js';
import { stableId } from '../../core/identity.js';
import {
  DECISION_FIELDS,
  type Decision,
  type DecisionEvent,
  type FieldKind,
} from '../../decisions/decision.js';
import type { KeyedMessage } from '../../kafka/requests.js';
import type { Scoring } from '../../scoring/load.js';
import { BANDS } from '../../scoring/scorecard.js';
import { CATEGORIES } from '../../signals/signal.js';
import { columnName } from '../../store/decision-table.js';
import type { ScoredBatch } from '../../store/risk-rows.js';

/**
 * What Perennial publishes, as CloudEvents 1.0 in structured mode (docs/events.md). Ids are made of what the event says:
 * the same risk, or the same state of a decision, has the same id however often it is published.
 */
interface CloudEvent {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly time: Millis;
  readonly data: Readonly<Record<string, unknown>>;
}

const HEADERS = { 'content-type': 'application/cloudevents+json; charset=utf-8' };

function message(key: string, { id, type, subject, time, data }: CloudEvent): KeyedMessage {
  const event = {
    specversion: '1.0',
    id,
    source: 'perennial',
    type,
    subject,
    time: new Date(time).toISOString(),
    datacontenttype: 'application/json',
    data,
  };
  return { key, value: JSON.stringify(event), headers: HEADERS };
}

/**
 * The key of a subscription on `perennial.risks`: account and subscription, each percent-encoded, with a slash between them. The
 * subscription alone would not do: two accounts may each have one of that name.
 */
export function riskKey(accountId: string, subscriptionId: string): string {
  return `${encodeURIComponent(accountId)}/${encodeURIComponent(subscriptionId)}`;
}

/** Takes a subscription that is no longer scored off the topic: it ended, or goes by another name or account now. */
export function riskTombstone(accountId: string, subscriptionId: string): KeyedMessage {
  return { key: riskKey(accountId, subscriptionId), value: null };
}

/** The risks of a batch. Key: the subscription and its account, so that compaction keeps the latest risk of each. */
export function riskMessages(scored: ScoredBatch, scoring: Scoring, asOf: Millis): KeyedMessage[] {
  const { batch, scores, arrAtRisk } = scored;
  const messages: KeyedMessage[] = [];
  for (let row = 0; row < batch.length; row++) {
    const value = (name: string) => valueAt(batch.column(name), row);
    const accountId = String(value('account_id'));
    const subscriptionId = String(value('subscription_id'));
    const renewal = value('renewal') as Millis | null;
    const band = BANDS[scores.band[row]!]!;
    const subScores = CATEGORIES.map((category) => [category, valueAt(scores.categoryRisk[category], row)]);
    messages.push(
      message(riskKey(accountId, subscriptionId), {
        id: stableId('risk', accountId, subscriptionId, asOf, scoring.revision),
        type: 'perennial.risk.scored',
        subject: subscriptionId,
        time: asOf,
        data: {
          account_id: accountId,
          subscription_id: subscriptionId,
          as_of: iso(asOf),
          risk: valueAt(scores.risk, row),
          renewal_probability: valueAt(scores.renewalProbability, row),
          band,
          coverage: scores.coverage[row],
          sub_scores: Object.fromEntries(subScores),
          arr_minor: value('arr_minor'),
          currency: value('currency') ?? '',
          arr_at_risk_minor: valueAt(arrAtRisk, row),
          renewal: renewal === null ? null : iso(renewal),
          segment: value('segment') ?? '',
          scorecard: scoring.scorecards[scores.scorecard[row]!]!.name,
          scoring_revision: scoring.revision,
        },
      }),
    );
  }
  return messages;
}

/** One event of a decision, with the decision after it. Key: the account, so that its events are read in order. */
export function decisionMessage({
  event,
  at,
  actor,
  reason,
  causeId,
  decision,
}: DecisionEvent): KeyedMessage {
  const { accountId, subscriptionId, decisionId, version } = decision;
  return message(accountId, {
    id: stableId('decision', decisionId, version),
    type: `perennial.decision.${event}`,
    subject: subscriptionId,
    time: at,
    data: { event, at: iso(at), actor, reason, cause_id: causeId, decision: decisionData(decision) },
  });
}

/**
 * Every field of a decision under the name of its column; times as RFC 3339, parameters in the order of their names: an event
 * that is published once more, by who takes its account over and reads it from the store, is the same text.
 */
function decisionData(decision: Decision): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(DECISION_FIELDS).map(([name, { kind }]) => [
      columnName(name),
      publishedValue(kind, decision[name as keyof Decision]),
    ]),
  );
}

function publishedValue(kind: FieldKind, value: Decision[keyof Decision]): unknown {
  if (value === null) return null;
  if (kind === 'time' || kind === 'optional_time') return iso(value as Millis);
  if (kind !== 'text_map') return value;
  const map = value as Readonly<Record<string, string>>;
  return Object.fromEntries(sortedKeys(map).map((key) => [key, map[key]]));
}

function iso(time: Millis): string {
  return new Date(time).toISOString();
}
