import { type Clock, DAY_MS, type Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { type Asked, assertSameCall } from '../core/request-id.js';
import type { RiskOverride } from '../scoring/override.js';
import { insertOverride, readOverrideOfRequest, readOverrides } from '../store/risk-overrides.js';
import type { Store } from '../store/store.js';
import { readAccountOf } from '../store/subscription-log.js';

export interface Overriding {
  readonly store: Store;
  readonly clock: Clock;
}

/** The call that overrides. */
export interface OverrideCall {
  /** The same for each try of one call, which is carried out once; empty: each counts. @default '' */
  readonly requestKey?: string;
  /** Only answers what would be. @default false */
  readonly validateOnly?: boolean;
}

/** Longer, and nobody would remember why. */
const MOST_DAYS = 400;

/**
 * Has the risk of a subscription be what a person says, from now on. The caller has its account scored anew. Throws `not_found`,
 * or `invalid_argument` for a time that is past or far away.
 */
export async function setOverride(
  { store, clock }: Overriding,
  wanted: Omit<RiskOverride, 'accountId' | 'setAt'>,
  { requestKey = '', validateOnly = false }: OverrideCall = {},
): Promise<RiskOverride> {
  const { subscriptionId, risk, reason, author, until } = wanted;
  const asked = { subscription_id: subscriptionId, risk, reason, author, end_time: until };
  const before = await sameCall(store, requestKey, asked);
  if (before !== undefined) return before;
  const now = clock();
  if (!(risk >= 0 && risk <= 100))
    throw new PerennialError('invalid_argument', `A risk is 0 to 100, and not ${risk}.`);
  if (until <= now || until > now + MOST_DAYS * DAY_MS)
    throw new PerennialError(
      'invalid_argument',
      `An override ends later than now, and within ${MOST_DAYS} days.`,
      {
        reason: 'FIELD_INVALID',
        fields: [{ field: 'end_time', description: `is not later than now and within ${MOST_DAYS} days` }],
        hint: 'Say until when it holds; it can be renewed.',
      },
    );
  const override = { ...wanted, accountId: await accountOf(store, subscriptionId), setAt: now };
  if (!validateOnly) await insertOverride(store, { ...override, requestKey });
  return override;
}

/** Takes the override of a subscription back. Throws `not_found` when none holds. */
export async function liftOverride(
  { store, clock }: Overriding,
  { subscriptionId, reason, author }: Pick<RiskOverride, 'subscriptionId' | 'reason' | 'author'>,
  { requestKey = '', validateOnly = false }: OverrideCall = {},
): Promise<RiskOverride> {
  const before = await sameCall(store, requestKey, { subscription_id: subscriptionId, reason, author });
  if (before !== undefined) return before;
  const now = clock();
  const override = await overrideOf(store, subscriptionId, now);
  if (override === undefined)
    throw new PerennialError('not_found', `The risk of ${subscriptionId} is not overridden.`, {
      reason: 'OVERRIDE_NOT_FOUND',
      subject: { type: 'subscription', name: subscriptionId },
    });
  // Of two rows of one time the later one would hold by chance.
  const setAt = Math.max(now, override.setAt + 1);
  if (!validateOnly)
    await insertOverride(store, { ...override, risk: null, reason, author, setAt, requestKey });
  return override;
}

/** What an earlier try of this call did. Throws `invalid_argument` when that asked for something else. */
async function sameCall(store: Store, requestKey: string, asked: Asked): Promise<RiskOverride | undefined> {
  if (requestKey === '') return undefined;
  const before = await readOverrideOfRequest(store, requestKey);
  if (before === undefined) return undefined;
  const { subscriptionId, risk, reason, author, until } = before.written;
  const written = { subscription_id: subscriptionId, risk, reason, author, end_time: until };
  assertSameCall(written, asked);
  return before.override;
}

async function overrideOf(
  store: Store,
  subscriptionId: string,
  asOf: Millis,
): Promise<RiskOverride | undefined> {
  const account = (await readAccountOf(store, subscriptionId)) ?? subscriptionId;
  const overrides = await readOverrides(store, asOf, { kind: 'accounts', accounts: [account] });
  return overrides.find((override) => override.subscriptionId === subscriptionId);
}

/** The account of a subscription; an account that sends no subscriptions is one with its own id. */
async function accountOf(store: Store, subscriptionId: string): Promise<string> {
  const account = await readAccountOf(store, subscriptionId);
  if (account !== undefined) return account;
  const [found] = await store.rows<{ n: number }>(
    'SELECT count() AS n FROM accounts WHERE account_id = {account:String}',
    { account: subscriptionId },
  );
  if (found!.n > 0) return subscriptionId;
  throw new PerennialError('not_found', `There is no subscription ${subscriptionId}.`, {
    reason: 'SUBSCRIPTION_NOT_FOUND',
    subject: { type: 'subscription', name: subscriptionId },
    hint: 'Ids are case-sensitive; perennial risks lists who is there.',
  });
}
