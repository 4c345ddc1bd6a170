import type { Millis } from '../core/clock.js';
import { convertMinor } from '../core/money.js';
import type { Ruling } from '../decisions/guardrail-check.js';
import { isOpen } from '../decisions/lifecycle.js';
import type { LimitRequest } from '../decisions/limit-request.js';
import { Reservations } from '../decisions/reservations.js';
import type { Ledger, LedgerEntry } from '../decisions/shared-limits.js';
import type { LimitGrant } from '../store/limit-grants.js';
import type { WriterEpoch } from '../store/writer-epoch.js';
import { GRANT_MS } from './granted-limits.js';

const WITHOUT_RATE =
  'It costs something in another currency already, for which rules/currencies.yaml has no rate.';

/** The shared limits as their keeper has them: what the store shows, and what was granted and does not show yet. */
export class KeptLimits {
  readonly keeper: WriterEpoch;
  readonly #ledger: Ledger;
  readonly #reservations: Reservations;
  /** Versions of what the store showed when it was last looked at: it is read with some overlap. */
  #shown: ReadonlyMap<string, number> = new Map();

  /**
   * @param recent What the store showed lately.
   * @param outstanding Grants of keepers before this one that may still be in use.
   */
  constructor(
    ledger: Ledger,
    keeper: WriterEpoch,
    recent: readonly LedgerEntry[],
    outstanding: Iterable<LimitGrant>,
  ) {
    this.#ledger = ledger;
    this.#reservations = new Reservations(ledger);
    this.keeper = keeper;
    this.stored(recent);
    for (const one of outstanding) this.#reserve(one);
  }

  /** What the store shows since some time before it was last looked at. What it showed then already says nothing of later grants. */
  stored(entries: readonly LedgerEntry[]): void {
    for (const entry of entries)
      if (this.#shown.get(entry.decisionId) !== entry.version) this.#reservations.stored(entry);
    this.#shown = new Map(entries.map(({ decisionId, version }) => [decisionId, version]));
  }

  /** Gives back what was granted and not used in time. */
  expire(now: Millis): void {
    this.#reservations.expire(now);
  }

  /** Answers a request, and reserves what it grants. `running`: subscriptions that run. */
  answer(request: LimitRequest, running: number, now: Millis): LimitGrant {
    const { requestId, accountId, proposal, costKnown, opens, guardrails, reporting, rates, brake } = request;
    const { decisionId, kind, owner, currency, costMinor } = proposal;
    this.#ledger.setBrake(brake, running);
    const currencies = { reporting, rates: new Map(Object.entries(rates)) };
    const known = this.#knownCost(decisionId, currency, currencies.rates);
    const ruling: Ruling =
      known === null
        ? { kind: 'suppress', guardrail: 'shared_limits', reason: WITHOUT_RATE }
        : this.#ledger.ask({ proposal, costKnown, guardrails, currencies, asOf: now, opens });
    const { guardrail = '', reason = '' } = ruling.kind === 'pass' ? {} : ruling;
    const given = { requestId, ...this.keeper, decisionId, accountId, kind, owner, currency };
    const granted: LimitGrant = {
      ...given,
      // Until it is used, what was granted or is open before may be more, and holds.
      costMinor: Math.max(costMinor, known ?? 0),
      ruling: rulingOfGrant(ruling),
      guardrail,
      reason,
      grantedAt: now,
    };
    this.#reserve(granted);
    return granted;
  }

  /** What counts of a decision so far, in a currency; null: there is no rate. */
  #knownCost(decisionId: string, currency: string, rates: ReadonlyMap<string, number>): number | null {
    const known = this.#ledger.entry(decisionId);
    if (known === undefined || !isOpen(known) || known.costMinor === 0) return 0;
    return convertMinor(known.costMinor, known.currency, currency, rates);
  }

  /** Counts a grant as if its decision were open already. */
  #reserve({ decisionId, kind, owner, currency, costMinor, ruling, guardrail, grantedAt }: LimitGrant): void {
    if (ruling === 'suppress' || ruling === 'undecided') return;
    const status = ruling === 'approve' ? 'pending_approval' : 'open';
    this.#reservations.reserve(
      { decisionId, kind, owner, currency, costMinor, status, waitsFor: guardrail, openedAt: grantedAt },
      grantedAt + GRANT_MS,
    );
  }
}

/** The most ARR at risk first, in the reporting currency; then by account and subscription: as within one pass. */
export function mostUrgentFirst(a: LimitRequest, b: LimitRequest): number {
  return (
    urgencyOf(b) - urgencyOf(a) ||
    compare(a.accountId, b.accountId) ||
    compare(a.subscriptionId, b.subscriptionId)
  );
}

function urgencyOf({ proposal: { arrAtRiskMinor, currency }, reporting, rates }: LimitRequest): number {
  if (arrAtRiskMinor === null) return -1;
  return convertMinor(arrAtRiskMinor, currency, reporting, new Map(Object.entries(rates))) ?? arrAtRiskMinor;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function rulingOfGrant(ruling: Ruling): LimitGrant['ruling'] {
  if (ruling.kind === 'suppress' && ruling.undecided === true) return 'undecided';
  return ruling.kind === 'wait' ? 'suppress' : ruling.kind;
}
