import { randomUUID } from 'node:crypto';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { type Clock, systemClock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { stableId } from '../core/identity.js';
import { type Asked, assertSameCall } from '../core/request-id.js';
import {
  type Answer,
  COMMAND_EVENTS,
  type CommandName,
  happeningOf,
  OUTCOME_EVENTS,
} from '../decisions/answer.js';
import type { Decision } from '../decisions/decision.js';
import { applyTo, dueHappening } from '../decisions/lifecycle.js';
import { ChangeFeed } from '../engine/change-feed.js';
import type { Decider } from '../engine/decider.js';
import type { Moments } from '../engine/moments.js';
import type { Questions } from '../engine/questions.js';
import { DecisionEventSchema, DecisionSchema } from '../gen/perennial/v1/decision_pb.js';
import {
  type DecideRequest,
  DecisionService,
  type GetDecisionRequest,
  type ListDecisionEventsRequest,
  type ListDecisionsRequest,
  type ListSuppressionsRequest,
  Moment as MomentPb,
  SuppressionRecordSchema,
  type WatchDecisionsRequest,
} from '../gen/perennial/v1/decision_service_pb.js';
import type { StoredEvent } from '../store/changes.js';
import { DECISION_ORDERS, positionOf } from '../store/decision-list.js';
import type { SuppressionFilter } from '../store/suppression-list.js';
import type { Logger } from '../telemetry/log.js';
import { decisionFilterOf, isDecisionOf } from './decision-filter.js';
import {
  decisionEventMessage,
  decisionMessage,
  suppressionMessage,
  suppressionRecordMessage,
} from './decision-messages.js';
import { pageOf } from './page.js';
import { pageTokens, timeInToken } from './page-token.js';
import { orderOf, pageSizeOf, timeOrNone } from './request.js';
import { riskMessage } from './risk-messages.js';
import { type CallContext, type Rpc, serverStream, unary } from './rpc.js';
import { invalidFields } from './validate.js';

const decisionTokens = pageTokens(
  'ListDecisions',
  z.strictObject({ at: timeInToken.nullable(), decisionId: z.string() }),
);
const suppressionTokens = pageTokens(
  'ListSuppressions',
  z.strictObject({
    asOf: timeInToken,
    subscriptionId: z.string(),
    rule: z.string(),
    action: z.string(),
    guardrail: z.string(),
  }),
);

const eventTokens = pageTokens('ListDecisionEvents', z.strictObject({ version: z.int().min(1) }));
const watchTokens = pageTokens('WatchDecisions', z.strictObject({ at: timeInToken }), 'resume_token');

export interface DecisionServiceOptions {
  readonly questions: Questions;
  readonly decider: Decider;
  readonly moments: Moments;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What every request about one decision's life has. */
interface LifeRequest {
  readonly decisionId: string;
  readonly reason: string;
  readonly actor: string;
  readonly requestId: string;
  readonly validateOnly: boolean;
}

type AnswerKind = CommandName | keyof typeof OUTCOME_EVENTS;

export function decisionService({
  questions,
  decider,
  moments,
  clock,
  log,
}: DecisionServiceOptions): readonly Rpc[] {
  const events = new ChangeFeed<StoredEvent>(
    {
      read: (from, limit, offset) => questions.eventsSince(from, limit, offset),
      at: ({ storedAt }) => storedAt,
      key: ({ event: { decision } }) => `${decision.decisionId}/${decision.version}`,
    },
    // The store gives events their time, by its own clock.
    { clock: systemClock, log },
  );

  async function* watchDecisions(request: WatchDecisionsRequest, { signal }: CallContext) {
    const filter = decisionFilterOf(request.filter, []);
    const resumed = watchTokens.read(request.resumeToken, filter);
    for await (const { changes, cursor } of events.watch(resumed?.at, signal)) {
      const wanted = changes.filter(({ event }) => isDecisionOf(filter, event.decision));
      yield {
        events: wanted.map(({ event }) => decisionEventMessage(event)),
        resumeToken: watchTokens.write({ at: cursor }, filter),
      };
    }
  }

  const getDecision = async ({ decisionId }: GetDecisionRequest, { signal }: CallContext) =>
    decisionMessage(await questions.decision(decisionId, signal));

  const listDecisionEvents = async (
    { decisionId, requestId, pageSize, pageToken }: ListDecisionEventsRequest,
    { caller, signal }: CallContext,
  ) => {
    const query = { decisionId, requestId };
    const after = eventTokens.read(pageToken, query)?.version ?? 0;
    const all = await questions.decisionEvents(decisionId, signal);
    const steps = new Set(STEPS.map((kind) => stepId(caller.name, kind, decisionId, requestId)));
    const wanted = requestId === '' ? all : all.filter(({ causeId }) => steps.has(causeId));
    const left = wanted.filter(({ decision }) => decision.version > after);
    const { messages, last } = pageOf(left, pageSizeOf(pageSize), DecisionEventSchema, decisionEventMessage);
    return {
      events: messages,
      nextPageToken: last ? eventTokens.write({ version: last.decision.version }, query) : '',
    };
  };

  const listDecisions = async (request: ListDecisionsRequest, { signal }: CallContext) => {
    const pageSize = pageSizeOf(request.pageSize);
    const order = orderOf(DECISION_ORDERS, request.orderBy);
    const query = { ...decisionFilterOf(request.filter), order };
    const after = decisionTokens.read(request.pageToken, query);
    // One more than asked for tells whether there is a next page.
    const position = after === undefined ? {} : { after };
    const found = await questions.decisions({ ...query, ...position, limit: pageSize + 1 }, signal);
    const { messages, last } = pageOf(found, pageSize, DecisionSchema, decisionMessage);
    return {
      decisions: messages,
      nextPageToken: last ? decisionTokens.write(positionOf(last, order), query) : '',
    };
  };

  const listSuppressions = async (request: ListSuppressionsRequest, { signal }: CallContext) => {
    const pageSize = pageSizeOf(request.pageSize);
    const from = timeOrNone('start_time', request.startTime);
    const before = timeOrNone('end_time', request.endTime);
    const query: Omit<SuppressionFilter, 'limit' | 'after'> = {
      ...(request.accountId === '' ? {} : { accountId: request.accountId }),
      ...(request.subscriptionId === '' ? {} : { subscriptionId: request.subscriptionId }),
      ...(request.rule === '' ? {} : { rule: request.rule }),
      ...(request.guardrail === '' ? {} : { guardrail: request.guardrail }),
      ...(from === undefined ? {} : { from }),
      ...(before === undefined ? {} : { before }),
    };
    const after = suppressionTokens.read(request.pageToken, query);
    const position = after === undefined ? {} : { after };
    const found = await questions.suppressions({ ...query, ...position, limit: pageSize + 1 }, signal);
    const { messages, last } = pageOf(found, pageSize, SuppressionRecordSchema, suppressionRecordMessage);
    return {
      suppressions: messages,
      nextPageToken: last ? suppressionTokens.write(placeOf(last), query) : '',
    };
  };

  const decide = async (request: DecideRequest, call: CallContext) => {
    const { subscriptionId, reason, requestId, validateOnly } = request;
    const { caller, signal } = call;
    const kind = MOMENTS[request.moment];
    const answer = await moments.answer(
      { subscriptionId, kind, reason, caller: caller.name, requestId, validateOnly },
      signal,
    );
    call.about(answer.accountId, subscriptionId);
    return {
      risk: riskMessage(answer.risk),
      decisions: answer.decisions.map(decisionMessage),
      suppressions: answer.suppressions.map(suppressionMessage),
      rulesRevision: answer.rulesRevision,
      repeatedAnswer: answer.repeated,
    };
  };

  const step = async (
    kind: AnswerKind,
    request: LifeRequest,
    call: CallContext,
    more: Partial<Pick<Answer, 'until' | 'terms'>> = {},
  ) => {
    const { decisionId, reason, requestId } = request;
    const decision = await questions.decision(decisionId, call.signal);
    const { accountId } = decision;
    call.about(accountId, decisionId);
    const answer: Answer = {
      accountId,
      decisionId,
      answerId: stepId(call.caller.name, kind, decisionId, requestId || randomUUID()),
      kind,
      at: clock(),
      actor: request.actor === '' ? call.caller.name : request.actor,
      reason,
      until: more.until ?? null,
      // Whoever names none approves those it has now, and not what becomes of them while it waits for its turn.
      terms: kind === 'approve' ? more.terms || decision.terms : '',
    };
    if (request.validateOnly) return decisionMessage(previewOf(decision, answer));
    const refused = await decider.answer(answer, call.signal);
    // What was there first under a request id stays, whether it came before or at the same time.
    const first = requestId === '' ? undefined : await questions.answerGiven(answer, call.signal);
    if (first !== undefined) assertSameCall(askedBy(first, more), askedBy(answer, more));
    if (refused !== undefined) throw refusedStep(decisionId, refused.reason);
    return decisionMessage(await questions.decision(decisionId, call.signal));
  };
  const plain = (kind: AnswerKind) => (request: LifeRequest, call: CallContext) => step(kind, request, call);

  const { method } = DecisionService;
  return [
    unary(method.getDecision, 'lookup', getDecision),
    unary(method.listDecisionEvents, 'lookup', listDecisionEvents),
    unary(method.listDecisions, 'work', listDecisions),
    unary(method.listSuppressions, 'work', listSuppressions),
    serverStream(method.watchDecisions, 'stream', watchDecisions),
    unary(method.decide, 'write', decide),
    unary(method.approveDecision, 'write', (request, call) =>
      step('approve', request, call, { terms: request.terms }),
    ),
    unary(method.rejectDecision, 'write', plain('reject')),
    unary(method.presentDecision, 'write', plain('present')),
    unary(method.acknowledgeDecision, 'write', plain('acknowledge')),
    unary(method.snoozeDecision, 'write', (request, call) =>
      step('snooze', request, call, { until: untilOf(request.snoozeTime, clock) }),
    ),
    unary(method.resolveDecision, 'write', plain('resolve')),
    unary(method.withdrawDecision, 'write', plain('withdraw')),
    unary(method.reopenDecision, 'write', plain('reopen')),
    unary(method.acceptDecision, 'write', plain('offer_accepted')),
    unary(method.declineDecision, 'write', plain('offer_declined')),
  ];
}

const STEPS = Object.keys({ ...COMMAND_EVENTS, ...OUTCOME_EVENTS }) as readonly AnswerKind[];

/** Under which id a caller's step is kept: the same for each try of one request. */
function stepId(caller: string, kind: AnswerKind, decisionId: string, requestId: string): string {
  return `call/${stableId(caller, kind, decisionId, requestId)}`;
}

const MOMENTS = {
  [MomentPb.UNSPECIFIED]: null,
  [MomentPb.CANCEL_INTENT]: 'cancel_intent',
  [MomentPb.CANCEL_INTENT_WITHDRAWN]: 'cancel_intent_withdrawn',
} as const;

/** What a step asks for. Terms that it does not name are those that the decision has at the time. */
function askedBy({ reason, actor, until, terms }: Answer, named: Partial<Pick<Answer, 'terms'>>): Asked {
  return { reason, actor, snooze_time: until, ...(named.terms ? { terms } : {}) };
}

/** The decision as the answer would leave it. Throws `failed_precondition` where its status does not allow that. */
function previewOf(decision: Decision, answer: Answer): Decision {
  let current = decision;
  for (
    let due = dueHappening(current, answer.at);
    due !== undefined;
    due = dueHappening(current, answer.at)
  ) {
    const elapsed = applyTo(current, due);
    if (elapsed.kind !== 'changed') break;
    current = elapsed.event.decision;
  }
  const outcome = applyTo(current, happeningOf(answer)!);
  if (outcome.kind === 'refused') throw refusedStep(decision.decisionId, outcome.reason);
  return outcome.kind === 'changed' ? outcome.event.decision : current;
}

function refusedStep(decisionId: string, reason: string): PerennialError {
  return new PerennialError('failed_precondition', reason, {
    reason: 'DECISION_STATUS',
    subject: { type: 'decision', name: decisionId },
    hint: 'GetDecision says how it stands, and ListDecisionEvents how it came to that.',
  });
}

function untilOf(time: Timestamp | undefined, clock: Clock): number {
  const until = timeOrNone('snooze_time', time);
  if (until !== undefined && until > clock()) return until;
  throw invalidFields([{ field: 'snooze_time', description: 'is not a time to come' }]);
}

function placeOf(last: {
  asOf: number;
  subscriptionId: string;
  rule: string;
  action: string;
  guardrail: string;
}) {
  const { asOf, subscriptionId, rule, action, guardrail } = last;
  return { asOf, subscriptionId, rule, action, guardrail };
}
