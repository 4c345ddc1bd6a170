import { z } from 'zod';
import { OPERATIONS } from './operations.js';
import { daysSchema } from './window.js';

const typeName = z
  .string()
  .regex(
    /^(?:[a-z0-9_]{1,64}|(?:usage|billing|support|marketing)\.\*)$/,
    'expected a signal type, or all types of a category, such as usage.*',
  );
const types = z.union([typeName, z.array(typeName).min(1).max(64)]);
const scalar = z.union([z.string().min(1), z.number(), z.boolean()]);
const conditions = z.record(z.string(), z.union([scalar, z.array(scalar).min(1).max(64)]));
const expression = z.string().min(1).max(2000);

/** What every measure has. */
const common = {
  of: types.describe('Signal types that it reads: one, several, or all of a category, such as usage.*'),
  where: conditions
    .optional()
    .describe('Attribute to the value, or one of the values, that it has to have. Others do not count.'),
  when: expression
    .optional()
    .describe(
      'Condition on the signal and the contract, such as `value > 0` or `days(occurred_at, renewal) > 60`.',
    ),
  within: z
    .union([daysSchema, z.array(daysSchema).min(2).max(16), z.literal('ever')])
    .optional()
    .describe(
      'How far it looks back, such as 28d. A list makes one measure each, named after it: `logins` of [7d, 28d] becomes logins_7d and logins_28d. ever: everything there is. Default: lookback_days.',
    ),
};
const value = expression
  .optional()
  .describe(
    'The number it takes from a signal: an expression over value, attributes.x, occurred_at and the contract. Default: value.',
  );
const attribute = z.string().min(1);

const measure = <O extends keyof typeof OPERATIONS, S extends z.ZodRawShape>(op: O, shape: S) =>
  z.strictObject({ op: z.literal(op).describe(OPERATIONS[op].description), ...common, ...shape });

const items = {
  item: attribute.describe(
    'Attribute that names the item, such as ticket_id. Signals without it do not count.',
  ),
  closed_by: types.describe(
    'Types that close an item. It is open when none of them came after the last one of `of`.',
  ),
};

export const measureSchema = z.discriminatedUnion('op', [
  measure('count', {}),
  measure('total', { value }),
  measure('sum', { value }),
  measure('mean', { value }),
  measure('min', { value }),
  measure('max', { value }),
  measure('quantile', {
    value,
    quantile: z.number().gt(0).max(1).describe('Share of the values that lie at or below it, such as 0.9.'),
  }),
  measure('last', { value }),
  measure('first', { value }),
  measure('last_at', { value }),
  measure('first_at', { value }),
  measure('at_max', {
    value,
    by: expression.describe('Expression whose largest value chooses the signal; of several the latest.'),
  }),
  measure('ewma', { value, half_life: daysSchema.describe('Age at which a signal counts half.') }),
  measure('share', {
    having: conditions.describe('What the share of signals has, written as `where`.'),
  }),
  measure('distinct', {
    attribute: attribute.describe('Attribute whose different values are counted.'),
    per: daysSchema.optional().describe('Counts a value once for each such stretch of days back from as_of.'),
    with_missing: z
      .boolean()
      .optional()
      .describe('Whether signals without the attribute count as one more value. Default: false.'),
  }),
  measure('distinct_days', {}),
  measure('days_since', {}),
  measure('trend', {
    every: daysSchema.describe('Length of a stretch; `within` has to be a multiple of it.'),
  }),
  measure('streak', {
    ended_by: types.describe('Types that end the streak: only signals after the last of them count.'),
  }),
  measure('open_items', items),
  measure('open_items_age', {
    ...items,
    started_by: types
      .optional()
      .describe('Types that say since when an item is open. Default: those of `of`.'),
    started_at: expression
      .optional()
      .describe('Since when it is open, as an expression on such a signal. Default: occurred_at.'),
    quantile: z
      .number()
      .gt(0)
      .max(1)
      .optional()
      .describe('Which age of all open items. Default: 1, the largest.'),
  }),
  measure('covered_days', {
    until: expression.describe(
      'When the stretch that begins with the signal ends, such as time(attributes.ends_at).',
    ),
    otherwise: daysSchema.describe('How long it lasts where `until` is not known.'),
  }),
  measure('sql', {
    sql: z
      .string()
      .min(1)
      .describe(
        "ClickHouse aggregate over the signals of these types in the window: type, category, value, attributes['x'], occurred_at, age_days, as_of. It must not depend on the order of rows.",
      ),
    absent: z
      .enum(['zero', 'not_known'])
      .default('not_known')
      .describe('What no signal at all means, where others have some.'),
  }),
]);
export type MeasureDefinition = z.infer<typeof measureSchema>;
