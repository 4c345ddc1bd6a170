import type { Batch } from '../columns/batch.js';
import { takeRows } from '../columns/take-rows.js';
import { textReader } from '../columns/text-reader.js';
import type { Millis } from '../core/clock.js';
import type { FeatureCatalogue } from '../features/catalogue.js';
import { readFeatures } from '../features/read-features.js';
import { type ChangeParts, changeParts } from '../scoring/change-parts.js';
import { evaluateScorecards, type Scores } from '../scoring/evaluate.js';
import type { Scoring } from '../scoring/load.js';
import { readOverrides } from '../store/risk-overrides.js';
import type { Store } from '../store/store.js';

/** Why a risk is another one than at an earlier time. */
export interface RiskChange {
  readonly since: Millis;
  readonly asOf: Millis;
  /** As they were shown: what people said in place of what was computed; null: the band was unknown. */
  readonly riskBefore: number | null;
  readonly riskAfter: number | null;
  /** They sum to the difference; where the band was unknown, to that from what the little that was known comes to. */
  readonly parts: ChangeParts;
  /** The scoring files of then. */
  readonly scoringRevisionBefore: string;
}

export interface Compared {
  readonly accountId: string;
  readonly subscriptionId: string;
  readonly since: Millis;
  readonly asOf: Millis;
}

/**
 * Splits the change of a risk into what caused it, by computing what it would have been had only some of it happened: first only
 * time passes, then features come to be known or cease to be, then all signals are in, and last the scorecard is that of now.
 * Undefined when the subscription did not run at one of the times.
 */
export async function explainChange(
  store: Store,
  { before, after }: { readonly before: Scoring; readonly after: Scoring },
  { accountId, subscriptionId, since, asOf }: Compared,
): Promise<RiskChange | undefined> {
  const scope = { kind: 'accounts', accounts: [accountId] } as const;
  const featuresAt = async (
    catalogue: FeatureCatalogue,
    at: Millis,
    knownAt?: Millis,
  ): Promise<Batch | undefined> => {
    const question = { scope, asOf: at, ...(knownAt === undefined ? {} : { knownAt }) };
    for await (const { batch } of readFeatures(store, catalogue, question, 'serve')) {
      const subscription = textReader(batch, 'subscription_id');
      for (let row = 0; row < batch.length; row++)
        if (subscription(row) === subscriptionId) return takeRows(batch, Int32Array.of(row));
    }
    return undefined;
  };
  const overrideAt = async (at: Millis): Promise<number | null> => {
    const overrides = await readOverrides(store, at, scope, { lane: 'serve' });
    return overrides.find((one) => one.subscriptionId === subscriptionId)?.risk ?? null;
  };

  const then = await featuresAt(before.catalogue, since, since);
  const later = await featuresAt(before.catalogue, asOf, since);
  const now = await featuresAt(before.catalogue, asOf);
  const edited = after.revision === before.revision ? now : await featuresAt(after.catalogue, asOf);
  if (then === undefined || now === undefined || edited === undefined) return undefined;
  // Who was not known then to be there still, or again: all of that is news.
  const passed = later ?? then;
  const [first, last] = [evaluateScorecards(before, then), evaluateScorecards(after, edited)];
  const [overriddenBefore, overriddenAfter] = [await overrideAt(since), await overrideAt(asOf)];
  const parts = changeParts({
    before: first.computedRisk[0]!,
    timePassed: computedRisk(before, passed),
    knowledgeChanged: computedRisk(before, withKnowledgeOf(before, passed, now)),
    signalsCame: computedRisk(before, now),
    cardEdited: last.computedRisk[0]!,
    overriddenBefore,
    overriddenAfter,
  });
  return {
    ...{ since, asOf, parts, scoringRevisionBefore: before.revision },
    riskBefore: overriddenBefore ?? statedRisk(first),
    riskAfter: overriddenAfter ?? statedRisk(last),
  };
}

function computedRisk(scoring: Scoring, batch: Batch): number {
  return evaluateScorecards(scoring, batch).computedRisk[0]!;
}

function statedRisk({ risk }: Scores): number | null {
  return risk.valid?.has(0) === false ? null : risk.values[0]!;
}

/** The features of one time; of those that came to be known by another, or ceased to be, what they are then. */
function withKnowledgeOf({ catalogue }: Scoring, batch: Batch, other: Batch): Batch {
  const isKnown = (of: Batch, name: string) => of.column(name).valid?.has(0) ?? true;
  const changed = catalogue.features
    .map(({ name }) => name)
    .filter((name) => isKnown(batch, name) !== isKnown(other, name));
  return batch.with(changed.map((name) => [name, other.column(name)]));
}
