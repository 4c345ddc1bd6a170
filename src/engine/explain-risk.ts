import type { Value } from '../columns/column.js';
import { textReader } from '../columns/text-reader.js';
import type { Clock, Millis } from '../core/clock.js';
import { readFeatures } from '../features/read-features.js';
import { readSentTypes } from '../features/sent-types.js';
import { explainRow, type RuleExplanation } from '../rules/explain.js';
import { type BandExit, bandExits } from '../scoring/band-exit.js';
import { type NotInUse, notInUse } from '../scoring/not-in-use.js';
import { storedRiskAt } from '../store/risk-state.js';
import type { Store } from '../store/store.js';
import { storeDuring } from '../store/store-during.js';
import { readAccountOf } from '../store/subscription-log.js';
import type { Definitions } from './definitions.js';
import { DecisionFacts } from './fact-batch.js';
import { explainStoredRisk, type Risk, unknownSubscription } from './risk.js';
import { type ScoredSlice, scoreSlice } from './score-slice.js';
import { StoredPast } from './stored-past.js';

/** A risk, computed anew, with every contribution and how every rule came out. */
export interface Explanation {
  readonly risk: Risk;
  /** In the order of evaluation. */
  readonly rules: readonly RuleExplanation[];
  readonly rulesRevision: string;
  /** For each feature that can do it alone, the smallest change that leaves the band downwards. */
  readonly bandExits: readonly BandExit[];
  /** What part of the scorecard nobody sends anything for. */
  readonly notInUse: NotInUse;
}

/** A subscription as of a time. */
export interface SubscriptionAt {
  readonly subscriptionId: string;
  /** @default now */
  readonly asOf?: Millis | undefined;
  /** Ends the question once nobody waits for it. */
  readonly signal?: AbortSignal | undefined;
}

/** The risk, computed anew under these definitions, and every rule: what a pass as of then sees. Throws `not_found`. */
export async function explainRisk(
  store: Store,
  definitions: Definitions,
  clock: Clock,
  about: SubscriptionAt,
): Promise<Explanation> {
  const { scoring, plan } = definitions;
  const { signal } = about;
  const { slice, row, asOf } = await sliceOf(store, definitions, clock, about);
  const risk = explainStoredRisk(storedRiskAt(slice.scored, scoring, asOf, row), scoring);
  const card = scoring.scorecards.find(({ name }) => name === risk.scorecard)!;
  const sent = await readSentTypes(storeDuring(store, signal, 'ask'), asOf, undefined, 'serve');
  return {
    risk,
    rules: explainRow(plan, slice.facts, row),
    rulesRevision: plan.set.revision,
    // What a person said does not move with features.
    bandExits:
      risk.override !== null
        ? []
        : bandExits(card, { ...risk, risk: risk.computedRisk, features: risk.contributions }),
    notInUse: notInUse(card, scoring.catalogue, sent, asOf),
  };
}

/** Every fact of a subscription, as rules see it. Throws `not_found`. */
export async function factsOf(
  store: Store,
  definitions: Definitions,
  clock: Clock,
  about: SubscriptionAt,
): Promise<Record<string, Value>> {
  const { slice, row } = await sliceOf(store, definitions, clock, about);
  return slice.facts.row(row);
}

/** The way of a pass from features to facts, for the account of one subscription. */
async function sliceOf(
  askedStore: Store,
  { scoring }: Definitions,
  clock: Clock,
  { subscriptionId, asOf: askedFor, signal }: SubscriptionAt,
): Promise<{ slice: ScoredSlice; row: number; asOf: Millis }> {
  const now = clock();
  const asOf = askedFor ?? now;
  const store = storeDuring(askedStore, signal, 'ask');
  // An account that sends no subscriptions is one subscription with its own id.
  const accountId = (await readAccountOf(store, subscriptionId)) ?? subscriptionId;
  signal?.throwIfAborted();
  const scope = { kind: 'accounts', accounts: [accountId] } as const;
  const past = await new StoredPast(store, asOf >= now ? null : asOf).page(scope, asOf);
  signal?.throwIfAborted();
  const decisions = new DecisionFacts(past.actionFacts, past.decisions);
  for await (const batch of readFeatures(store, scoring.catalogue, { scope, asOf })) {
    const subscription = textReader(batch.batch, 'subscription_id');
    for (let row = 0; row < batch.batch.length; row++)
      if (subscription(row) === subscriptionId)
        return { slice: scoreSlice(batch, scoring, past, decisions, asOf), row, asOf };
  }
  throw unknownSubscription(subscriptionId, asOf);
}
