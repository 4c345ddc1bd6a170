import { DAY_MS, type Millis } from '../core/clock.js';
import type { CooldownStart } from '../rules/guardrail-file.js';
import type { Guardrail } from '../rules/rule-set.js';
import { type Decision, isOpen } from './decision.js';
import type { Tally } from './tally.js';

/** What a guardrail looks at of a decision that is about to open. */
export type Proposal = Pick<
  Decision,
  'accountId' | 'subscriptionId' | 'kind' | 'action' | 'owner' | 'currency' | 'discountPct' | 'costMinor'
> & {
  /** False where the discount is a share of an ARR that is not known. */
  readonly costKnown: boolean;
};

/** What a guardrail says: nothing against it, held back with a reason, or let through once somebody approves. */
export type Ruling =
  | { readonly kind: 'pass' }
  | { readonly kind: 'suppress'; readonly reason: string }
  | { readonly kind: 'approve'; readonly reason: string };

const PASS: Ruling = { kind: 'pass' };
const suppress = (reason: string): Ruling => ({ kind: 'suppress', reason });

/** Applies one guardrail, of which `when` holds already, to a proposal. */
export function checkGuardrail(guardrail: Guardrail, proposal: Proposal, tally: Tally, asOf: Millis): Ruling {
  switch (guardrail.kind) {
    case 'discount_cap':
      if (proposal.kind !== 'offer' || proposal.discountPct <= guardrail.max_pct) return PASS;
      return suppress(`A discount of ${proposal.discountPct} % is over the cap of ${guardrail.max_pct} %.`);
    case 'discount_approval':
      if (proposal.kind !== 'offer' || proposal.discountPct <= guardrail.over_pct) return PASS;
      return {
        kind: 'approve',
        reason: `A discount of ${proposal.discountPct} % is over ${guardrail.over_pct} % and waits for approval.`,
      };
    case 'budget': {
      if (!proposal.costKnown) return suppress('What it costs is not known, since the ARR is not.');
      if (proposal.costMinor === 0) return PASS;
      if (proposal.currency === '') return suppress('The currency of what it costs is not known.');
      if (proposal.currency !== guardrail.currency) return PASS;
      const spent = tally.spent(guardrail.currency, guardrail.days, asOf);
      if (spent + proposal.costMinor <= guardrail.max_minor) return PASS;
      return suppress(
        `It costs ${proposal.costMinor} and ${spent} of the ${guardrail.max_minor} minor units for ${guardrail.days} days are spent.`,
      );
    }
    case 'cooldown': {
      if (!guardrail.types.includes(proposal.kind)) return PASS;
      const same = tally
        .ofSubscription(proposal.accountId, proposal.subscriptionId)
        .filter((d) => d.kind === proposal.kind && d.action === proposal.action);
      const last = Math.max(
        ...same.map((d) => cooldownStart(d, guardrail.after) ?? Number.NEGATIVE_INFINITY),
      );
      if (asOf - last >= guardrail.days * DAY_MS) return PASS;
      return suppress(
        `The same ${proposal.kind} was ${guardrail.after} ${daysAgo(last, asOf)}; it rests for ${guardrail.days} days.`,
      );
    }
    case 'frequency_cap': {
      if (!guardrail.types.includes(proposal.kind)) return PASS;
      const opened = scoped(guardrail.per, proposal, tally).filter(
        (d) => guardrail.types.includes(d.kind) && asOf - d.openedAt < guardrail.days * DAY_MS,
      );
      if (opened.length < guardrail.max) return PASS;
      return suppress(
        `${opened.length} were opened in ${guardrail.days} days; at most ${guardrail.max} are allowed per ${guardrail.per}.`,
      );
    }
    case 'max_open': {
      if (!guardrail.types.includes(proposal.kind)) return PASS;
      // A subscription without an owner is nobody's load.
      if (guardrail.per === 'owner' && proposal.owner === '') return PASS;
      const open =
        guardrail.per === 'owner'
          ? tally.openOfOwner(proposal.owner, guardrail.types)
          : scoped(guardrail.per, proposal, tally).filter(
              (d) => isOpen(d) && guardrail.types.includes(d.kind),
            ).length;
      if (open < guardrail.max) return PASS;
      return suppress(`${open} are open already; at most ${guardrail.max} are allowed per ${guardrail.per}.`);
    }
    case 'min_gap': {
      if (!guardrail.types.includes(proposal.kind)) return PASS;
      const opened = scoped(guardrail.per, proposal, tally).filter((d) => guardrail.types.includes(d.kind));
      const last = Math.max(...opened.map((d) => d.openedAt), Number.NEGATIVE_INFINITY);
      if (asOf - last >= guardrail.days * DAY_MS) return PASS;
      return suppress(
        `The last contact was ${daysAgo(last, asOf)}; there are at least ${guardrail.days} days between two.`,
      );
    }
    case 'block':
      return guardrail.types.includes(proposal.kind) ? suppress(guardrail.description) : PASS;
  }
}

function scoped(
  per: 'subscription' | 'account',
  { accountId, subscriptionId }: Proposal,
  tally: Tally,
): readonly Decision[] {
  return per === 'account' ? tally.ofAccount(accountId) : tally.ofSubscription(accountId, subscriptionId);
}

/** When a cooldown began to count; undefined when what it counts from has not happened. */
function cooldownStart(decision: Decision, after: CooldownStart): Millis | undefined {
  if (decision.closedAt === null || decision.status === 'cleared') return undefined;
  if (after === 'closed' || after === 'presented') return decision.closedAt;
  // An offer runs out by the clock, or because an outcome says so.
  const ended = after === 'expired' ? decision.status === 'expired' : decision.closedBy === `offer_${after}`;
  return ended ? decision.closedAt : undefined;
}

function daysAgo(then: Millis, now: Millis): string {
  const days = Math.floor((now - then) / DAY_MS);
  return days === 0 ? 'less than a day ago' : days === 1 ? 'a day ago' : `${days} days ago`;
}
