import type { Fact } from '../columns/fact.js';
import { type FeatureCatalogue, featureFacts } from '../features/catalogue.js';
import { BANDS } from '../scoring/scorecard.js';
import { CATEGORIES } from '../signals/signal.js';

/** Every fact that a rule can name: features, the contract, scores and history. */
export function factCatalogue(catalogue: FeatureCatalogue): readonly Fact[] {
  return [...featureFacts(catalogue), ...SCORE_FACTS, ...PREVIOUS_FACTS, ...DECISION_FACTS];
}

const score = (
  name: string,
  description: string,
  unit: string,
  range: Fact['range'],
  optional = false,
): Fact => ({
  name,
  kind: 'number',
  description,
  unit,
  range,
  values: null,
  origin: 'score',
  optional,
});

const SCORE_FACTS: readonly Fact[] = [
  score(
    'risk',
    'Risk of not renewing; higher is worse. Not known while the band is unknown.',
    'points',
    [0, 100],
    true,
  ),
  score(
    'renewal_probability',
    'Probability that it renews; higher is better. Not known while the band is unknown.',
    'probability',
    [0, 1],
    true,
  ),
  score('coverage', "Share of the scorecard's weight whose features are known.", 'ratio', [0, 1]),
  {
    ...score('band', 'Risk in words; unknown when too little is known.', '', [null, null]),
    kind: 'string',
    values: BANDS,
  },
  ...CATEGORIES.map((category) =>
    score(`risk_${category}`, `Risk by the ${category} features alone.`, 'points', [0, 100], true),
  ),
  score(
    'risk_disagreement',
    'How far the groups of the scorecard (usage, billing, support, marketing, contract) disagree: the worst less the best.',
    'points',
    [0, 100],
    true,
  ),
  score('arr_at_risk_minor', '(1 - renewal_probability) * ARR.', 'minor units', [0, null], true),
  {
    ...score(
      'risk_change',
      'Risk now minus the risk before, of the last 30 days.',
      'points',
      [-100, 100],
      true,
    ),
    origin: 'history',
  },
];

const history = (name: string, description: string, unit: string): Fact => ({
  name,
  kind: 'number',
  description,
  unit,
  range: [0, null],
  values: null,
  origin: 'history',
  optional: true,
});

const PREVIOUS_FACTS: readonly Fact[] = [
  {
    ...history('previous_band', 'Band of the risk before this one, of the last 30 days.', ''),
    kind: 'string',
    range: [null, null],
    values: BANDS,
  },
  {
    ...history('previous_risk', 'The risk before this one, of the last 30 days.', 'points'),
    range: [0, 100],
  },
];

const DECISION_FACTS: readonly Fact[] = [
  {
    ...history('has_open_offer', 'Whether an offer is open for it.', ''),
    kind: 'boolean',
    range: [null, null],
    optional: false,
  },
  history('days_since_last_offer', 'Days since the last offer was opened, of the last ten years.', 'days'),
  { ...history('offers_last_365d', 'Offers opened in the last 365 days.', 'offers'), optional: false },
  history(
    'days_since_last_touchpoint',
    'Days since the last touchpoint was opened, of the last ten years.',
    'days',
  ),
];
