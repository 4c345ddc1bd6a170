import type { Millis } from '../core/clock.js';
import { CONTRACT_FIELDS } from './contract-fields.js';
import { canBeKnown, canHold } from './expression/can-be-known.js';
import { namesIn } from './expression/expression.js';
import type { Feature, FeatureCatalogue } from './feature.js';
import { type Measure, typesRead } from './measures/measure.js';
import type { SentTypes } from './sent-types.js';
import { typeNames } from './signal-types.js';

/** Whether anyone sends what a measure counts. */
export function isSent(
  { of, withinDays }: Measure,
  catalogue: FeatureCatalogue,
  sent: SentTypes,
  asOf: Millis,
): boolean {
  const days = Math.max(withinDays ?? catalogue.lookbackDays, catalogue.sentWithinDays);
  return sent.has(of, days, asOf);
}

/**
 * Whether a feature is applicable: whether it can be known for anyone at all, given the signal types and fields of contracts
 * that is sent at all.
 */
export function isApplicable(
  feature: Feature,
  catalogue: FeatureCatalogue,
  isThere: (name: string) => boolean,
): boolean {
  const unknown = (name: string): boolean => {
    const value = catalogue.values.get(name);
    return value === undefined ? !isThere(name) : !canBeKnown(value, unknown);
  };
  return (
    (feature.value === null || canBeKnown(feature.value, unknown)) &&
    (feature.knownIf === null || canHold(feature.knownIf, unknown)) &&
    measuresInSql(feature, catalogue).every(({ name }) => isThere(name))
  );
}

/** Which measures and fields are there as of a time; other names, such as as_of, always are. */
export function namesThere(
  catalogue: FeatureCatalogue,
  sent: SentTypes,
  asOf: Millis,
): (name: string) => boolean {
  const measures = new Map(catalogue.measures.map((measure) => [measure.name, measure]));
  return (name) => {
    const measure = measures.get(name);
    if (measure !== undefined) return isSent(measure, catalogue, sent, asOf);
    return name === 'status' || !CONTRACT_FIELDS.has(name) || sent.hasField(name, asOf);
  };
}

/** All measures that a feature rests on, through shared values too. */
export function measuresOf(feature: Feature, catalogue: FeatureCatalogue): readonly Measure[] {
  const names = new Set<string>();
  const visit = (expression: Feature['value']) => {
    if (expression === null) return;
    for (const name of namesIn(expression)) {
      if (names.has(name)) continue;
      names.add(name);
      visit(catalogue.values.get(name) ?? null);
    }
  };
  visit(feature.value);
  visit(feature.knownIf);
  return [...catalogue.measures.filter(({ name }) => names.has(name)), ...measuresInSql(feature, catalogue)];
}

/** The signal types that a feature reads, for people. */
export function typesOf(feature: Feature, catalogue: FeatureCatalogue): readonly string[] {
  return [...new Set(measuresOf(feature, catalogue).flatMap((measure) => typeNames(typesRead(measure))))];
}

function measuresInSql({ sql }: Feature, { measures }: FeatureCatalogue): readonly Measure[] {
  if (sql === null) return [];
  const words = new Set(sql.match(/[a-z_][a-z0-9_]*/g));
  return measures.filter(({ name }) => words.has(name));
}
