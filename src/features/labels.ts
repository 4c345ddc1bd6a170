import { z } from 'zod';
import { OUTCOME_KINDS } from '../signals/subscription.js';
import { daysSchema } from './measures/window.js';

const kinds = z.array(z.enum(OUTCOME_KINDS)).min(1);

/** What a scorecard is fitted to and judged by: declared beside the features, so that both speak of the same thing. */
export const labelSchema = z.strictObject({
  description: z.string().min(1).describe('What the label says, in a sentence.'),
  outcomes: kinds.describe('Outcomes that make the label true.'),
  against: kinds.describe(
    'Outcomes that make it false. Where neither comes within the window there is no label.',
  ),
  lead: z
    .array(daysSchema)
    .min(1)
    .max(12)
    .describe('How long before the renewal date features are observed, such as [30d, 60d, 90d].'),
  window: daysSchema.describe('How long after the renewal date an outcome still answers it.'),
  before_notice: z
    .boolean()
    .default(true)
    .describe('Whether observations after notice was given are left out: what follows it is no forecast.'),
});
export type LabelDefinition = z.infer<typeof labelSchema>;
