import { DAY_MS, type Millis } from '../../src/core/clock.js';
import { convertMinor } from '../../src/core/money.js';
import type { Decision } from '../../src/decisions/decision.js';
import type { Situation } from '../../src/decisions/situation.js';
import type { EventType, RuleEvent } from '../../src/rules/event.js';
import type { Guardrail } from '../../src/rules/guardrail-file.js';
import { OFFERS, RULES } from './cases.js';

/** What a rule proposes, as far as guardrails care. */
export interface Proposed {
  readonly kind: EventType;
  readonly action: string;
  readonly discountPct: number;
  /** Null: not known. */
  readonly costMinor: number | null;
}

const OPEN = ['pending_approval', 'open', 'presented', 'acknowledged', 'snoozed'];
const RESERVED = ['pending_approval', 'open', 'presented'];

export function proposedBy(event: RuleEvent, arrMinor: number | null): Proposed {
  if (event.type !== 'offer')
    return { kind: event.type, action: event.params.topic, discountPct: 0, costMinor: 0 };
  const { discount_pct, discount_months, credit_minor } = OFFERS.get(event.params.offer)!;
  const pct = event.params.discount_pct ?? discount_pct;
  const discount = pct === 0 ? 0 : arrMinor === null ? null : (arrMinor * pct * discount_months) / 1200;
  const costMinor = discount === null ? null : Math.round(discount + credit_minor);
  return { kind: 'offer', action: event.params.offer, discountPct: pct, costMinor };
}

/** What budgets count, over all decisions; null: a rate is missing. */
export function committed(
  all: readonly Pick<Decision, 'status' | 'answeredAt' | 'currency' | 'costMinor'>[],
  { currency, days }: { currency: string; days: number },
  now: Millis,
): number | null {
  const sums = new Map<string, number>();
  for (const one of all) {
    const spent = one.status === 'accepted' && one.answeredAt! > now - days * DAY_MS;
    if (RESERVED.includes(one.status) || spent)
      sums.set(one.currency, (sums.get(one.currency) ?? 0) + one.costMinor);
  }
  let sum = 0;
  for (const [from, minor] of sums) {
    const converted = minor === 0 ? 0 : convertMinor(minor, from, currency, RULES.currencies.rates);
    if (converted === null) return null;
    sum += converted;
  }
  return sum;
}

/**
 * What a guardrail says of a proposal, read off a list of all decisions as they are: the slow way that the fast one is held
 * against. "approve": it opens, and waits.
 */
export function naively(
  guardrail: Guardrail,
  proposal: Proposed,
  { accountId, subscriptionId, owner, currency, asOf }: Situation,
  all: readonly Decision[],
): 'pass' | 'suppress' | 'approve' {
  const suppressIf = (broken: boolean) => (broken ? 'suppress' : 'pass');
  if ('types' in guardrail && !guardrail.types.includes(proposal.kind)) return 'pass';
  const since = 'days' in guardrail ? asOf - guardrail.days * DAY_MS : 0;
  const counted = all.filter((one) => {
    if ('types' in guardrail && !guardrail.types.includes(one.kind)) return false;
    if (!('per' in guardrail)) return one.accountId === accountId;
    if (guardrail.per === 'owner') return one.owner === owner;
    return (
      one.accountId === accountId && (guardrail.per === 'account' || one.subscriptionId === subscriptionId)
    );
  });
  const open = counted.filter(({ status }) => OPEN.includes(status));
  const unseen = open.filter(({ presentedAt }) => presentedAt === null);
  const seen = counted.filter(({ presentedAt }) => presentedAt !== null && presentedAt > since);
  switch (guardrail.kind) {
    case 'discount_cap':
      return suppressIf(proposal.discountPct > guardrail.max_pct);
    case 'discount_approval':
      return proposal.discountPct > guardrail.over_pct ? 'approve' : 'pass';
    case 'block':
      return 'suppress';
    case 'cooldown': {
      const same = counted.filter(
        (one) =>
          one.subscriptionId === subscriptionId &&
          one.kind === proposal.kind &&
          one.action === proposal.action,
      );
      const starts = same.map((one) => {
        const ended = ['accepted', 'declined', 'expired', 'resolved'].includes(one.status);
        if (guardrail.after === 'presented') return one.presentedAt;
        return ended && (guardrail.after === 'closed' || guardrail.after === one.status)
          ? one.closedAt
          : null;
      });
      return suppressIf(starts.some((at) => at !== null && at > since));
    }
    case 'frequency_cap':
      return suppressIf(seen.length + unseen.length + 1 > guardrail.max);
    case 'max_open':
      return suppressIf(open.length + 1 > guardrail.max);
    case 'min_gap':
      return suppressIf(unseen.length + seen.length > 0);
    case 'budget': {
      if (proposal.costMinor === 0) return 'pass';
      if (proposal.costMinor === null || currency === '') return 'suppress';
      const { costMinor } = proposal;
      const together = committed(
        [...all, { status: 'open', answeredAt: null, currency, costMinor }],
        guardrail,
        asOf,
      );
      return suppressIf(together === null || together > guardrail.max_minor);
    }
  }
}
