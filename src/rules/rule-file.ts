import { z } from 'zod';
import { topConditionSchema } from './condition.js';
import { eventSchema } from './event.js';
import { clearAfterSchema, leastDaysSchema } from './life.js';
import { schemaKey, textSchema } from './names.js';

/** One rule: when its conditions hold for a subscription, its event is proposed. */
export const ruleSchema = z.strictObject({
  name: z
    .union([z.string().min(1).max(128), z.number()])
    .optional()
    .describe('What decisions, tests and people call the rule. Unique in the whole set.'),
  description: textSchema.optional().describe('What the rule is for, in a sentence.'),
  priority: z
    .number()
    .int()
    .min(1, 'priority is a whole number from 1 (json-rules-engine reads 0 as 1)')
    .max(1_000_000)
    .default(1)
    .describe('Higher goes first. Default: 1.'),
  clear_after_days: clearAfterSchema
    .optional()
    .describe(
      'Days in a row for which the conditions have to be false before what it opened is cleared. Default: that of its kind, in guardrails.yaml.',
    ),
  least_days: leastDaysSchema
    .optional()
    .describe(
      'Days for which what it opened stays open at least. Default: that of its kind, in guardrails.yaml.',
    ),
  conditions: topConditionSchema.describe('When the rule fires.'),
  event: eventSchema.describe('What the rule proposes.'),
});
export type RuleSource = z.infer<typeof ruleSchema>;

const rules = z.array(ruleSchema).describe('The rules of this file.');

/** A rule file: rules, and conditions that any rule of the set can name. A bare array of json-rules-engine rules is one too. */
export const ruleFileSchema = z.strictObject({
  $schema: schemaKey,
  conditions: z
    .record(z.string().min(1).max(128), topConditionSchema)
    .optional()
    .describe('Shared conditions by name, for `condition: name` in any file of the set.'),
  rules: z.union([rules, z.literal('off').describe('The set has no rules, and that is meant.')]).optional(),
});
export const bareRuleFileSchema = rules;
