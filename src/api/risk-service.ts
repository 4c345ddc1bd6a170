import { randomUUID } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Clock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { Turns } from '../core/turns.js';
import { ChangeFeed } from '../engine/change-feed.js';
import type { Questions } from '../engine/questions.js';
import type { Risk } from '../engine/risk.js';
import { StatusSchema } from '../gen/google/rpc/status_pb.js';
import { RiskSchema } from '../gen/perennial/v1/risk_pb.js';
import {
  type BatchGetRisksRequest,
  type ExplainRiskRequest,
  type GetRiskRequest,
  type ListRiskHistoryRequest,
  type ListRisksRequest,
  ListRisksResponseSchema,
  RiskService,
  RiskView,
  type WatchRisksRequest,
} from '../gen/perennial/v1/risk_service_pb.js';
import type { ChangedRisk } from '../store/changes.js';
import { RISK_ORDERS } from '../store/risk-list.js';
import type { StoredRisk } from '../store/risk-state.js';
import type { Logger } from '../telemetry/log.js';
import { failureOf, statusOf } from './failure.js';
import { timestamp } from './messages.js';
import { pageOf, ROOM_FOR_ITEMS } from './page.js';
import { pageTokens, timeInToken } from './page-token.js';
import { orderOf, pageSizeOf, timeOrNone } from './request.js';
import { isRiskOf, riskFilterOf } from './risk-filter.js';
import { explanationMessage, riskMessage } from './risk-messages.js';
import { type CallContext, type Rpc, serverStream, unary } from './rpc.js';

type Bytes = Uint8Array<ArrayBuffer>;

/** Where the next page begins of a list that is kept as it was when its first page was asked for. */
const listPosition = z.strictObject({ listId: z.uuid(), position: z.int().min(1), listedAt: timeInToken });
type ListPosition = z.infer<typeof listPosition>;
const tokens = pageTokens('ListRisks', listPosition);
const historyTokens = pageTokens('ListRiskHistory', z.strictObject({ before: timeInToken }));
const watchTokens = pageTokens('WatchRisks', z.strictObject({ at: timeInToken }), 'resume_token');

/** A risk that changed, and its bytes, which are made once for all who watch. */
interface Changed {
  readonly risk: ChangedRisk;
  bytes(): Promise<Bytes>;
}

export function riskService(questions: Questions, clock: Clock, log: Logger): readonly Rpc[] {
  const changed = riskFeed(questions, clock, log);

  // Held as long as the latest risk itself is in memory.
  const encoded = new WeakMap<StoredRisk, Bytes>();
  /** What stands before those bytes in the answer of a batch. */
  const headed = new WeakMap<StoredRisk, Bytes>();

  const latestBytes = async (stored: StoredRisk): Promise<Bytes> => {
    const known = encoded.get(stored);
    if (known !== undefined) return known;
    const bytes = toBinary(RiskSchema, create(RiskSchema, riskMessage(await questions.explained(stored))));
    encoded.set(stored, bytes);
    return bytes;
  };

  /** With `stale_since` while the store is away: bytes of a message that are put behind others are merged into it. */
  const withAge = (bytes: Bytes): Bytes => {
    const { staleSince } = questions;
    if (staleSince === undefined) return bytes;
    const age = create(RiskSchema, { staleSince: timestamp(staleSince) });
    return Buffer.concat([bytes, toBinary(RiskSchema, age)]);
  };

  /** The bytes of a latest risk that is in memory and has been asked about before. */
  const rememberedBytes = ({ subject, asOf, view }: GetRiskRequest): Bytes | undefined => {
    // Any other view is either more, or none that the contract knows.
    const main = view === RiskView.UNSPECIFIED || view === RiskView.MAIN;
    if (asOf !== undefined || !main || subject.case !== 'subscriptionId') return undefined;
    const stored = questions.latestInMemory(subject.value);
    const bytes = stored === undefined ? undefined : encoded.get(stored);
    return bytes === undefined ? undefined : withAge(bytes);
  };

  const getRisk = async ({ subject, asOf, view }: GetRiskRequest, { signal }: CallContext) => {
    const at = timeOrNone('as_of', asOf);
    const subscriptionId =
      subject.case === 'accountId'
        ? (await questions.mostAtRisk(subject.value, signal)).subscriptionId
        : (subject.value ?? '');
    if (at !== undefined) return riskMessage(await questions.risk(subscriptionId, at, signal), view);
    if (view === RiskView.FULL) return riskMessage(await questions.risk(subscriptionId), view);
    return withAge(await latestBytes(await questions.latest(subscriptionId)));
  };

  /** Bytes of each that is asked for, where all are in memory and have been asked about before. */
  const rememberedBatch = ({ subscriptionIds }: BatchGetRisksRequest): Bytes | undefined => {
    if (questions.staleSince !== undefined) return undefined;
    if (subscriptionIds.length === 0 || subscriptionIds.length > LIMITS.subscriptionsOfBatch)
      return undefined;
    const parts: Bytes[] = [];
    for (const id of subscriptionIds) {
      const stored = questions.latestInMemory(id);
      const bytes = stored === undefined ? undefined : encoded.get(stored);
      if (stored === undefined || bytes === undefined) return undefined;
      let head = headed.get(stored);
      if (head === undefined) {
        head = resultHead(id, 2, bytes.length);
        headed.set(stored, head);
      }
      parts.push(head, bytes);
    }
    return Buffer.concat(parts);
  };

  const batchGetRisks = async ({ subscriptionIds }: BatchGetRisksRequest, { signal }: CallContext) => {
    const ids = [...new Set(subscriptionIds)];
    // All at once: those that are not in memory share a query.
    const latest = await Promise.all(
      ids.map((id) => questions.latest(id).catch((thrown: unknown) => absentOr(thrown))),
    );
    signal.throwIfAborted();
    const found = new Map<string, readonly Bytes[]>();
    const turns = new Turns();
    for (const [i, id] of ids.entries()) {
      const one = latest[i]!;
      const absent = one instanceof PerennialError;
      const bytes = absent
        ? toBinary(StatusSchema, statusOf(failureOf(one)))
        : withAge(await latestBytes(one));
      found.set(id, [resultHead(id, absent ? 3 : 2, bytes.length), bytes]);
      await turns.others();
    }
    return Buffer.concat(subscriptionIds.flatMap((id) => found.get(id)!));
  };

  const explainRisk = async (
    { subscriptionId, asOf, compareWith }: ExplainRiskRequest,
    { signal }: CallContext,
  ) => {
    const at = timeOrNone('as_of', asOf);
    const other = timeOrNone('compare_with', compareWith);
    const explanation = await questions.explain(subscriptionId, at, signal);
    const compared = other === undefined ? undefined : await questions.risk(subscriptionId, other, signal);
    const isEarlier = other !== undefined && other < explanation.risk.asOf;
    const change = isEarlier
      ? await questions.change(subscriptionId, other, explanation.risk.asOf, signal)
      : undefined;
    return explanationMessage(explanation, compared, change);
  };

  const listRiskHistory = async (request: ListRiskHistoryRequest, { signal }: CallContext) => {
    const pageSize = pageSizeOf(request.pageSize);
    const { subscriptionId } = request;
    const from = timeOrNone('start_time', request.startTime);
    const before = timeOrNone('end_time', request.endTime);
    const query = { subscriptionId, from: from ?? null, before: before ?? null };
    const at = historyTokens.read(request.pageToken, query);
    const end = at?.before ?? before;
    // One more than asked for tells whether there is a next page.
    const range = { ...(from === undefined ? {} : { from }), ...(end === undefined ? {} : { before: end }) };
    const found = await questions.history(subscriptionId, { ...range, limit: pageSize + 1 }, signal);
    const { messages, last } = pageOf(found, pageSize, RiskSchema, (risk) => riskMessage(risk));
    return {
      risks: messages,
      nextPageToken: last ? historyTokens.write({ before: last.asOf }, query) : '',
    };
  };

  async function* watchRisks(request: WatchRisksRequest, { signal }: CallContext) {
    const filter = riskFilterOf(request.filter);
    const resumed = watchTokens.read(request.resumeToken, filter);
    for await (const { changes, cursor } of changed.watch(resumed?.at, signal)) {
      const wanted = changes.filter(({ risk }) => isRiskOf(filter, risk));
      // Quiet is worth a word, and so is what is not for this caller: its token moves on.
      const risks = await Promise.all(wanted.map(({ bytes }) => bytes()));
      yield watchResponse(risks, watchTokens.write({ at: cursor }, filter));
    }
  }

  const listRisks = async (request: ListRisksRequest, { signal }: CallContext) => {
    const pageSize = pageSizeOf(request.pageSize);
    const filter = riskFilterOf(request.filter);
    const order = orderOf(RISK_ORDERS, request.orderBy);
    const query = { filter, order };
    const at = tokens.read(request.pageToken, query);
    /** The bytes of the first risks, as many as one answer holds. */
    const fitting = async (risks: readonly Risk[]): Promise<Bytes[]> => {
      const turns = new Turns();
      const made: Bytes[] = [];
      let left = ROOM_FOR_ITEMS;
      for (const risk of risks) {
        const bytes = toBinary(RiskSchema, create(RiskSchema, riskMessage(risk, request.view)));
        left -= bytes.length;
        if (left < 0 && made.length > 0) break;
        made.push(bytes);
        await turns.others();
      }
      signal.throwIfAborted();
      return made;
    };
    const page = (risks: readonly Bytes[], list: ListPosition, more: boolean): Bytes => {
      const nextPageToken = more
        ? tokens.write({ ...list, position: list.position + risks.length }, query)
        : '';
      const snapshotTime = timestamp(list.listedAt);
      const rest = create(ListRisksResponseSchema, { nextPageToken, snapshotTime });
      return Buffer.concat([
        ...risks.flatMap((bytes) => [lengthHead(1, bytes.length), bytes]),
        toBinary(ListRisksResponseSchema, rest),
      ]);
    };
    const kept = async (list: ListPosition) => {
      // One more than asked for tells whether there is a next page.
      const risks = await questions.keptRisks(list.listId, list.position, pageSize + 1, signal);
      // A position is only given where something is left.
      if (risks.length === 0 && list.position > 0) throw listGone();
      const made = await fitting(risks.slice(0, pageSize));
      return page(made, list, risks.length > made.length);
    };
    if (at !== undefined) return kept(at);
    const listedAt = clock();
    const first = await questions.risks(filter, pageSize + 1, order, signal);
    const list = { listId: randomUUID(), position: 0, listedAt };
    if (first.length <= pageSize) {
      const made = await fitting(first);
      if (made.length === first.length) return page(made, list, false);
    }
    await questions.keepRisks(list.listId, filter, order, signal);
    return kept(list);
  };

  const { method } = RiskService;
  return [
    unary(method.getRisk, 'lookup', getRisk, rememberedBytes),
    unary(method.batchGetRisks, 'lookup', batchGetRisks, rememberedBatch),
    unary(method.listRisks, 'work', listRisks),
    unary(method.listRiskHistory, 'work', listRiskHistory),
    unary(method.explainRisk, 'work', explainRisk),
    serverStream(method.watchRisks, 'stream', watchRisks),
  ];
}

/** Present risks as they change. One that is computed anew and comes out the same has not, as far as that is remembered. */
function riskFeed(questions: Questions, clock: Clock, log: Logger): ChangeFeed<Changed> {
  const last = new LRUCache<string, string>({ max: LIMITS.latestRisks });
  const encode = async (risk: ChangedRisk): Promise<Bytes> =>
    toBinary(RiskSchema, create(RiskSchema, riskMessage(await questions.explained(risk))));
  return new ChangeFeed<Changed>(
    {
      async read(from, limit, offset) {
        const risks = await questions.risksSince(from, limit, offset);
        return risks.map((risk) => {
          let made: Promise<Bytes> | undefined;
          return { risk, bytes: () => (made ??= encode(risk)) };
        });
      },
      at: ({ risk }) => risk.computedAt,
      key: ({ risk }) => `${risk.accountId}\0${risk.subscriptionId}\0${risk.asOf}`,
      differs({ risk }) {
        const { accountId, subscriptionId, asOf, computedAt, featureValues, contributions, ...rest } = risk;
        const key = `${accountId}\0${subscriptionId}`;
        // Days go by in every feature: what counts is whether the risk moves by a hundredth of a point.
        const now = JSON.stringify({ ...rest, ...figuresOf(rest) });
        const same = last.get(key) === now;
        last.set(key, now);
        return !same;
      },
    },
    { clock, log },
  );
}

/** The figures of a risk as far as a change of them is one. */
function figuresOf(risk: Pick<StoredRisk, 'risk' | 'coverage'>) {
  return {
    risk: risk.risk === null ? null : Math.round(risk.risk * 100),
    renewalProbability: null,
    arrAtRiskMinor: null,
    coverage: Math.round(risk.coverage * 100),
    riskUsage: null,
    riskBilling: null,
    riskSupport: null,
    riskMarketing: null,
  };
}

/** A WatchRisksResponse from the bytes of its risks. */
function watchResponse(risks: readonly Bytes[], resumeToken: string): Bytes {
  const writer = new BinaryWriter();
  for (const bytes of risks) writer.tag(1, WireType.LengthDelimited).bytes(bytes);
  return writer.tag(2, WireType.LengthDelimited).string(resumeToken).finish();
}

function listGone(): PerennialError {
  return new PerennialError('invalid_argument', '`page_token` belongs to a list that is no longer kept.', {
    reason: 'PAGE_TOKEN_EXPIRED',
    fields: [{ field: 'page_token', description: 'belongs to a list that is no longer kept' }],
    hint: 'A list is kept for an hour. Begin anew, without a token.',
  });
}

/** Nothing that has the error of one subscription is the failure of all. */
function absentOr(thrown: unknown): PerennialError {
  const error = PerennialError.from(thrown);
  if (error.code !== 'not_found') throw error;
  return error;
}

/** What stands before a field of so many bytes. */
function lengthHead(field: number, length: number): Bytes {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish();
}

/** What stands before the risk or error of one RiskResult, as a field of BatchGetRisksResponse. */
function resultHead(subscriptionId: string, field: 2 | 3, length: number): Bytes {
  const inner = Buffer.concat([
    new BinaryWriter().tag(1, WireType.LengthDelimited).string(subscriptionId).finish(),
    lengthHead(field, length),
  ]);
  return Buffer.concat([lengthHead(1, inner.length + length), inner]);
}
