/**
 * What a rule or a scorecard may name: a column with a known type. The catalogue of facts is put together from
 * features.yaml, subscription fields, scores and history (see `engine/facts.ts`); rules are checked against it.
 */
export interface Fact {
  /** Lower case letters, digits and underscores. */
  readonly name: string;
  readonly kind: 'number' | 'boolean' | 'string' | 'list';
  /** What it means, in one sentence; shown in editors and errors. */
  readonly description: string;
  /** For people, such as "days", "ratio", "points", "minor units". Empty: none. */
  readonly unit: string;
  /** Smallest and largest value a number can take; null: no bound. */
  readonly range: readonly [number | null, number | null];
  /** All the values a text can take; null: any. */
  readonly values: readonly string[] | null;
  /** Where it comes from. */
  readonly origin: 'feature' | 'subscription' | 'score' | 'history';
  /** Whether a row can be without it. */
  readonly optional: boolean;
}
