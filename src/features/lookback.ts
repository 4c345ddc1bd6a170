import type { FeatureCatalogue } from './feature.js';

/** How far back features look for signals, in days; of those that look back for ever, what others look back at least. */
export function lookbackDays({ measures, lookbackDays: least }: FeatureCatalogue): number {
  return Math.max(least, ...measures.map(({ withinDays }) => withinDays ?? least));
}
