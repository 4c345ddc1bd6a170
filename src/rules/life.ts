import { z } from 'zod';
import type { EventType } from './event.js';

/** How long what was opened stays open, once the conditions of its rule no longer hold. */
export interface Life {
  /** The conditions have to be false for this many days in a row before they clear it. */
  readonly clearAfterDays: number;
  /** It is not cleared before it has been open for this many days. */
  readonly leastDays: number;
}

/**
 * An offer has to live long enough to be made: a fact that flickers around a threshold must not take it back before anybody
 * has seen it. And little is to come back soon after it was cleared: what customers do has the rhythm of weeks and months, so
 * what has been false for less than a month says little. docs/rules.md has what a simulated year says about these numbers. Who
 * works on an escalation need not wait: it is resolved.
 */
export const DEFAULT_LIVES: Readonly<Record<EventType, Life>> = {
  offer: { clearAfterDays: 30, leastDays: 14 },
  escalation: { clearAfterDays: 28, leastDays: 1 },
  touchpoint: { clearAfterDays: 28, leastDays: 7 },
};

const days = z.number().int().min(0).max(365);

export const clearAfterSchema = days.describe(
  "Days in a row for which the rule's conditions have to be false before an open decision is cleared.",
);
export const leastDaysSchema = days.describe(
  "Days for which a decision stays open at least, whatever becomes of its rule's conditions.",
);

const lifeSchema = (kind: EventType) =>
  z
    .strictObject({
      clear_after_days: clearAfterSchema.default(DEFAULT_LIVES[kind].clearAfterDays),
      least_days: leastDaysSchema.default(DEFAULT_LIVES[kind].leastDays),
    })
    .optional()
    .describe(
      `Default: ${DEFAULT_LIVES[kind].clearAfterDays} and ${DEFAULT_LIVES[kind].leastDays} days. A rule may say otherwise for itself.`,
    );

export const livesSchema = z.strictObject({
  offer: lifeSchema('offer'),
  escalation: lifeSchema('escalation'),
  touchpoint: lifeSchema('touchpoint'),
});

export function livesOf(given: z.infer<typeof livesSchema> = {}): Readonly<Record<EventType, Life>> {
  const life = (kind: EventType): Life => {
    const { clear_after_days: clearAfterDays, least_days: leastDays } = given[kind] ?? {};
    return {
      clearAfterDays: clearAfterDays ?? DEFAULT_LIVES[kind].clearAfterDays,
      leastDays: leastDays ?? DEFAULT_LIVES[kind].leastDays,
    };
  };
  return { offer: life('offer'), escalation: life('escalation'), touchpoint: life('touchpoint') };
}
