import type { Decision } from '../decisions/decision.js';
import { OPEN_STATUSES } from '../decisions/lifecycle.js';
import type { DecisionFilter as DecisionFilterPb } from '../gen/perennial/v1/decision_service_pb.js';
import type { DecisionFilter } from '../store/decision-list.js';
import { STATUS_NAMES } from './decision-messages.js';
import { KIND_NAMES } from './messages.js';
import { namesOf, timeOrNone } from './request.js';
import { invalidFields } from './validate.js';

type Query = Omit<DecisionFilter, 'limit' | 'after' | 'order'>;

/** The filter of a request as the store takes it. `statuses`: what an empty list means. */
export function decisionFilterOf(
  filter: DecisionFilterPb | undefined,
  statuses: readonly Decision['status'][] = OPEN_STATUSES,
): Query {
  if (filter === undefined) return { statuses };
  if (filter.anyStatus && filter.statuses.length > 0)
    throw invalidFields([{ field: 'filter.any_status', description: 'does not go with statuses' }]);
  const openedSince = timeOrNone('filter.open_from', filter.openFrom);
  const openedBefore = timeOrNone('filter.open_before', filter.openBefore);
  const unconfirmedBefore = timeOrNone('filter.unconfirmed_before', filter.unconfirmedBefore);
  const named = namesOf('filter.statuses', filter.statuses, STATUS_NAMES);
  const any = filter.anyStatus || unconfirmedBefore !== undefined;
  return {
    statuses: named.length > 0 ? named : any ? [] : statuses,
    ...(filter.accountId === '' ? {} : { accountId: filter.accountId }),
    ...(filter.subscriptionId === '' ? {} : { subscriptionId: filter.subscriptionId }),
    ...(filter.kinds.length === 0 ? {} : { kinds: namesOf('filter.kinds', filter.kinds, KIND_NAMES) }),
    ...(filter.rules.length === 0 ? {} : { rules: [...filter.rules].sort() }),
    ...(filter.actions.length === 0 ? {} : { actions: [...filter.actions].sort() }),
    ...(filter.owner === '' ? {} : { owner: filter.owner }),
    ...(filter.waitsFor === '' ? {} : { waitsFor: filter.waitsFor }),
    ...(openedSince === undefined ? {} : { openedSince }),
    ...(openedBefore === undefined ? {} : { openedBefore }),
    ...(unconfirmedBefore === undefined ? {} : { unconfirmedBefore }),
    ...(filter.overdue ? { overdue: true } : {}),
    ...(filter.decisionIds.length === 0 ? {} : { ids: [...filter.decisionIds].sort() }),
  };
}

/** Whether a decision is one of those that a filter means: what the store says of its rows, for an event that is in memory. */
export function isDecisionOf(query: Query, decision: Decision): boolean {
  const among = (values: readonly string[] | undefined, value: string) =>
    values === undefined || values.length === 0 || values.includes(value);
  const { openedSince, openedBefore, unconfirmedBefore, overdue, ids } = query;
  return (
    (ids === undefined || ids.some((beginning) => decision.decisionId.startsWith(beginning))) &&
    among(query.statuses, decision.status) &&
    (query.accountId === undefined || query.accountId === decision.accountId) &&
    (query.subscriptionId === undefined || query.subscriptionId === decision.subscriptionId) &&
    among(query.kinds, decision.kind) &&
    among(query.rules, decision.rule) &&
    among(query.actions, decision.action) &&
    (query.owner === undefined || query.owner === decision.owner) &&
    (query.waitsFor === undefined || query.waitsFor === decision.waitsFor) &&
    (openedSince === undefined || decision.openedAt >= openedSince) &&
    (openedBefore === undefined || decision.openedAt < openedBefore) &&
    (unconfirmedBefore === undefined ||
      (decision.status === 'accepted' &&
        decision.confirmedAt === null &&
        (decision.answeredAt ?? 0) < unconfirmedBefore)) &&
    (overdue !== true || (decision.overdueAt !== null && OPEN_STATUSES.includes(decision.status)))
  );
}
