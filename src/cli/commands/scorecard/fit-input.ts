import type { FitOptions, ScorecardFit } from '../../../fit/fit-scorecard.js';
import type { SetAside } from '../../../fit/table/set-aside.js';
import type { TrainingTable } from '../../../fit/training-table.js';

/** What a scorecard is fitted to, whether it comes from a table or from the store. */
export interface FitInput {
  readonly table: TrainingTable;
  readonly options: Pick<FitOptions, 'groups' | 'times' | 'decided' | 'folds'>;
  /** Name of each row, for predictions. */
  readonly ids: readonly string[];
  /** "customers.csv (Churn = Yes)", for people. */
  readonly what: string;
  readonly setAside: readonly SetAside[];
  readonly withoutLabel: number;
  /** What else was noticed about the table, in sentences. */
  readonly notes: readonly string[];
  /** The fit beside the hand-made scorecard, where there is one. */
  compare(fit: ScorecardFit): Comparison;
}

export interface Comparison {
  /** In sentences. */
  readonly says: readonly string[];
  /** The scorecard file to use instead of the fitted one; null: the fitted one. */
  readonly file: string | null;
}

export const NO_COMPARISON: Comparison = { says: [], file: null };
