import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { z } from 'zod';
import type { Clock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import type { Questions } from '../engine/questions.js';
import { StatusSchema } from '../gen/google/rpc/status_pb.js';
import { RiskSchema } from '../gen/perennial/v1/risk_pb.js';
import {
  type BatchGetRisksRequest,
  type ExplainRiskRequest,
  type GetRiskRequest,
  type ListRisksRequest,
  RiskService,
  RiskView,
} from '../gen/perennial/v1/risk_service_pb.js';
import type { RiskFilter, StoredRisk } from '../store/risk-state.js';
import { failureOf, statusOf } from './failure.js';
import { BAND_NAMES, explanationMessage, riskMessage, timestamp } from './messages.js';
import { pageTokens } from './page-token.js';
import { namesOf, pageSizeOf, timeOrNone } from './request.js';
import { type CallContext, type Rpc, unary } from './rpc.js';
import { invalidFields } from './validate.js';

type Bytes = Uint8Array<ArrayBuffer>;

/** Where the next page of ListRisks begins; `now` is the first page's. */
const tokens = pageTokens(
  'ListRisks',
  z.strictObject({ unknown: z.boolean(), risk: z.number(), subscriptionId: z.string(), now: z.int() }),
);

export function riskService(questions: Questions, clock: Clock): readonly Rpc[] {
  // Held as long as the latest risk itself is in memory.
  const encoded = new WeakMap<StoredRisk, Bytes>();

  const latestBytes = async (stored: StoredRisk): Promise<Bytes> => {
    const known = encoded.get(stored);
    if (known !== undefined) return known;
    const bytes = toBinary(RiskSchema, create(RiskSchema, riskMessage(await questions.explained(stored))));
    encoded.set(stored, bytes);
    return bytes;
  };

  /** The bytes of a latest risk that is in memory and has been asked about before. */
  const rememberedBytes = ({ subject, asOf, view }: GetRiskRequest): Bytes | undefined => {
    if (asOf !== undefined || view === RiskView.FULL || subject.case !== 'subscriptionId') return undefined;
    const stored = questions.latestInMemory(subject.value);
    return stored === undefined ? undefined : encoded.get(stored);
  };

  const getRisk = async ({ subject, asOf, view }: GetRiskRequest, { signal }: CallContext) => {
    const at = timeOrNone('as_of', asOf);
    const subscriptionId =
      subject.case === 'accountId' ? await mostAtRisk(questions, subject.value) : (subject.value ?? '');
    if (at !== undefined) return riskMessage(await questions.risk(subscriptionId, at, signal), view);
    if (view === RiskView.FULL) return riskMessage(await questions.risk(subscriptionId), view);
    return latestBytes(await questions.latest(subscriptionId));
  };

  const batchGetRisks = async ({ subscriptionIds }: BatchGetRisksRequest, { signal }: CallContext) => {
    const found = new Map<string, Bytes>();
    for (const id of new Set(subscriptionIds)) {
      signal.throwIfAborted();
      try {
        found.set(id, await latestBytes(await questions.latest(id)).then((bytes) => result(id, 2, bytes)));
      } catch (thrown) {
        const error = PerennialError.from(thrown);
        if (error.code !== 'not_found') throw error;
        found.set(id, result(id, 3, toBinary(StatusSchema, statusOf(failureOf(error)))));
      }
    }
    return Buffer.concat(subscriptionIds.map((id) => found.get(id)!));
  };

  const explainRisk = async ({ subscriptionId, asOf }: ExplainRiskRequest, { signal }: CallContext) =>
    explanationMessage(await questions.explain(subscriptionId, timeOrNone('as_of', asOf), signal));

  const listRisks = async (request: ListRisksRequest) => {
    const pageSize = pageSizeOf(request.pageSize);
    const { filter } = request;
    if (request.orderBy !== '' && request.orderBy !== 'risk desc')
      throw invalidFields([
        { field: 'order_by', description: `"${request.orderBy}" is no order of this list` },
      ]);
    const query = {
      bands: namesOf('filter.bands', filter?.bands ?? [], BAND_NAMES),
      accountId: filter?.accountIds[0] ?? '',
      segment: filter?.segments[0] ?? '',
    };
    const position = tokens.read(request.pageToken, query);
    const now = position?.now ?? clock();
    const asked: RiskFilter = {
      bands: query.bands,
      ...(query.accountId === '' ? {} : { accountId: query.accountId }),
      ...(query.segment === '' ? {} : { segment: query.segment }),
      ...(position === undefined ? {} : { after: position }),
      // One more than asked for tells whether there is a next page.
      limit: pageSize + 1,
    };
    const found = await questions.risks(asked);
    const page = found.slice(0, pageSize);
    const last = page.at(-1);
    const nextPageToken =
      found.length <= pageSize || last === undefined
        ? ''
        : tokens.write(
            { unknown: last.band === 'unknown', risk: last.risk, subscriptionId: last.subscriptionId, now },
            query,
          );
    return {
      risks: page.map((risk) => riskMessage(risk, request.view)),
      nextPageToken,
      snapshotTime: timestamp(now),
    };
  };

  const { method } = RiskService;
  return [
    unary(method.getRisk, 'lookup', getRisk, rememberedBytes),
    unary(method.batchGetRisks, 'lookup', batchGetRisks),
    unary(method.listRisks, 'work', listRisks),
    unary(method.explainRisk, 'work', explainRisk),
  ];
}

async function mostAtRisk(questions: Questions, accountId: string): Promise<string> {
  const [risk] = await questions.risks({ accountId, limit: 1 });
  if (risk !== undefined) return risk.subscriptionId;
  throw new PerennialError('not_found', `There is no account ${accountId} with a subscription that runs.`, {
    reason: 'ACCOUNT_NOT_FOUND',
    subject: { type: 'account', name: accountId },
    hint: 'Ids are case-sensitive. An account is scored once a signal or a subscription of it has arrived.',
  });
}

/** One RiskResult as a field of BatchGetRisksResponse, its risk or error from bytes that are there already. */
function result(subscriptionId: string, field: 2 | 3, bytes: Bytes): Bytes {
  return new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .fork()
    .tag(1, WireType.LengthDelimited)
    .string(subscriptionId)
    .tag(field, WireType.LengthDelimited)
    .bytes(bytes)
    .join()
    .finish();
}
