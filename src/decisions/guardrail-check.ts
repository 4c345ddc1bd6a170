import { DAY_MS, type Millis } from '../core/clock.js';
import type { Guardrail } from '../rules/rule-set.js';
import type { AccountHistory, End } from './account-history.js';
import type { Decision } from './decision.js';

/** What a guardrail says: nothing against it, suppressed with a reason, or let through once a person approves. */
export type Ruling =
  | { readonly kind: 'pass' }
  | {
      readonly kind: 'suppress';
      readonly guardrail: string;
      readonly reason: string;
      /** Nobody can say whether it fits, for want of a rate: nothing new is opened, and nothing that is open ends by it. */
      readonly undecided?: true;
    }
  | { readonly kind: 'approve'; readonly guardrail: string; readonly reason: string }
  /** The keeper of the shared limits has been asked and has not answered yet. */
  | { readonly kind: 'wait'; readonly guardrail: string; readonly reason: string };

const PASS: Ruling = { kind: 'pass' };

/** Guardrails that look at one account only. */
export type AccountGuardrail = Exclude<Guardrail, { kind: 'budget' }>;

/**
 * Applies one guardrail, of which `when` holds already, to a proposal. Caps, gaps and cooldowns count what the customer saw;
 * what is open and may still be shown has its place reserved.
 */
export function checkGuardrail(
  guardrail: AccountGuardrail,
  proposal: Pick<Decision, 'subscriptionId' | 'kind' | 'action' | 'discountPct'>,
  history: AccountHistory,
  asOf: Millis,
): Ruling {
  const suppress = (reason: string): Ruling => ({ kind: 'suppress', guardrail: guardrail.name, reason });
  switch (guardrail.kind) {
    case 'discount_cap':
      if (proposal.kind !== 'offer' || proposal.discountPct <= guardrail.max_pct) return PASS;
      return suppress(`A discount of ${proposal.discountPct} % is over the cap of ${guardrail.max_pct} %.`);
    case 'discount_approval':
      if (proposal.kind !== 'offer' || proposal.discountPct <= guardrail.over_pct) return PASS;
      return {
        kind: 'approve',
        guardrail: guardrail.name,
        reason: `A discount of ${proposal.discountPct} % is over ${guardrail.over_pct} % and waits for approval.`,
      };
    case 'cooldown': {
      if (!guardrail.types.includes(proposal.kind)) return PASS;
      const last = history.last(proposal, COOLDOWN_FROM[guardrail.after]);
      if (last === undefined || asOf - last >= guardrail.days * DAY_MS) return PASS;
      return suppress(
        `The same ${proposal.kind} was ${guardrail.after} ${daysAgo(last, asOf)}; it rests for ${guardrail.days} days.`,
      );
    }
    case 'frequency_cap': {
      if (!guardrail.types.includes(proposal.kind)) return PASS;
      const of = guardrail.per === 'account' ? undefined : proposal.subscriptionId;
      const seen = history.seenSince(guardrail.types, asOf - guardrail.days * DAY_MS, of);
      const unseen = history.unseenCount(guardrail.types, of);
      if (seen + unseen < guardrail.max) return PASS;
      return suppress(
        `${seen} were presented in ${guardrail.days} days and ${unseen} are open; at most ${guardrail.max} are allowed per ${guardrail.per}.`,
      );
    }
    case 'max_open': {
      if (!guardrail.types.includes(proposal.kind)) return PASS;
      const of = guardrail.per === 'account' ? undefined : proposal.subscriptionId;
      const open = history.openCount(guardrail.types, of);
      if (open < guardrail.max) return PASS;
      return suppress(`${open} are open; at most ${guardrail.max} are allowed per ${guardrail.per}.`);
    }
    case 'min_gap': {
      if (!guardrail.types.includes(proposal.kind)) return PASS;
      const of = guardrail.per === 'account' ? undefined : proposal.subscriptionId;
      if (history.unseenCount(guardrail.types, of) > 0)
        return suppress(
          `Another contact is open and not yet made; there are at least ${guardrail.days} days between two.`,
        );
      const last = history.lastSeen(guardrail.types, of);
      if (last === undefined || asOf - last >= guardrail.days * DAY_MS) return PASS;
      return suppress(
        `The last contact was ${daysAgo(last, asOf)}; there are at least ${guardrail.days} days between two.`,
      );
    }
    case 'block':
      return guardrail.types.includes(proposal.kind) ? suppress(guardrail.description) : PASS;
  }
}

/** What a cooldown counts from. */
const COOLDOWN_FROM: Readonly<Record<'presented' | 'closed' | End, readonly ('presented' | End)[]>> = {
  presented: ['presented'],
  accepted: ['accepted'],
  declined: ['declined'],
  expired: ['expired'],
  resolved: ['resolved'],
  closed: ['accepted', 'declined', 'expired', 'resolved'],
};

function daysAgo(then: Millis, now: Millis): string {
  const days = Math.floor((now - then) / DAY_MS);
  return days === 0 ? 'less than a day ago' : days === 1 ? 'a day ago' : `${days} days ago`;
}
