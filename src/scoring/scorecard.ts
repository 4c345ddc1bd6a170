import { z } from 'zod';
import { type Condition, topConditionSchema } from '../rules/condition.js';
import { type Calibration, calibrationSchema } from './calibration.js';
import type { Shape } from './shape.js';

/** Bands from best to worst; "unknown" beside them. */
export const BANDS = ['low', 'medium', 'high', 'critical', 'unknown'] as const;
export type Band = (typeof BANDS)[number];

const point = z.tuple([z.number(), z.number().min(0).max(1)]);
const rising = (points: readonly (readonly [number, number])[]) =>
  points.every((p, i) => i === 0 || p[0] > points[i - 1]![0]);

export const scorecardFeatureSchema = z.strictObject({
  weight: z
    .number()
    .min(0)
    .max(1000)
    .describe('How much the feature counts against the others; 0: not at all.'),
  curve: z
    .array(point)
    .min(2)
    .max(64)
    .refine(rising, 'expected feature values that rise')
    .optional()
    .describe('[feature value, r] from 0 (good) to 1 (bad); straight between the points, flat outside.'),
  steps: z
    .array(point)
    .min(1)
    .max(64)
    .refine(rising, 'expected feature values that rise')
    .optional()
    .describe(
      '[from, r]: r holds from that feature value on; below the first step its r holds too. Booleans are 0 and 1.',
    ),
  categories: z
    .record(z.string(), z.number().min(0).max(1))
    .refine((entries) => Object.keys(entries).length > 0, 'expected at least one category')
    .optional()
    .describe('Of a text feature: text to r.'),
  otherwise: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('r of texts that `categories` does not list. Default: they count as not known.'),
  missing: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('What r is where the feature is not known. Default: it does not count there.'),
  why: z.string().min(1).describe('Why it counts, and why that much.'),
});
export type ScorecardFeature = z.infer<typeof scorecardFeatureSchema>;

const bandsSchema = z
  .strictObject({
    medium: z.number().min(0).max(100).describe('Risk from which the band is medium.'),
    high: z.number().min(0).max(100).describe('Risk from which it is high.'),
    critical: z.number().min(0).max(100).describe('Risk from which it is critical.'),
    hysteresis: z
      .number()
      .min(0)
      .max(50)
      .describe('Points below its border at which a band is left downwards.'),
  })
  .refine((b) => b.medium < b.high && b.high < b.critical, 'expected medium < high < critical')
  .refine((b) => b.hysteresis < b.medium, 'expected hysteresis < medium: a band could never be left again');
export type Bands = z.infer<typeof bandsSchema>;

export const scorecardFileSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,63}$/, 'expected lower case letters, digits and underscores')
    .describe('Name, shown in every risk.'),
  description: z.string().min(1).describe('The subscriptions it is for.'),
  extends: z.string().optional().describe('Scorecard whose values hold where this one gives none.'),
  when: topConditionSchema
    .optional()
    .describe(
      'The subscriptions it is for, as conditions like those of a rule, over features and the contract. The one without this is for everyone else.',
    ),
  calibration: calibrationSchema.optional(),
  calibration_by_segment: z
    .record(z.string().min(1), calibrationSchema)
    .optional()
    .describe('Segment to the calibration that holds there instead.'),
  coverage_floor: z.number().min(0).max(1).optional().describe('Coverage under which the band is unknown.'),
  applicable_floor: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      'Share of the weight that has to be applicable, or the band is unknown: what few signal types say is not a risk. Default: 0.',
    ),
  bands: bandsSchema.optional().describe('Borders of the bands.'),
  features: z
    .record(z.string(), scorecardFeatureSchema)
    .describe('Feature name to its weight and curve. With `extends`, curves not given are taken over.'),
});
export type ScorecardFile = z.infer<typeof scorecardFileSchema>;

/** A scorecard with everything that it extends filled in. */
export interface Scorecard {
  readonly name: string;
  readonly description: string;
  /** Null: everyone that no other scorecard is for. */
  readonly when: Condition | null;
  readonly calibration: Calibration;
  /** Segment to the calibration that holds there instead. */
  readonly calibrationBySegment: ReadonlyMap<string, Calibration>;
  readonly coverageFloor: number;
  /** Share of the weight that has to be applicable, or the band is unknown. */
  readonly applicableFloor: number;
  readonly bands: Bands;
  /** In the order of the feature catalogue; only those with a weight above 0. */
  readonly features: readonly ScoredFeature[];
}

export interface ScoredFeature {
  readonly name: string;
  /** Place in the feature catalogue, and so in stored arrays. */
  readonly index: number;
  readonly weight: number;
  readonly shape: Shape;
  /** What r is where the feature is not known; null: it does not count there. */
  readonly missing: number | null;
}
