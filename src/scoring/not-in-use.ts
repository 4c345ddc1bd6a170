import type { Millis } from '../core/clock.js';
import type { FeatureCatalogue } from '../features/catalogue.js';
import { CONTRACT_FIELDS } from '../features/contract-fields.js';
import { namesIn } from '../features/expression/expression.js';
import { typesRead } from '../features/measures/measure.js';
import type { SentTypes } from '../features/sent-types.js';
import { typeNames } from '../features/signal-types.js';
import { isApplicable, isSent, measuresOf, namesThere } from '../features/usable.js';
import { CATEGORIES } from '../signals/signal.js';
import type { Scorecard } from './scorecard.js';

/** The part of a scorecard that says nothing about anyone, since nobody sends what its features need. */
export interface NotInUse {
  readonly scorecard: string;
  /** Of the scorecard's weight. */
  readonly share: number;
  readonly features: readonly string[];
  /** What nobody sends: "support signals" where nothing of a category comes, else types, and fields that no contract has. */
  readonly missing: readonly string[];
}

export function notInUse(
  { name, features }: Pick<Scorecard, 'name' | 'features'>,
  catalogue: FeatureCatalogue,
  sent: SentTypes,
  asOf: Millis,
): NotInUse {
  const isThere = namesThere(catalogue, sent, asOf);
  const idle = features.filter(({ index }) => !isApplicable(catalogue.features[index]!, catalogue, isThere));
  const whole = features.reduce((sum, { weight }) => sum + weight, 0);
  const missing = new Set<string>();
  for (const { index } of idle) {
    const feature = catalogue.features[index]!;
    for (const measure of measuresOf(feature, catalogue)) {
      if (isSent(measure, catalogue, sent, asOf)) continue;
      const ofCategory = CATEGORIES.find((category) => category === feature.category);
      const nothing =
        ofCategory !== undefined &&
        !sent.has({ types: [], categories: [ofCategory] }, catalogue.lookbackDays, asOf);
      for (const type of nothing ? [`${ofCategory} signals`] : typeNames(typesRead(measure)))
        missing.add(type);
    }
    for (const expression of [feature.value, feature.knownIf])
      for (const field of expression === null ? [] : namesIn(expression))
        if (CONTRACT_FIELDS.has(field) && !isThere(field)) missing.add(`${field} of contracts`);
  }
  return {
    scorecard: name,
    share: idle.reduce((sum, { weight }) => sum + weight, 0) / whole,
    features: idle.map((one) => one.name),
    // Whole categories first.
    missing: [...missing].sort((a, b) => Number(b.endsWith(' signals')) - Number(a.endsWith(' signals'))),
  };
}

const MOST_NAMED = 6;

/** Null: all of it is in use. */
export function notInUseInWords({ scorecard, share, missing }: NotInUse): string | null {
  if (share === 0) return null;
  const named = missing.slice(0, MOST_NAMED);
  const more = missing.length - named.length;
  const what =
    more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', ').replace(/, ([^,]*)$/, ' or $1');
  return `${Math.max(1, Math.round(100 * share))} % of scorecard ${scorecard} is not in use: nobody sends ${what}.`;
}
