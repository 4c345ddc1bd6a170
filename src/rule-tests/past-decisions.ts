import { DAY_MS } from '../core/clock.js';
import type { Decision, DecisionStatus } from '../decisions/decision.js';
import type { PAST_ENDS, PastDecision } from '../rules/rule-test-file.js';

/** The subscription that the decisions of a test are about. */
export const WHO = { accountId: 'account', subscriptionId: 'subscription' };

type PastEnd = (typeof PAST_ENDS)[number] & DecisionStatus;

/** Ends that come, as a rule, before anybody has seen the decision. */
const UNSEEN: ReadonlySet<DecisionStatus> = new Set([
  'cleared',
  'superseded',
  'withdrawn',
  'rejected',
  'lapsed',
]);

/** What a test says that was decided before, as decisions. */
export function pastDecisions(history: readonly PastDecision[], now: number): Decision[] {
  const daysAgo = (days: number): number => now - days * DAY_MS;
  return history.map((past, i): Decision => {
    const { type: kind, action, opened_days_ago, presented_days_ago, closed_days_ago } = past;
    const openedAt = daysAgo(opened_days_ago);
    const closedAt = closed_days_ago === undefined ? null : daysAgo(closed_days_ago);
    const end: PastEnd | null = closedAt === null ? null : (past.closed_as ?? usualEnd(kind));
    const seen = presented_days_ago === undefined ? usuallySeen(end, opened_days_ago) : presented_days_ago;
    const presentedAt = seen === null ? null : daysAgo(seen);
    const status =
      end ?? (presentedAt === null ? 'open' : kind === 'escalation' ? 'acknowledged' : 'presented');
    return {
      ...NOTHING_KNOWN,
      kind,
      action,
      status,
      openedAt,
      presentedAt,
      closedAt,
      decisionId: `past ${i}`,
      ordinal: i + 1,
      statusAt: closedAt ?? presentedAt ?? openedAt,
      keepUntil: openedAt,
    };
  });
}

function usualEnd(kind: Decision['kind']): PastEnd {
  return kind === 'offer' ? 'declined' : 'resolved';
}

function usuallySeen(end: PastEnd | null, openedDaysAgo: number): number | null {
  return end !== null && UNSEEN.has(end) ? null : openedDaysAgo;
}

/** What a test does not say of a decision, and no guardrail asks. */
const NOTHING_KNOWN = {
  ...WHO,
  version: 1,
  params: {},
  reopenedAt: null,
  answeredAt: null,
  confirmedAt: null,
  expiresAt: null,
  dueAt: null,
  dueHours: null,
  overdueAt: null,
  snoozedUntil: null,
  conditionFalseSince: null,
  clearAfterDays: 0,
  timerAt: null,
  rule: '',
  reasons: [],
  suppressed: [],
  priority: 1,
  candidates: [],
  propensity: 1,
  risk: null,
  band: 'unknown',
  arrMinor: null,
  arrAtRiskMinor: null,
  currency: '',
  owner: '',
  discountPct: 0,
  discountMonths: 0,
  creditMinor: 0,
  costMinor: 0,
  terms: '',
  waitsFor: '',
  approvedTerms: '',
  rulesRevision: '',
  scoringRevision: '',
} satisfies Partial<Decision>;
