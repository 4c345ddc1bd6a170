import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { KIND_NAMES, STATUS_NAMES } from '../../../api/messages.js';
import {
  Code,
  ConnectError,
  type Decision,
  type DecisionFilterSchema,
  type Perennial,
} from '../../../client/index.js';
import { PerennialError } from '../../../core/errors.js';
import type { DecisionFilter } from '../../../store/decision-log.js';
import { RemoteStore } from '../../remote-store.js';
import { fromServer } from '../../running-engine.js';
import { type CommandGiven, commandId, type DecisionRow, type Desk, readInOrder } from './desk.js';
import { findDecisions } from './find-decisions.js';

interface ApiRow extends DecisionRow {
  readonly terms: string;
  readonly version: number;
}

/** Decisions a page asks for: the most that the API gives. */
const PAGE = 1_000;

/** Decisions of an engine that runs, through its API: it alone writes them. An approval names the terms that were shown. */
export function deskOfApi(running: Perennial): Desk<ApiRow> {
  const { decisions } = running;
  const store = new RemoteStore(running);
  return {
    read: (ids) => readInOrder(store, ids),
    async named(ids) {
      // Beginnings of ids are looked up where the engine that runs looks.
      const whole = ids.every((id) => /^[0-9a-f]{32}$/.test(id));
      const known = whole ? ids : (await findDecisions(store, ids)).map(({ decisionId }) => decisionId);
      const rows: ApiRow[] = [];
      for (const decisionId of known) rows.push(rowOf(await decisions.getDecision({ decisionId })));
      return rows;
    },
    async filtered(filter) {
      const rows: ApiRow[] = [];
      let pageToken = '';
      do {
        const page = await decisions.listDecisions({
          filter: filterMessage(filter),
          pageSize: PAGE,
          pageToken,
        });
        rows.push(...page.decisions.map(rowOf));
        pageToken = page.nextPageToken;
      } while (pageToken !== '' && rows.length < filter.limit);
      return rows.slice(0, filter.limit);
    },
    async act(chosen, command) {
      const changed: string[] = [];
      const refusals: { decisionId: string; reason: string }[] = [];
      for (const row of chosen) {
        try {
          const decision = await step(decisions, row, command);
          if (decision.version !== row.version) changed.push(decision.decisionId);
        } catch (thrown) {
          const { code } = ConnectError.from(thrown);
          if (code !== Code.FailedPrecondition && code !== Code.NotFound) throw thrown;
          // Without the hint, which is for those who call the API.
          refusals.push({
            decisionId: row.decisionId,
            reason: PerennialError.from(fromServer(thrown)).message,
          });
        }
      }
      return { changed, refusals };
    },
  };
}

function step(client: Perennial['decisions'], row: ApiRow, command: CommandGiven): Promise<Decision> {
  const { reason, actor } = command;
  const request = { decisionId: row.decisionId, reason, actor, requestId: commandId(row, command) };
  switch (command.kind) {
    case 'approve':
      return client.approveDecision({ ...request, terms: command.terms || row.terms });
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
  };
}

function valuesOf<Value, Name>(names: ReadonlyMap<Value, Name>, wanted: readonly Name[]): Value[] {
  return [...names].filter(([, name]) => wanted.includes(name)).map(([value]) => value);
}

function rowOf(decision: Decision): ApiRow {
  return {
    decisionId: decision.decisionId,
    openedAt: decision.openTime === undefined ? 0 : timestampMs(decision.openTime),
    subscriptionId: decision.subscriptionId,
    kind: KIND_NAMES.get(decision.kind)!,
    action: decision.action,
    status: STATUS_NAMES.get(decision.status)!,
    waitsFor: decision.waitsFor,
    costMinor: Number(decision.cost?.minorUnits ?? 0n),
    currency: decision.cost?.currencyCode ?? '',
    rule: decision.rule,
    reasons: decision.reasons,
    terms: decision.terms,
    version: decision.version,
  };
}
