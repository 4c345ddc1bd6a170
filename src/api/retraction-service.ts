import { randomUUID } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { z } from 'zod';
import type { Clock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { stableId } from '../core/identity.js';
import { assertSameCall } from '../core/request-id.js';
import {
  type CreateRetractionRequest,
  type ListRetractionsRequest,
  type RecordRetraction as RecordRetractionPb,
  RetractionSchema,
  RetractionService,
  type RetractRecordsRequest,
  type UndoRetractionRequest,
} from '../gen/perennial/v1/retraction_service_pb.js';
import { countSelected, type RetractedCounts, retract, undoRetraction } from '../ingest/retract.js';
import type { Delivery } from '../ingest/signal-source.js';
import type { RetractedRecord } from '../signals/retraction.js';
import { type ListedRetraction, listRetractions } from '../store/retraction-log.js';
import type { Store } from '../store/store.js';
import { storeDuring } from '../store/store-during.js';
import { timestamp } from './messages.js';
import { pageOf } from './page.js';
import { pageTokens, timeInToken } from './page-token.js';
import { GRPC_ORIGIN } from './record-intake.js';
import { pageSizeOf, timeOrNone } from './request.js';
import { type CallContext, type Rpc, unary } from './rpc.js';

export interface RetractionServiceOptions {
  readonly store: Store;
  /** Writes a batch and resolves once it is durable. */
  readonly ingest: (batch: readonly Delivery[]) => Promise<unknown>;
  /** Has accounts scored soon. */
  readonly touch: (accounts: readonly string[]) => unknown;
  readonly clock: Clock;
}

const tokens = pageTokens('ListRetractions', z.strictObject({ at: timeInToken, id: z.string() }));
/** Accounts that one answer names. */
const ACCOUNTS = 1_000;

export function retractionService({ store, ingest, touch, clock }: RetractionServiceOptions): readonly Rpc[] {
  const retractRecords = async ({ retractions, validateOnly }: RetractRecordsRequest, call: CallContext) => {
    const receivedAt = clock();
    const records = retractions.map((retraction, i) => ({
      record: recordOf(retraction, i),
      reason: retraction.reason,
    }));
    for (const { record } of records)
      call.about(record.kind === 'subscription' ? record.accountId : record.id);
    if (!validateOnly)
      await ingest(
        records.map((retraction) => ({
          record: { kind: 'retraction', retraction },
          origin: GRPC_ORIGIN,
          receivedAt,
        })),
      );
    return { acceptedCount: records.length };
  };

  const createRetraction = async (request: CreateRetractionRequest, call: CallContext) => {
    const { reason, validateOnly } = request;
    const selection = {
      ...(request.source === '' ? {} : { source: request.source }),
      ...(request.id === '' ? {} : { id: request.id }),
      ...(request.accountId === '' ? {} : { account: request.accountId }),
    };
    const requestKey = stableId('retraction', call.caller.name, request.requestId || randomUUID());
    const id = `r-${requestKey.slice(0, 12)}`;
    const [before] = await listRetractions(store, { id, limit: 1 });
    const { source, accountId } = request;
    const actor = request.actor === '' ? call.caller.name : request.actor;
    if (before !== undefined) {
      assertSameCall(
        {
          ...{ source: before.source, id: before.recordId, account_id: before.accountId },
          ...{ reason: before.reason, actor: before.by },
        },
        { source, id: request.id, account_id: accountId, reason, actor },
      );
      return retractionMessage(before);
    }
    const found = await countSelected(store, selection);
    if (found.accounts.length === 0)
      throw new PerennialError('not_found', 'Nothing of that is there.', {
        reason: 'RECORDS_NOT_FOUND',
        hint: 'Look at source, id and account_id in the view signals. ListRetractions has what was retracted.',
      });
    call.about(...found.accounts);
    const of = { source, id: request.id, accountId, reason, actor };
    if (validateOnly) return { ...of, ...countsMessage(found) };
    call.signal.throwIfAborted();
    const now = clock();
    const done = await retract(store, selection, { reason, by: actor, now, id });
    await touch(done.accounts);
    return { ...of, retractionId: done.id, retractTime: timestamp(now), ...countsMessage(done) };
  };

  const undo = async ({ retractionId, actor }: UndoRetractionRequest, call: CallContext) => {
    call.about(retractionId);
    const [before] = await listRetractions(store, { id: retractionId, limit: 1 });
    // A call that is repeated finds its work done.
    if (before !== undefined && before.undoneAt !== null) return retractionMessage(before);
    const by = actor === '' ? call.caller.name : actor;
    const done = await undoRetraction(store, retractionId, { by, now: clock() });
    call.about(...done.accounts);
    await touch(done.accounts);
    const [listed] = await listRetractions(store, { id: retractionId, limit: 1 });
    return { ...retractionMessage(listed!), ...countsMessage(done) };
  };

  const list = async (request: ListRetractionsRequest, { signal }: CallContext) => {
    const pageSize = pageSizeOf(request.pageSize);
    const after = tokens.read(request.pageToken, {});
    // One more than asked for tells whether there is a next page.
    const position = after === undefined ? {} : { after };
    const found = await listRetractions(storeDuring(store, signal), { ...position, limit: pageSize + 1 });
    const { messages, last } = pageOf(found, pageSize, RetractionSchema, retractionMessage);
    return {
      retractions: messages,
      nextPageToken: last ? tokens.write({ at: last.at, id: last.id }, {}) : '',
    };
  };

  const { method } = RetractionService;
  return [
    unary(method.retractRecords, 'write', retractRecords),
    unary(method.createRetraction, 'write', createRetraction),
    unary(method.undoRetraction, 'write', undo),
    unary(method.listRetractions, 'work', list),
  ];
}

function recordOf({ record }: RecordRetractionPb, index: number): RetractedRecord {
  if (record.case === 'signal' || record.case === 'outcome') {
    const { source, id } = record.value;
    return { kind: record.case, source, id };
  }
  if (record.case !== 'subscription') throw new RangeError('the contract asks for a record');
  const { accountId, subscriptionId, time } = record.value;
  const occurredAt = timeOrNone(`retractions[${index}].subscription.time`, time)!;
  return { kind: 'subscription', accountId, subscriptionId: subscriptionId || accountId, occurredAt };
}

function countsMessage({ signals, subscriptions, outcomes, accounts }: RetractedCounts) {
  return {
    signalCount: BigInt(signals),
    subscriptionCount: BigInt(subscriptions),
    outcomeCount: BigInt(outcomes),
    accountIds: accounts.slice(0, ACCOUNTS),
    accountCount: BigInt(accounts.length),
  };
}

function retractionMessage(retraction: ListedRetraction) {
  const { id, source, recordId, accountId, reason, by, at, undoneAt, undoneBy } = retraction;
  return {
    ...{ retractionId: id, source, id: recordId, accountId, reason, actor: by },
    retractTime: timestamp(at),
    ...(undoneAt === null ? {} : { undoTime: timestamp(undoneAt) }),
    undoActor: undoneBy,
  } satisfies MessageInitShape<typeof RetractionSchema>;
}
