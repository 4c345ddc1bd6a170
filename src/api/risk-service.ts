import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { z } from 'zod';
import { type Clock, DAY_MS } from '../core/clock.js';
import type { Questions } from '../engine/questions.js';
import * as riskPb from '../gen/perennial/v1/risk.js';
import type { RiskFilter, StoredRisk } from '../store/risk-state.js';
import type { Calls } from './calls.js';
import { BAND_NAMES, explanationMessage, riskMessage } from './messages.js';
import { pageTokens } from './page-token.js';
import { idOrEmpty, namesOf, pageSizeOf, requiredId, timeOrNone } from './request.js';

/** GetRisk answers bytes: those of a latest risk are made once and sent again until the risk changes. */
export const riskServiceDefinition = {
  ...riskPb.RiskServiceService,
  getRisk: { ...riskPb.RiskServiceService.getRisk, responseSerialize: (bytes: Buffer) => bytes },
} satisfies ServiceDefinition;

/** Where the next page of ListRisks begins; `now` is the first page's, so that all pages see the same renewals. */
const tokens = pageTokens(
  'ListRisks',
  z.strictObject({ unknown: z.boolean(), risk: z.number(), subscriptionId: z.string(), now: z.int() }),
);

export function riskService(questions: Questions, calls: Calls, clock: Clock): UntypedServiceImplementation {
  // Held as long as the latest risk itself is in memory.
  const encoded = new WeakMap<StoredRisk, Buffer>();

  const latestBytes = async (stored: StoredRisk): Promise<Buffer> => {
    const known = encoded.get(stored);
    if (known !== undefined) return known;
    const bytes = encode(riskMessage(await questions.explained(stored)));
    encoded.set(stored, bytes);
    return bytes;
  };

  /** The bytes of a latest risk that is in memory and has been asked about before. */
  const rememberedBytes = ({ subscriptionId, asOf }: riskPb.GetRiskRequest): Buffer | undefined => {
    const stored = asOf === undefined ? questions.latestInMemory(subscriptionId) : undefined;
    return stored === undefined ? undefined : encoded.get(stored);
  };

  const getRisk = async (request: riskPb.GetRiskRequest, signal: AbortSignal): Promise<Buffer> => {
    const subscriptionId = requiredId('subscription_id', request.subscriptionId);
    const asOf = timeOrNone('as_of', request.asOf);
    if (asOf !== undefined) return encode(riskMessage(await questions.risk(subscriptionId, asOf, signal)));
    return latestBytes(await questions.latest(subscriptionId));
  };

  const explainRisk = async (
    request: riskPb.ExplainRiskRequest,
    signal: AbortSignal,
  ): Promise<riskPb.ExplainRiskResponse> => {
    const subscriptionId = requiredId('subscription_id', request.subscriptionId);
    const asOf = timeOrNone('as_of', request.asOf);
    return explanationMessage(await questions.explain(subscriptionId, asOf, signal));
  };

  const listRisks = async (request: riskPb.ListRisksRequest): Promise<riskPb.ListRisksResponse> => {
    const pageSize = pageSizeOf(request.pageSize);
    const query = {
      bands: namesOf('bands', request.bands, BAND_NAMES),
      accountId: idOrEmpty('account_id', request.accountId),
      segment: idOrEmpty('segment', request.segment),
      renewalWithinDays: request.renewalWithinDays,
    };
    const position = tokens.read(request.pageToken, query);
    const now = position?.now ?? clock();
    const filter: RiskFilter = {
      bands: query.bands,
      ...(query.accountId === '' ? {} : { accountId: query.accountId }),
      ...(query.segment === '' ? {} : { segment: query.segment }),
      ...(query.renewalWithinDays === 0
        ? {}
        : { renewalFrom: now, renewalTo: now + query.renewalWithinDays * DAY_MS }),
      ...(position === undefined ? {} : { after: position }),
      // One more than asked for tells whether there is a next page.
      limit: pageSize + 1,
    };
    const found = await questions.risks(filter);
    const page = found.slice(0, pageSize);
    const last = page.at(-1);
    const nextPageToken =
      found.length <= pageSize || last === undefined
        ? ''
        : tokens.write(
            { unknown: last.band === 'unknown', risk: last.risk, subscriptionId: last.subscriptionId, now },
            query,
          );
    return { risks: page.map(riskMessage), nextPageToken };
  };

  return {
    getRisk: calls.unary(getRisk, rememberedBytes),
    listRisks: calls.unary(listRisks),
    explainRisk: calls.unary(explainRisk),
  };
}

function encode(risk: riskPb.Risk): Buffer {
  const bytes = riskPb.GetRiskResponse.encode({ risk }).finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
