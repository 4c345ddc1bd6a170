import type { YamlFile } from '../core/yaml-file.js';
import type { Expression } from './expression/expression.js';
import type { FeatureCategory } from './feature-schema.js';
import type { LabelDefinition } from './labels.js';
import type { Measure } from './measures/measure.js';

export interface Feature {
  readonly name: string;
  readonly category: FeatureCategory;
  readonly type: 'number' | 'boolean';
  readonly unit: string;
  readonly range: readonly [number | null, number | null];
  /** Whether people can still change it. */
  readonly isActionable: boolean;
  readonly description: string;
  /** Template of the value in words. */
  readonly reason: string;
  /** Null: `sql` says what it is. */
  readonly value: Expression | null;
  readonly sql: string | null;
  /** The feature is not known where this does not hold. */
  readonly knownIf: Expression | null;
}

/** Everything in scoring/features.yaml, checked. */
export interface FeatureCatalogue {
  readonly lookbackDays: number;
  readonly sentWithinDays: number;
  readonly observeDays: number;
  readonly measures: readonly Measure[];
  /** Expressions that features share, each over measures and those before it. */
  readonly values: ReadonlyMap<string, Expression>;
  readonly features: readonly Feature[];
  readonly labels: ReadonlyMap<string, LabelDefinition>;
  /** Where it was read from, to name places in errors. */
  readonly file: YamlFile;
}
