import { z } from 'zod';
import { detailsSchema, nameSchema, textSchema } from './names.js';

/** What a rule proposes when it fires. */
export const EVENT_TYPES = ['offer', 'escalation', 'touchpoint'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Every name that params have in any kind of event: one of them under `details` would say a second time what is said above. */
const PARAMS = new Set([
  'offer',
  'discount_pct',
  'topic',
  'to',
  'severity',
  'respond_within_hours',
  'channel',
  'message',
  'details',
]);

function detailsOfTheirOwn(
  { details }: { readonly details: Readonly<Record<string, unknown>> },
  context: z.RefinementCtx,
): void {
  for (const key of Object.keys(details)) {
    if (!PARAMS.has(key)) continue;
    const message = `\`${key}\` is a parameter of events and can't be a detail; say it beside \`details\`, or choose another name`;
    context.addIssue({ code: 'custom', message, path: ['details', key] });
  }
}

const offerEvent = z.strictObject({
  type: z.literal('offer'),
  params: z
    .strictObject({
      offer: nameSchema.describe('The name of an offer in offers.yaml.'),
      discount_pct: z
        .number()
        .min(0)
        .max(100)
        .optional()
        .describe("A smaller discount than the offer's own, in per cent. Default: the offer's."),
      message: textSchema.optional().describe('A sentence for the person who presents the offer.'),
      details: detailsSchema,
    })
    .superRefine(detailsOfTheirOwn),
});

const escalationEvent = z.strictObject({
  type: z.literal('escalation'),
  params: z
    .strictObject({
      topic: nameSchema.describe('What it is about, such as failed_payment. Cooldowns count per topic.'),
      to: nameSchema.describe('Who has to act, such as owner, cs_lead, billing or executive_sponsor.'),
      severity: z
        .enum(['low', 'normal', 'high', 'urgent'])
        .default('normal')
        .describe('How pressing it is. Default: normal.'),
      respond_within_hours: z
        .number()
        .int()
        .min(1)
        .max(8_760)
        .optional()
        .describe('Hours until it should have been answered. Default: no limit.'),
      message: textSchema.optional().describe('A sentence for the person who has to act.'),
      details: detailsSchema,
    })
    .superRefine(detailsOfTheirOwn),
});

const touchpointEvent = z.strictObject({
  type: z.literal('touchpoint'),
  params: z
    .strictObject({
      topic: nameSchema.describe('What it is about, such as adoption_review. Cooldowns count per topic.'),
      channel: z
        .enum(['email', 'call', 'meeting', 'in_app', 'training'])
        .describe('How the customer is reached.'),
      message: textSchema.optional().describe('A sentence for the person who reaches out.'),
      details: detailsSchema,
    })
    .superRefine(detailsOfTheirOwn),
});

export const eventSchema = z.discriminatedUnion('type', [offerEvent, escalationEvent, touchpointEvent]);
export type RuleEvent = z.infer<typeof eventSchema>;

/**
 * What cooldowns, caps and history count as the same action: the event's type and its offer or topic, such as
 * `offer:annual_commitment` or `escalation:failed_payment`. Two rules that propose the same action are one action.
 */
export function actionOf(event: RuleEvent): string {
  return event.type === 'offer' ? `offer:${event.params.offer}` : `${event.type}:${event.params.topic}`;
}
