import { z } from 'zod';
import { CATEGORIES } from '../signals/signal.js';
import { labelSchema } from './labels.js';
import { measureSchema } from './measures/measure-schema.js';

/** A feature speaks of one category of signals, or of the contract itself. */
export const FEATURE_CATEGORIES = [...CATEGORIES, 'contract'] as const;
export type FeatureCategory = (typeof FEATURE_CATEGORIES)[number];

const name = z
  .string()
  .regex(
    /^[a-z][a-z0-9_]{0,63}$/,
    'expected lower case letters, digits and underscores, beginning with a letter',
  );
const bound = z.number().nullable();
/** The places in a reason; everything else between braces would be shown as it stands. */
const PLACES = /\{value:(?:(?:percent|percent_plain|days|number|signed)|yes_no\|[^|}]*\|[^|}]*)\}/g;
const expression = z.string().min(1).max(2000);

const featureSchema = z.strictObject({
  name: name.describe('Name; rules and scorecards use it.'),
  category: z
    .enum(FEATURE_CATEGORIES)
    .describe('The category it speaks of; decides the sub-score it counts in.'),
  type: z
    .enum(['number', 'boolean'])
    .default('number')
    .describe('number or boolean. In a scorecard booleans are 0 and 1.'),
  value: expression
    .optional()
    .describe('Expression over measures, values and the contract, such as `clamp(a / b - 1, -1, 3)`.'),
  sql: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The way out, instead of `value`: ClickHouse expression over measures and the contract. NULL: not known.',
    ),
  known_if: expression
    .optional()
    .describe('The feature is not known where this does not hold, such as `logins_28d >= 8`.'),
  unit: z.string().default('').describe('Unit, for people.'),
  range: z
    .tuple([bound, bound])
    .refine(([low, high]) => low === null || high === null || low < high, 'expected the smallest value first')
    .default([null, null])
    .describe('Smallest and largest possible value; what lies beyond becomes the nearer one. null: none.'),
  actionable: z
    .boolean()
    .optional()
    .describe(
      'Whether people can still change it: not what has happened and only time takes away. Decides what `perennial explain --to-band` offers. Default: yes, but for features of the contract.',
    ),
  description: z.string().min(1).describe('What it is, and when it is not known.'),
  reason: z
    .string()
    .min(1)
    .refine(
      (text) => !/[{}]/.test(text.replace(PLACES, '')),
      'expected nothing in braces but {value:number} and the other forms of a value',
    )
    .describe(
      'The value in words. {value:percent} {value:percent_plain} {value:days} {value:number} {value:signed} {value:yes_no|if 1|if 0}',
    ),
});

const days = z.number().int().min(0).max(4000);

export const featuresFileSchema = z.strictObject({
  lookback_days: days
    .min(1)
    .describe('Window of measures that give none: signals older than this many days do not count.'),
  sent_within_days: days
    .min(1)
    .default(90)
    .describe(
      'A signal type is in use when anyone sent it in the last so many days, or in the window of the measure where that is longer. What needs a type that is not in use is not applicable.',
    ),
  observe_days: days
    .default(14)
    .describe(
      'From how many days on it says something that a subscription has none of the signals that others have. Counted from the start of its contract, or its first usage or billing signal.',
    ),
  measures: z
    .record(name, measureSchema)
    .default({})
    .describe('Name to what is aggregated: which operation, of which signal types, over which window.'),
  values: z
    .record(name, expression)
    .default({})
    .describe(
      'Name to an expression over measures, the contract and the values above it, for features to share.',
    ),
  features: z
    .array(featureSchema)
    .min(1)
    .max(500)
    .describe('The features, in the order in which scores store them.'),
  labels: z.record(name, labelSchema).default({}).describe('What scorecards are fitted to and judged by.'),
});
