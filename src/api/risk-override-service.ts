import type { Clock } from '../core/clock.js';
import { liftOverride, type Overriding, setOverride } from '../engine/override-risk.js';
import {
  type LiftRiskOverrideRequest,
  RiskOverrideService,
  type SetRiskOverrideRequest,
} from '../gen/perennial/v1/risk_override_service_pb.js';
import type { RiskOverride } from '../scoring/override.js';
import { readOverrides } from '../store/risk-overrides.js';
import type { Store } from '../store/store.js';
import { storeDuring } from '../store/store-during.js';
import { timestamp } from './messages.js';
import { timeOrNone } from './request.js';
import { type CallContext, type Rpc, unary } from './rpc.js';

export interface RiskOverrideServiceOptions extends Overriding {
  /** Has accounts scored soon. */
  readonly touch: (accounts: readonly string[]) => unknown;
}

/** Overrides that one answer names. */
const MOST = 10_000;

export function riskOverrideService({
  store,
  clock,
  touch,
}: RiskOverrideServiceOptions & { readonly store: Store; readonly clock: Clock }): readonly Rpc[] {
  const done = async (override: RiskOverride, call: CallContext) => {
    call.about(override.subscriptionId);
    await touch([override.accountId]);
    return overrideMessage(override);
  };
  const set = async (
    { subscriptionId, risk, reason, endTime, author }: SetRiskOverrideRequest,
    call: CallContext,
  ) => {
    const until = timeOrNone('end_time', endTime)!;
    const by = author === '' ? call.caller.name : author;
    return done(
      await setOverride({ store, clock }, { subscriptionId, risk, reason, author: by, until }),
      call,
    );
  };
  const lift = async ({ subscriptionId, reason, author }: LiftRiskOverrideRequest, call: CallContext) => {
    const by = author === '' ? call.caller.name : author;
    return done(await liftOverride({ store, clock }, { subscriptionId, reason, author: by }), call);
  };
  const list = async (_request: unknown, { signal }: CallContext) => {
    const overrides = await readOverrides(storeDuring(store, signal), clock(), undefined, { lane: 'ask' });
    return { overrides: overrides.slice(0, MOST).map(overrideMessage) };
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
