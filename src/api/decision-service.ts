import { z } from 'zod';
import { OPEN_STATUSES } from '../decisions/lifecycle.js';
import type { Questions } from '../engine/questions.js';
import type * as decisionPb from '../gen/perennial/v1/decision.js';
import type { DecisionFilter } from '../store/decision-log.js';
import type { Calls } from './calls.js';
import { decisionMessage, KIND_NAMES, STATUS_NAMES } from './messages.js';
import { pageTokens } from './page-token.js';
import { idOrEmpty, namesOf, pageSizeOf } from './request.js';

const tokens = pageTokens('ListDecisions', z.strictObject({ openedAt: z.int(), decisionId: z.string() }));

export function decisionService(questions: Questions, calls: Calls): decisionPb.DecisionServiceServer {
  const listDecisions = async (
    request: decisionPb.ListDecisionsRequest,
  ): Promise<decisionPb.ListDecisionsResponse> => {
    const pageSize = pageSizeOf(request.pageSize);
    const statuses = namesOf('statuses', request.statuses, STATUS_NAMES);
    const query = {
      subscriptionId: idOrEmpty('subscription_id', request.subscriptionId),
      accountId: idOrEmpty('account_id', request.accountId),
      statuses: statuses.length === 0 ? OPEN_STATUSES : statuses,
      kinds: namesOf('kinds', request.kinds, KIND_NAMES),
    };
    const after = tokens.read(request.pageToken, query);
    const filter: DecisionFilter = {
      statuses: query.statuses,
      kinds: query.kinds,
      ...(query.subscriptionId === '' ? {} : { subscriptionId: query.subscriptionId }),
      ...(query.accountId === '' ? {} : { accountId: query.accountId }),
      ...(after === undefined ? {} : { after }),
      // One more than asked for tells whether there is a next page.
      limit: pageSize + 1,
    };
    const found = await questions.decisions(filter);
    const page = found.slice(0, pageSize);
    const last = page.at(-1);
    const nextPageToken =
      found.length <= pageSize || last === undefined
        ? ''
        : tokens.write({ openedAt: last.openedAt, decisionId: last.decisionId }, query);
    return { decisions: page.map(decisionMessage), nextPageToken };
  };

  return { listDecisions: calls.unary(listDecisions) };
}
