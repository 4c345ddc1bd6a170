import { DAY_MS, type Millis } from '../core/clock.js';
import { convertMinor } from '../core/money.js';
import type { Currencies } from '../rules/currency-file.js';
import type { EventType } from '../rules/event.js';
import type { Brake, Guardrail } from '../rules/rule-set.js';
import type { Decision } from './decision.js';
import type { Ruling } from './guardrail-check.js';
import { isOpen, STATUS_TRAITS } from './lifecycle.js';

/** Guardrails whose limit all accounts share. */
export type SharedGuardrail = Extract<Guardrail, { kind: 'budget' | 'max_open' }>;

export function isShared(guardrail: Guardrail): guardrail is SharedGuardrail {
  return guardrail.kind === 'budget' || (guardrail.kind === 'max_open' && guardrail.per === 'owner');
}

/** A decision that is about to open, or to cost more, and what it must fit into. */
export interface Asked {
  readonly proposal: Decision;
  /** False where the discount is a share of an ARR that is not known. */
  readonly costKnown: boolean;
  readonly guardrails: readonly SharedGuardrail[];
  readonly currencies: Currencies;
  readonly asOf: Millis;
  /** Whether it opens something: what the brake counts. */
  readonly opens: boolean;
}

/**
 * What all accounts share: budgets, the load of owners, and the brake on how much one pass may open. It has one writer, which
 * sees every decision that changes.
 */
export interface SharedLimits {
  /**
   * Whether a proposal fits. What fits is reserved once it is recorded; what a decision of this id had reserved before does not
   * stand in its own way.
   */
  ask(asked: Asked): Ruling;
  /** A decision is new or has changed: what it reserves, has spent, or loads its owner with follows. */
  record(decision: Decision): void;
}

/** What the ledger keeps of a decision. */
export type LedgerEntry = Pick<
  Decision,
  | 'decisionId'
  | 'kind'
  | 'status'
  | 'owner'
  | 'currency'
  | 'costMinor'
  | 'answeredAt'
  | 'openedAt'
  | 'waitsFor'
  | 'version'
>;

/** Copies what the ledger needs: it keeps an entry of every open decision, and a whole decision is ten times as large. */
function entryOf(entry: LedgerEntry): LedgerEntry {
  const { decisionId, kind, status, owner, currency, costMinor, answeredAt, openedAt, waitsFor, version } =
    entry;
  return { decisionId, kind, status, owner, currency, costMinor, answeredAt, openedAt, waitsFor, version };
}

/** How long an opening counts for the brake: passes over few accounts follow each other quickly. */
const BRAKE_WINDOW_MS = 3_600_000;

/** What of a question the ledger looks at. */
export type AskedOfLedger = Omit<Asked, 'proposal'> & {
  readonly proposal: Pick<Decision, 'decisionId' | 'kind' | 'owner' | 'currency' | 'costMinor'>;
};

/**
 * The shared limits in memory: entries of every decision that is open, and of what was accepted as long ago as a budget looks
 * back. Sums are kept current, so that asking costs the same however many decisions there are.
 */
export class Ledger implements SharedLimits {
  readonly #entries = new Map<string, LedgerEntry>();
  readonly #openByOwner = new Map<string, number>();
  /** Reserved by currency: the open ones. */
  readonly #reserved = new Map<string, number>();
  /** Spent: the accepted ones. */
  readonly #spent = new Map<string, LedgerEntry>();
  readonly #sums = new Map<string, { readonly since: Millis; readonly byCurrency: Map<string, number> }>();
  /** Times of the openings that the brake may still count, the earliest first. */
  #opened: Millis[] = [];
  #allowed = Number.POSITIVE_INFINITY;

  constructor(entries: Iterable<LedgerEntry> = []) {
    for (const entry of entries) {
      this.#set(entry);
      if (isOpen(entry) && !isBraked(entry)) this.#opened.push(entry.openedAt);
    }
    this.#opened.sort((a, b) => a - b);
  }

  /** To be called before a pass opens anything. `running`: subscriptions that run. */
  setBrake(brake: Brake | null, running: number): void {
    this.#allowed =
      brake === null
        ? Number.POSITIVE_INFINITY
        : Math.max(brake.maxOpened, Math.floor((brake.maxSharePct / 100) * running));
  }

  ask(asked: AskedOfLedger): Ruling {
    for (const guardrail of asked.guardrails) {
      const ruling =
        guardrail.kind === 'budget' ? this.#budget(guardrail, asked) : this.#load(guardrail, asked);
      if (ruling.kind !== 'pass') return ruling;
    }
    return asked.opens ? this.#brake(asked) : { kind: 'pass' };
  }

  record(decision: LedgerEntry): void {
    const before = this.#entries.get(decision.decisionId);
    const isNew = decision.version === 1 && (before === undefined || isBraked(before));
    if (isNew && isOpen(decision) && !isBraked(decision)) this.#opened.push(decision.openedAt);
    this.#set(entryOf(decision));
  }

  /** What it knows of a decision that is open or spent. */
  entry(decisionId: string): LedgerEntry | undefined {
    return this.#entries.get(decisionId);
  }

  /** Gives back what was reserved for a decision that never came. */
  release(decisionId: string): void {
    const entry = this.#entries.get(decisionId);
    if (entry !== undefined) this.#set({ ...entry, status: 'withdrawn' });
  }

  /** Open decisions of an owner. */
  openOfOwner(owner: string, kinds: readonly EventType[]): number {
    return kinds.reduce((sum, kind) => sum + (this.#openByOwner.get(ownerKey(owner, kind)) ?? 0), 0);
  }

  /**
   * What is reserved, and what was spent in the days before a time, in a currency. Null: there is no rate for a currency that
   * a part of it is in.
   */
  committed(currencies: Currencies, currency: string, days: number, asOf: Millis): number | null {
    return inCurrency(this.#amounts(days, asOf), currency, currencies);
  }

  #budget(
    guardrail: Extract<Guardrail, { kind: 'budget' }>,
    { proposal, costKnown, currencies, asOf }: AskedOfLedger,
  ): Ruling {
    const suppress = (reason: string): Ruling => ({ kind: 'suppress', guardrail: guardrail.name, reason });
    const undecided = (reason: string): Ruling => ({
      kind: 'suppress',
      guardrail: guardrail.name,
      reason,
      undecided: true,
    });
    if (!costKnown) return suppress('What it costs is not known, since the ARR is not.');
    if (proposal.costMinor === 0) return { kind: 'pass' };
    if (proposal.currency === '') return suppress('The currency of what it costs is not known.');
    const { currency, days, max_minor } = guardrail;
    const cost = convertMinor(proposal.costMinor, proposal.currency, currency, currencies.rates);
    const own = this.#entries.get(proposal.decisionId);
    if (cost === null) {
      const reason = `rules/currencies.yaml has no rate from ${proposal.currency} to ${currency}.`;
      // What is in that currency already had a rate when it opened: the file was changed, and not the contract.
      return own?.currency === proposal.currency ? undecided(reason) : suppress(reason);
    }
    const amounts = this.#amounts(days, asOf);
    if (own !== undefined && STATUS_TRAITS[own.status].budget === 'reserved')
      add(amounts, own.currency, -own.costMinor);
    const committed = inCurrency(amounts, currency, currencies);
    add(amounts, proposal.currency, proposal.costMinor);
    // Together, since the sum of what is rounded by itself can be less than the sum.
    const together = inCurrency(amounts, currency, currencies);
    if (committed === null || together === null)
      return undecided(
        `rules/currencies.yaml has no rate of ${withoutRate(amounts, currency, currencies).join(', ')}, in which decisions are open or were accepted.`,
      );
    if (together <= max_minor) return { kind: 'pass' };
    return suppress(
      `It costs ${cost} ${currency}, and ${committed} of the ${max_minor} minor units for ${days} days are reserved or spent.`,
    );
  }

  #load(guardrail: Extract<Guardrail, { kind: 'max_open' }>, { proposal, opens }: AskedOfLedger): Ruling {
    if (!opens || !guardrail.types.includes(proposal.kind)) return { kind: 'pass' };
    const own = this.#entries.get(proposal.decisionId);
    const counted = own !== undefined && isOpen(own) && own.owner === proposal.owner;
    const open = this.openOfOwner(proposal.owner, guardrail.types) - (counted ? 1 : 0);
    if (open < guardrail.max) return { kind: 'pass' };
    return {
      kind: 'suppress',
      guardrail: guardrail.name,
      reason: `${open} are open for ${proposal.owner === '' ? 'nobody in particular' : proposal.owner}; at most ${guardrail.max} are allowed per owner.`,
    };
  }

  #brake({ proposal, asOf }: AskedOfLedger): Ruling {
    const since = asOf - BRAKE_WINDOW_MS;
    if (this.#opened.length > 0 && this.#opened[0]! <= since)
      this.#opened = this.#opened.filter((at) => at > since);
    const own = this.#entries.get(proposal.decisionId);
    const counted = own !== undefined && isOpen(own) && !isBraked(own) && own.openedAt > since;
    const opened = this.#opened.length - (counted ? 1 : 0);
    if (opened < this.#allowed) return { kind: 'pass' };
    return {
      kind: 'approve',
      guardrail: 'brake',
      reason: `${opened} were opened within an hour; what exceeds ${this.#allowed} waits for approval.`,
    };
  }

  #set(entry: LedgerEntry): void {
    const before = this.#entries.get(entry.decisionId);
    if (before !== undefined) this.#count(before, -1);
    this.#count(entry, 1);
    const { budget } = STATUS_TRAITS[entry.status];
    if (isOpen(entry) || budget === 'spent') this.#entries.set(entry.decisionId, entry);
    else this.#entries.delete(entry.decisionId);
  }

  #count(entry: LedgerEntry, by: 1 | -1): void {
    if (isOpen(entry)) {
      const key = ownerKey(entry.owner, entry.kind);
      this.#openByOwner.set(key, (this.#openByOwner.get(key) ?? 0) + by);
    }
    if (entry.costMinor === 0) return;
    const { budget } = STATUS_TRAITS[entry.status];
    if (budget === 'reserved') add(this.#reserved, entry.currency, by * entry.costMinor);
    if (budget === 'spent') {
      if (by === 1) this.#spent.set(entry.decisionId, entry);
      else this.#spent.delete(entry.decisionId);
      this.#sums.clear();
    }
  }

  /** What is reserved and was spent since, by currency. */
  #amounts(days: number, asOf: Millis): Map<string, number> {
    const amounts = new Map(this.#reserved);
    for (const [currency, minor] of this.#spentSince(days, asOf)) add(amounts, currency, minor);
    return amounts;
  }

  #spentSince(days: number, asOf: Millis): ReadonlyMap<string, number> {
    const key = `${days}`;
    const since = asOf - days * DAY_MS;
    const known = this.#sums.get(key);
    if (known?.since === since) return known.byCurrency;
    const byCurrency = new Map<string, number>();
    for (const { answeredAt, openedAt, currency, costMinor } of this.#spent.values())
      if ((answeredAt ?? openedAt) > since) add(byCurrency, currency, costMinor);
    this.#sums.set(key, { since, byCurrency });
    return byCurrency;
  }
}

/** Whether it waits for a person because the brake holds it: the brake does not count it. */
function isBraked({ waitsFor }: Pick<LedgerEntry, 'waitsFor'>): boolean {
  return waitsFor === 'brake';
}

function add(amounts: Map<string, number>, currency: string, minor: number): void {
  amounts.set(currency, (amounts.get(currency) ?? 0) + minor);
}

/** Amounts by currency as one; null: one of them has no rate. */
function inCurrency(
  amounts: ReadonlyMap<string, number>,
  currency: string,
  { rates }: Currencies,
): number | null {
  let sum = 0;
  for (const [from, minor] of amounts) {
    if (minor === 0) continue;
    const converted = convertMinor(minor, from, currency, rates);
    if (converted === null) return null;
    sum += converted;
  }
  return sum;
}

/** The currencies of amounts that have no rate. */
function withoutRate(
  amounts: ReadonlyMap<string, number>,
  currency: string,
  { rates }: Currencies,
): readonly string[] {
  return [...amounts]
    .filter(([from, minor]) => minor !== 0 && convertMinor(minor, from, currency, rates) === null)
    .map(([from]) => from)
    .sort();
}

function ownerKey(owner: string, kind: EventType): string {
  return `${kind}:${owner}`;
}
