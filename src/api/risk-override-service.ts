import { z } from 'zod';
import type { Clock } from '../core/clock.js';
import { stableId } from '../core/identity.js';
import { liftOverride, type Overriding, setOverride } from '../engine/override-risk.js';
import {
  type LiftRiskOverrideRequest,
  type ListRiskOverridesRequest,
  RiskOverrideSchema,
  RiskOverrideService,
  type SetRiskOverrideRequest,
} from '../gen/perennial/v1/risk_override_service_pb.js';
import type { RiskOverride } from '../scoring/override.js';
import { listOverrides } from '../store/risk-overrides.js';
import type { Store } from '../store/store.js';
import { storeDuring } from '../store/store-during.js';
import { timestamp } from './messages.js';
import { pageOf } from './page.js';
import { pageTokens, timeInToken } from './page-token.js';
import { pageSizeOf, timeOrNone } from './request.js';
import { type CallContext, type Rpc, unary } from './rpc.js';

export interface RiskOverrideServiceOptions extends Overriding {
  /** Has accounts scored soon. */
  readonly touch: (accounts: readonly string[]) => unknown;
}

/** What every request that changes an override has. */
type WriteRequest = Pick<SetRiskOverrideRequest, 'validateOnly' | 'requestId'>;

const tokens = pageTokens(
  'ListRiskOverrides',
  z.strictObject({ asOf: timeInToken, accountId: z.string(), subscriptionId: z.string() }),
);

export function riskOverrideService({
  store,
  clock,
  touch,
}: RiskOverrideServiceOptions & { readonly store: Store; readonly clock: Clock }): readonly Rpc[] {
  const done = async (override: RiskOverride, validateOnly: boolean, call: CallContext) => {
    call.about(override.subscriptionId);
    if (!validateOnly) await touch([override.accountId]);
    return overrideMessage(override);
  };
  const callOf = (kind: 'set' | 'lift', request: WriteRequest, call: CallContext) => ({
    validateOnly: request.validateOnly,
    requestKey:
      request.requestId === '' ? '' : stableId('override', kind, call.caller.name, request.requestId),
  });
  const set = async (request: SetRiskOverrideRequest, call: CallContext) => {
    const { subscriptionId, risk, reason, endTime, author, validateOnly } = request;
    const until = timeOrNone('end_time', endTime)!;
    const by = author === '' ? call.caller.name : author;
    const wanted = { subscriptionId, risk: risk!, reason, author: by, until };
    const override = await setOverride({ store, clock }, wanted, callOf('set', request, call));
    return done(override, validateOnly, call);
  };
  const lift = async (request: LiftRiskOverrideRequest, call: CallContext) => {
    const { subscriptionId, reason, author, validateOnly } = request;
    const by = author === '' ? call.caller.name : author;
    const wanted = { subscriptionId, reason, author: by };
    const override = await liftOverride({ store, clock }, wanted, callOf('lift', request, call));
    return done(override, validateOnly, call);
  };
  const list = async (request: ListRiskOverridesRequest, { signal }: CallContext) => {
    const pageSize = pageSizeOf(request.pageSize);
    const position = tokens.read(request.pageToken, {});
    const asOf = position?.asOf ?? clock();
    // One more than asked for tells whether there is a next page.
    const page = { ...(position === undefined ? {} : { after: position }), limit: pageSize + 1 };
    const found = await listOverrides(storeDuring(store, signal), asOf, page);
    const { messages, last } = pageOf(found, pageSize, RiskOverrideSchema, overrideMessage);
    const next = last && { asOf, accountId: last.accountId, subscriptionId: last.subscriptionId };
    return { overrides: messages, nextPageToken: next ? tokens.write(next, {}) : '' };
  };
  const { method } = RiskOverrideService;
  return [
    unary(method.setRiskOverride, 'write', set),
    unary(method.liftRiskOverride, 'write', lift),
    unary(method.listRiskOverrides, 'work', list),
  ];
}

function overrideMessage({ setAt, until, ...override }: RiskOverride) {
  return { ...override, setTime: timestamp(setAt), endTime: timestamp(until) };
}
