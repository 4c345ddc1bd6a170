import type { Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import type { FeatureCategory } from '../features/catalogue.js';
import type { Scoring } from '../scoring/load.js';
import type { RiskOverride } from '../scoring/override.js';
import type { Band, Scorecard } from '../scoring/scorecard.js';
import { badnessOfNumber } from '../scoring/shape.js';
import { inWords } from '../scoring/words.js';
import type { Category } from '../signals/signal.js';
import type { StoredRisk } from '../store/risk-state.js';

/** What one feature adds to the risk. */
export interface Contribution {
  readonly feature: string;
  readonly category: FeatureCategory;
  /** Null: no data. */
  readonly value: number | null;
  /** What the curve makes of the value, 0 to 1. Null: no data. */
  readonly curve: number | null;
  readonly weight: number;
  /** Points of risk. All contributions sum to the computed risk. */
  readonly points: number;
  /** In words; empty without data. */
  readonly reason: string;
}

/** What a person said instead of the computed risk. */
export type AppliedOverride = Pick<RiskOverride, 'reason' | 'author' | 'setAt' | 'until'>;

/** The risk of one subscription as of a time, with its reasons. Null: not known. */
export interface Risk {
  readonly subscriptionId: string;
  readonly accountId: string;
  readonly asOf: Millis;
  /** Null: the band is unknown. */
  readonly risk: number | null;
  /** What the scorecard made of what is known, whatever the band, and whatever a person said instead; contributions sum to it. */
  readonly computedRisk: number;
  /** Null: the risk is as it was computed. */
  readonly override: AppliedOverride | null;
  readonly renewalProbability: number | null;
  readonly band: Band;
  /** Why the band is unknown, in words; empty: it is not. */
  readonly unknownReason: string;
  readonly coverage: number;
  readonly categoryRisk: Readonly<Record<Category, number | null>>;
  /** Largest first, then by name; every feature of the scorecard. */
  readonly contributions: readonly Contribution[];
  readonly arrMinor: number | null;
  readonly currency: string;
  readonly arrAtRiskMinor: number | null;
  readonly renewal: Millis | null;
  readonly segment: string;
  readonly product: string;
  readonly plan: string;
  readonly owner: string;
  readonly scorecard: string;
  readonly scoringRevision: string;
}

/** A stored risk with names, curves and words of the scoring it was computed under. */
export function explainStoredRisk(stored: StoredRisk, scoring: Scoring): Risk {
  const card = scoring.scorecards.find(({ name }) => name === stored.scorecard);
  const contributions = (card?.features ?? []).map((scored): Contribution => {
    const feature = scoring.catalogue.features[scored.index]!;
    const value = stored.featureValues[scored.index] ?? null;
    return {
      feature: feature.name,
      category: feature.category,
      value,
      curve:
        value === null || scored.shape.kind === 'categories'
          ? scored.missing
          : badnessOfNumber(scored.shape, value),
      weight: scored.weight,
      points: stored.contributions[scored.index] ?? 0,
      reason: value === null ? '' : inWords(feature.reason, value),
    };
  });
  return {
    subscriptionId: stored.subscriptionId,
    accountId: stored.accountId,
    asOf: stored.asOf,
    risk: stored.risk,
    computedRisk: stored.computedRisk,
    override: overrideIn(stored),
    renewalProbability: stored.renewalProbability,
    band: stored.band,
    unknownReason: card === undefined || stored.band !== 'unknown' ? '' : whyUnknown(stored.coverage, card),
    coverage: stored.coverage,
    categoryRisk: {
      usage: stored.riskUsage,
      billing: stored.riskBilling,
      support: stored.riskSupport,
      marketing: stored.riskMarketing,
    },
    contributions: contributions.sort((a, b) => b.points - a.points || (a.feature < b.feature ? -1 : 1)),
    arrMinor: stored.arrMinor,
    currency: stored.currency,
    arrAtRiskMinor: stored.arrAtRiskMinor,
    renewal: stored.renewal,
    segment: stored.segment,
    product: stored.product,
    plan: stored.plan,
    owner: stored.owner,
    scorecard: stored.scorecard,
    scoringRevision: stored.scoringRevision,
  };
}

function whyUnknown(
  coverage: number,
  { name, coverageFloor, applicableFloor }: Pick<Scorecard, 'name' | 'coverageFloor' | 'applicableFloor'>,
): string {
  const percent = (share: number) => `${Number((100 * share).toFixed(2))} %`;
  if (coverage === 0) return `Nothing is known of what scorecard ${name} looks at.`;
  if (coverage < coverageFloor)
    return `Of what could be known ${percent(coverage)} is known, and scorecard ${name} asks for ${percent(coverageFloor)}.`;
  return `The signals that anyone sends are less than ${percent(applicableFloor)} of the weight of scorecard ${name}: too little for a risk, however well they are known.`;
}

function overrideIn(stored: StoredRisk): AppliedOverride | null {
  const {
    overrideReason: reason,
    overrideAuthor: author,
    overrideSetAt: setAt,
    overrideUntil: until,
  } = stored;
  return setAt === null || until === null ? null : { reason, author, setAt, until };
}

/** The error for a subscription of which there is no risk. */
export function unknownSubscription(subscriptionId: string, asOf?: Millis): PerennialError {
  const when = asOf === undefined ? '' : ` that runs as of ${new Date(asOf).toISOString()}`;
  return new PerennialError('not_found', `There is no subscription ${subscriptionId}${when}.`, {
    reason: 'SUBSCRIPTION_NOT_FOUND',
    subject: { type: 'subscription', name: subscriptionId },
    hint: 'Ids are case-sensitive. A subscription is scored once a signal or the subscription itself has arrived; one that is paused or ended, or has not begun, is not.',
  });
}
