import { z } from 'zod';

/**
 * How much one pass may open by itself: the larger of the two. What would go beyond waits for a person. A rule that fires
 * for nearly everyone is a slip far more often than an intention.
 */
export interface Brake {
  readonly maxOpened: number;
  /** Per cent of the subscriptions that are scored. */
  readonly maxSharePct: number;
}

/** What holds where guardrails.yaml says nothing. */
export const DEFAULT_BRAKE: Brake = { maxOpened: 200, maxSharePct: 20 };

export const brakeSchema = z.union([
  z.strictObject({
    max_opened: z
      .number()
      .int()
      .min(0)
      .default(DEFAULT_BRAKE.maxOpened)
      .describe(`A pass opens so many in any case. Default: ${DEFAULT_BRAKE.maxOpened}.`),
    max_share_pct: z
      .number()
      .min(0)
      .max(100)
      .default(DEFAULT_BRAKE.maxSharePct)
      .describe(
        `And so many for each hundred subscriptions that are scored, where that is more. Default: ${DEFAULT_BRAKE.maxSharePct}.`,
      ),
  }),
  z.literal('off').describe('One pass may open any number.'),
]);

/** Null: there is none, because the file says so. */
export function brakeOf(given: z.infer<typeof brakeSchema> | undefined): Brake | null {
  if (given === 'off') return null;
  if (given === undefined) return DEFAULT_BRAKE;
  return { maxOpened: given.max_opened, maxSharePct: given.max_share_pct };
}
