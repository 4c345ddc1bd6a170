import { z } from 'zod';
import { OPEN_STATUSES } from '../decisions/lifecycle.js';
import type { Questions } from '../engine/questions.js';
import { DecisionService, type ListDecisionsRequest } from '../gen/perennial/v1/decision_pb.js';
import type { DecisionFilter } from '../store/decision-log.js';
import { decisionMessage, KIND_NAMES, STATUS_NAMES } from './messages.js';
import { pageTokens } from './page-token.js';
import { namesOf, pageSizeOf } from './request.js';
import { type Rpc, unary } from './rpc.js';

const tokens = pageTokens('ListDecisions', z.strictObject({ openedAt: z.int(), decisionId: z.string() }));

export function decisionService(questions: Questions): readonly Rpc[] {
  const listDecisions = async (request: ListDecisionsRequest) => {
    const pageSize = pageSizeOf(request.pageSize);
    const statuses = namesOf('statuses', request.statuses, STATUS_NAMES);
    const query = {
      subscriptionId: request.subscriptionId,
      accountId: request.accountId,
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

  return [unary(DecisionService.method.listDecisions, 'work', listDecisions)];
}
