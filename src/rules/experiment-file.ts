import { z } from 'zod';
import { nameSchema, schemaKey, textSchema } from './names.js';

const arm = z.strictObject({
  name: nameSchema.describe('How decisions name the arm.'),
  share: z.number().min(0).max(1).describe('Share of the subscriptions that get it, 0 to 1.'),
  offer: nameSchema
    .nullable()
    .describe(
      "The offer this arm gets in place of the rule's; null: nothing is done, and only recorded (a holdout).",
    ),
});

/** A fair comparison of offers, or of an offer with doing nothing. Who gets which arm follows from the subscription's id. */
export const experimentSchema = z
  .strictObject({
    name: nameSchema.describe('Part of what the arm is drawn from: another name draws afresh.'),
    description: textSchema.describe('What is asked, and what would count as an answer.'),
    offers: z
      .array(nameSchema)
      .min(1)
      .describe('The offers it stands in for: rules that make one of them take part.'),
    arms: z.array(arm).min(1).describe('Shares sum to at most 1; the rest gets what the rule says.'),
    from: z.iso.date().optional().describe('First day (UTC). Default: at once.'),
    until: z.iso.date().optional().describe('First day on which it no longer runs (UTC). Default: no end.'),
  })
  .refine((experiment) => experiment.arms.reduce((sum, { share }) => sum + share, 0) <= 1 + 1e-9, {
    message: 'the shares of the arms sum to more than 1',
    path: ['arms'],
  });
export type Experiment = z.infer<typeof experimentSchema>;

export const experimentFileSchema = z.strictObject({
  $schema: schemaKey,
  experiments: z.array(experimentSchema).describe('Experiments that run or will run.'),
});
