import { z } from 'zod';
import { LIMITS } from '../core/limits.js';
import { brakeSchema } from './brake.js';
import { topConditionSchema } from './condition.js';
import { currencySchema } from './currency-file.js';
import { EVENT_TYPES } from './event.js';
import { livesSchema } from './life.js';
import { nameSchema, schemaKey, textSchema } from './names.js';

/** What every guardrail has. */
const common = {
  name: nameSchema.describe('How suppressed decisions name it.'),
  description: textSchema.describe('Why it is there, for people who ask why something was not offered.'),
  when: topConditionSchema
    .optional()
    .describe('The subscriptions it applies to, as conditions like those of a rule. Default: all.'),
};

const onTypes = z
  .array(z.enum(EVENT_TYPES))
  .min(1)
  .default([...EVENT_TYPES])
  .describe('What it applies to. Default: offers, escalations and touchpoints.');

const days = (meaning: string) => z.number().int().min(1).max(LIMITS.guardrailDays).describe(meaning);

/** No offer with a larger discount is made. */
const discountCap = z.strictObject({
  ...common,
  kind: z.literal('discount_cap'),
  max_pct: z.number().min(0).max(100).describe('The largest discount, in per cent.'),
});

/** A larger discount waits for a person's approval. */
const discountApproval = z.strictObject({
  ...common,
  kind: z.literal('discount_approval'),
  over_pct: z.number().min(0).max(100).describe('Discounts above this many per cent wait for approval.'),
});

/** What discounts and credits may cost in all, over everyone, within a period. */
const budget = z.strictObject({
  ...common,
  kind: z.literal('budget'),
  max_minor: z
    .number()
    .int()
    .min(0)
    .describe('The most that offers may give away, in minor units of the currency of the budget.'),
  currency: currencySchema.describe(
    'Currency of the budget. What offers cost in other currencies is converted by the rates of currencies.yaml; where there is no rate, nothing that costs money is offered.',
  ),
  days: days('The period it counts over: this many days back.'),
});

/** What the days of a cooldown count from. What nobody saw starts none: see docs/rules.md. */
const COOLDOWN_STARTS = ['presented', 'accepted', 'declined', 'expired', 'closed'] as const;

/** The same action (offer, or topic of an escalation or touchpoint) is not opened again so soon. */
const cooldown = z.strictObject({
  ...common,
  kind: z.literal('cooldown'),
  types: onTypes,
  after: z
    .enum(COOLDOWN_STARTS)
    .default('presented')
    .describe(
      'What the days count from. presented: when it was first seen, that is presented or acknowledged, or answered without that. accepted, declined, expired: when that happened. closed: any of accepted, declined, expired, resolved. What was cleared, superseded, rejected or withdrawn, or lapsed without having been presented, starts none by its end. Default: presented.',
    ),
  days: days('Days in which the same action is not opened again.'),
});

/** So many in so many days, whatever they are about. Only what was presented or acknowledged counts. */
const frequencyCap = z.strictObject({
  ...common,
  kind: z.literal('frequency_cap'),
  types: onTypes,
  per: z
    .enum(['subscription', 'account'])
    .default('subscription')
    .describe('Whose count it is. Default: subscription.'),
  max: z
    .number()
    .int()
    .min(0)
    .max(LIMITS.frequencyCap)
    .describe('At most so many within the days. What the customer has not seen does not count.'),
  days: days('The days that they are counted over, from when they were presented.'),
});

/** So many open at once. */
const maxOpen = z.strictObject({
  ...common,
  kind: z.literal('max_open'),
  types: onTypes,
  per: z
    .enum(['subscription', 'account', 'owner'])
    .default('account')
    .describe('Whose count it is: the cure for alert noise is one per owner. Default: account.'),
  max: z.number().int().min(0).describe('At most so many open at once.'),
});

/** Time between any two contacts: things that were presented. */
const minGap = z.strictObject({
  ...common,
  kind: z.literal('min_gap'),
  types: onTypes,
  per: z
    .enum(['subscription', 'account'])
    .default('account')
    .describe('Whose contacts count. Default: account.'),
  days: days('Fewest days between two of them.'),
});

/** Nothing of these types while `when` holds: do-not-contact, legal hold, a cancellation in progress. */
const block = z.strictObject({
  ...common,
  kind: z.literal('block'),
  types: onTypes,
  when: topConditionSchema.describe('While these conditions hold, nothing of these types is opened.'),
});

export const guardrailSchema = z.discriminatedUnion('kind', [
  discountCap,
  discountApproval,
  budget,
  cooldown,
  frequencyCap,
  maxOpen,
  minGap,
  block,
]);

/**
 * What no rule may break. `when` is compiled into the same plan as the rules: ask the evaluation whether a guardrail
 * applies to a row.
 */
export type Guardrail = z.infer<typeof guardrailSchema>;

export const guardrailFileSchema = z.strictObject({
  $schema: schemaKey,
  guardrails: z.union([
    z.array(guardrailSchema).describe('What no rule may break. A suppressed decision names the guardrail.'),
    z.literal('off').describe('The set has no guardrails, and that is meant.'),
  ]),
  lives: livesSchema
    .optional()
    .describe('How long decisions stay open once the conditions of their rule no longer hold, by kind.'),
  brake: brakeSchema
    .optional()
    .describe(
      'How much one pass opens by itself; what is beyond waits for a person. `off`: no limit. Default: the larger of 200 and 20 per cent.',
    ),
});
