import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { STATUS_NAMES } from '../../../api/decision-messages.js';
import { KIND_NAMES } from '../../../api/messages.js';
import {
  Code,
  ConnectError,
  type DecisionFilterSchema,
  type Decision as DecisionPb,
  each,
  type Perennial,
} from '../../../client/index.js';
import { chunksOf } from '../../../core/chunks.js';
import { PerennialError } from '../../../core/errors.js';
import type { Decision } from '../../../decisions/decision.js';
import type { DecisionFilter } from '../../../store/decision-list.js';
import { decisionOf } from '../../remote-decisions.js';
import { fromServer } from '../../running-engine.js';
import { approvedTerms, type CommandGiven, commandId, type Desk, inOrder } from './desk.js';
import { findDecisions } from './find-decisions.js';

/** Decisions a page asks for: the most that the API gives. */
const PAGE = 1_000;

/** Decisions that are acted upon at a time: most of the time of a step is waiting. */
const AT_ONCE = 8;

/** Decisions of an engine that runs, through its API: it alone writes them. */
export function deskOfApi({ decisions }: Perennial): Desk {
  const filtered = async (filter: DecisionFilter) => {
    const request = {
      filter: filterMessage(filter),
      pageSize: Math.min(PAGE, filter.limit),
      ...(filter.order === undefined ? {} : { orderBy: filter.order }),
    };
    const found: Decision[] = [];
    for await (const message of each(decisions.listDecisions, 'decisions', request)) {
      found.push(decisionOf(message));
      if (found.length === filter.limit) break;
    }
    return found;
  };
  const named = (ids: readonly string[]) => findDecisions(filtered, ids);
  return {
    filtered,
    named,
    read: async (ids) => inOrder(ids, await named(ids)),
    async act(chosen, command) {
      const changed: string[] = [];
      const refusals: { decisionId: string; reason: string }[] = [];
      const actOn = async (row: Decision): Promise<void> => {
        try {
          const { decisionId, version } = await step(decisions, row, command);
          if (version !== row.version && (await hasChanged(decisions, row, command)))
            changed.push(decisionId);
        } catch (thrown) {
          const { code } = ConnectError.from(thrown);
          if (code !== Code.FailedPrecondition && code !== Code.NotFound) throw thrown;
          // Without the hint, which is for those who call the API.
          refusals.push({
            decisionId: row.decisionId,
            reason: PerennialError.from(fromServer(thrown)).message,
          });
        }
      };
      for (const some of chunksOf(chosen, AT_ONCE)) await Promise.all(some.map(actOn));
      return { changed, refusals };
    },
  };
}

/** Whether it was this command that changed a decision, and no one else's at the same time. */
async function hasChanged(
  client: Perennial['decisions'],
  row: Decision,
  command: CommandGiven,
): Promise<boolean> {
  const { events } = await client.listDecisionEvents({
    decisionId: row.decisionId,
    requestId: commandId(row, command),
  });
  return events.some(({ decision }) => decision !== undefined && decision.version > row.version);
}

function step(client: Perennial['decisions'], row: Decision, command: CommandGiven): Promise<DecisionPb> {
  const { reason, actor } = command;
  const request = { decisionId: row.decisionId, reason, actor, requestId: commandId(row, command) };
  switch (command.kind) {
    case 'approve':
      return client.approveDecision({ ...request, terms: approvedTerms(row, command) });
    case 'reject':
      return client.rejectDecision(request);
    case 'present':
      return client.presentDecision(request);
    case 'acknowledge':
      return client.acknowledgeDecision(request);
    case 'snooze':
      return client.snoozeDecision({ ...request, snoozeTime: timestampFromMs(command.until ?? command.at) });
    case 'resolve':
      return client.resolveDecision(request);
    case 'withdraw':
      return client.withdrawDecision(request);
    case 'reopen':
      return client.reopenDecision(request);
    default:
      throw new PerennialError('internal', `No command is called ${command.kind}.`);
  }
}

function filterMessage(filter: DecisionFilter): MessageInitShape<typeof DecisionFilterSchema> {
  const { statuses = [], kinds = [], rules = [], actions = [] } = filter;
  return {
    accountId: filter.accountId ?? '',
    subscriptionId: filter.subscriptionId ?? '',
    statuses: valuesOf(STATUS_NAMES, statuses),
    anyStatus: statuses.length === 0,
    kinds: valuesOf(KIND_NAMES, kinds),
    rules: [...rules],
    actions: [...actions],
    owner: filter.owner ?? '',
    waitsFor: filter.waitsFor ?? '',
    ...(filter.openedSince === undefined ? {} : { openFrom: timestampFromMs(filter.openedSince) }),
    ...(filter.openedBefore === undefined ? {} : { openBefore: timestampFromMs(filter.openedBefore) }),
    ...(filter.unconfirmedBefore === undefined
      ? {}
      : { unconfirmedBefore: timestampFromMs(filter.unconfirmedBefore) }),
    overdue: filter.overdue === true,
    decisionIds: [...(filter.ids ?? [])],
  };
}

function valuesOf<Value, Name>(names: ReadonlyMap<Value, Name>, wanted: readonly Name[]): Value[] {
  return [...names].filter(([, name]) => wanted.includes(name)).map(([value]) => value);
}
