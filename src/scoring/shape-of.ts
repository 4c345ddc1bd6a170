import type { ScorecardFeature } from './scorecard.js';
import { numberShape, type Shape } from './shape.js';

const SHAPES = ['curve', 'steps', 'categories'] as const;

/** Whether a feature says what is made of its values. */
export function hasShape(feature: ScorecardFeature): boolean {
  return SHAPES.some((key) => feature[key] !== undefined);
}

/** Undefined when none or several are given. */
export function shapeOf(feature: ScorecardFeature | undefined): Shape | undefined {
  if (feature === undefined || SHAPES.filter((key) => feature[key] !== undefined).length !== 1)
    return undefined;
  const { curve, steps, categories, otherwise } = feature;
  if (curve !== undefined) return numberShape('linear', curve);
  if (steps !== undefined) return numberShape('steps', steps);
  return { kind: 'categories', r: new Map(Object.entries(categories!)), otherwise: otherwise ?? null };
}
