import { z } from 'zod';
import { detailsSchema, nameSchema, schemaKey, textSchema } from './names.js';

/** What can be offered. At most one offer is open per subscription. */
export const offerSchema = z.strictObject({
  name: nameSchema.describe('What rules call it.'),
  description: textSchema.describe('What the customer gets, in a sentence or two.'),
  kind: z
    .enum(['discount', 'credit', 'contract', 'training', 'success_plan', 'upgrade'])
    .describe('What sort of offer it is.'),
  discount_pct: z
    .number()
    .min(0)
    .max(100)
    .default(0)
    .describe('Off the price of the next term, in per cent. Default: 0. Guardrails cap it.'),
  discount_months: z
    .number()
    .int()
    .min(1)
    .max(60)
    .default(12)
    .describe('How many months the discount lasts. Default: 12.'),
  credit_minor: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe("A one-off credit in minor units of the subscription's currency. Default: 0."),
  term_months: z
    .number()
    .int()
    .min(1)
    .max(120)
    .optional()
    .describe('The term the customer commits to. Default: the present one.'),
  valid_days: z
    .number()
    .int()
    .min(1)
    .max(365)
    .default(14)
    .describe('Days until the offer expires. Default: 14.'),
  contact_cost_minor: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('What presenting it costs (time, training seats), in minor units. Default: 0.'),
  uplift: z
    .number()
    .min(0)
    .max(1)
    .describe(
      'By how much it raises the probability of renewal, 0 to 1, as measured against a holdout; 0.05 is five points. Expected value = uplift x remaining value - discount - contact cost.',
    ),
  expands: z
    .boolean()
    .default(false)
    .describe('Whether it is meant to grow the subscription rather than to keep it. Default: false.'),
  details: detailsSchema,
});
export type Offer = z.infer<typeof offerSchema>;

export const offerFileSchema = z.strictObject({
  $schema: schemaKey,
  offers: z.array(offerSchema).describe('Every offer that rules may make.'),
});
