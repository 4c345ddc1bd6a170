import { DAY_MS, type Millis } from '../../src/core/clock.js';
import { exponentOf } from '../../src/core/money.js';
import type { Subscription } from '../../src/signals/subscription.js';
import { RATES } from './support.js';

/*
 * The figures of contracts by the textbook, in plain loops over moments: nothing of it is shared with the views, which
 * work with intervals.
 */

export interface Position {
  readonly contracts: number;
  readonly currencies: readonly string[];
  /** In major units, where there is one currency; null: there are several, or not known. */
  readonly arr: number | null;
  readonly reporting: number | null;
}

export interface Customer {
  readonly id: string;
  readonly since: Millis;
  at(time: Millis): Position;
}

export interface Contract {
  /** By time. */
  readonly versions: readonly Subscription[];
  readonly start: Millis | null;
}

/** Groups what was sent into customers. `contracts`: by contract, each in order of time, whatever the account. */
export function customersOf(contracts: readonly (readonly Subscription[])[]): readonly Customer[] {
  const byCustomer = new Map<string, Contract[]>();
  for (const versions of contracts) {
    const id = versions.at(-1)!.accountId;
    byCustomer.set(id, [...(byCustomer.get(id) ?? []), contractOf(versions)]);
  }
  return [...byCustomer].flatMap(([id, own]) => {
    const began = own.map(firstBegan).filter((time) => time !== null);
    if (began.length === 0) return [];
    return [{ id, since: Math.min(...began), at: (time) => positionAt(own, time) }];
  });
}

/** A contract by what was sent of it, in order of time. */
export function contractOf(versions: readonly Subscription[]): Contract {
  const starts = versions.flatMap(({ start }) => (start === null ? [] : [start]));
  return { versions, start: starts.length === 0 ? null : Math.min(...starts) };
}

/** When a contract first ran; null: never. */
export function firstBegan(contract: Contract): Millis | null {
  const candidates = contract.versions.flatMap(({ occurredAt, start }) =>
    start === null ? [occurredAt] : [occurredAt, start],
  );
  const running = candidates.filter((time) => stateAt(contract, time) !== null);
  return running.length === 0 ? null : Math.min(...running);
}

/** Whether what was sent is about days to come: what was sent before it holds until then. */
function isAhead({ status, start }: Subscription, time: Millis): boolean {
  return ['active', 'trialing', 'past_due'].includes(status) && start !== null && start > time;
}

/** What is known of a contract that runs at a time; null: it does not run then. */
export function stateAt(
  { versions, start }: Contract,
  time: Millis,
): { arr: number | null; currency: string } | null {
  const version = versions.findLast((it) => it.occurredAt <= time && !isAhead(it, time));
  const { status, end, currency, arrMinor } = version ?? versions[0]!;
  if (end !== null && time >= end) return null;
  if (version === undefined && (start === null || time < start || time >= versions[0]!.occurredAt))
    return null;
  if (version === undefined) {
    return status === 'trialing' ? null : { arr: null, currency };
  }
  if (status !== 'active' && status !== 'past_due') return null;
  const exponent = exponentOf(currency);
  return { arr: arrMinor === null || exponent === null ? null : arrMinor / 10 ** exponent, currency };
}

function positionAt(contracts: readonly Contract[], time: Millis): Position {
  const states = contracts.map((contract) => stateAt(contract, time)).filter((state) => state !== null);
  const currencies = [...new Set(states.map(({ currency }) => currency))].sort();
  const total = (values: readonly (number | null)[]): number | null =>
    values.includes(null) ? null : values.reduce<number>((sum, value) => sum + value!, 0);
  return {
    contracts: states.length,
    currencies,
    arr: currencies.length > 1 ? null : total(states.map(({ arr }) => arr)),
    reporting: total(
      states.map(({ arr, currency }) => {
        const rate = RATES.get(currency);
        return arr === null || rate === undefined ? null : arr * rate;
      }),
    ),
  };
}

/** The figures of a period over customers: those of `retention`, by the names of its columns. */
export function retentionOf(
  customers: readonly Customer[],
  { startsAt, opening, closing, days }: { startsAt: Millis; opening: Millis; closing: Millis; days: number },
  /** Null: in the reporting currency. */
  currency: string | null,
) {
  const all = customers
    .map((customer) => {
      const [a, b] = [customer.at(opening), customer.at(closing)];
      const [start, end] = currency === null ? [a.reporting, b.reporting] : [a.arr, b.arr];
      return {
        was: a.contracts > 0,
        is: b.contracts > 0,
        isBack: customer.since < startsAt,
        known: start === null || end === null ? null : { start, end },
        of: new Set([...a.currencies, ...b.currencies]),
      };
    })
    .filter(({ was, is }) => was || is)
    .filter(({ of }) => currency === null || (of.size === 1 && of.has(currency)));
  type Member = (typeof all)[number];
  /** Over those members whose ARR is known; null where there are members, and it is known of none. */
  const amount = (members: readonly Member[], of: (start: number, end: number) => number) => {
    const known = members.flatMap(({ known }) => (known === null ? [] : [of(known.start, known.end)]));
    return known.length === 0 && members.length > 0 ? null : known.reduce((sum, value) => sum + value, 0);
  };
  const started = all.filter(({ was }) => was);
  const ended = all.filter(({ is }) => is);
  const stayed = started.filter(({ is }) => is);
  const churned = started.filter(({ is }) => !is);
  const added = ended.filter(({ was, isBack }) => !was && !isBack);
  const back = ended.filter(({ was, isBack }) => !was && isBack);
  const sums = {
    customers_start: started.length,
    customers_new: added.length,
    customers_reactivated: back.length,
    customers_churned: churned.length,
    customers_end: ended.length,
    customers_not_known: all.filter(({ known }) => known === null).length,
    arr_start: amount(started, (start) => start),
    arr_new: amount(added, (_, end) => end),
    arr_reactivated: amount(back, (_, end) => end),
    arr_expansion: amount(stayed, (start, end) => Math.max(0, end - start)),
    arr_contraction: amount(stayed, (start, end) => Math.max(0, start - end)),
    arr_churned: amount(churned, (start) => start),
    arr_end: amount(ended, (_, end) => end),
  };
  const ratio = (part: number | null, whole: number | null) =>
    part === null || whole === null || whole === 0 ? null : part / whole;
  const annual = (rate: number | null) => (rate === null ? null : 1 - (1 - rate) ** (365 / days));
  const churn = ratio(sums.customers_churned, sums.customers_start);
  const grr = ratio(amount(started, Math.min), sums.arr_start);
  const arpa = ratio(sums.arr_end, ended.filter(({ known }) => known !== null).length);
  const yearly = annual(churn);
  return {
    ...sums,
    nrr: ratio(
      amount(started, (_, end) => end),
      sums.arr_start,
    ),
    grr,
    churn_rate: churn,
    churn_rate_annual: yearly,
    arr_churn_rate: grr === null ? null : 1 - grr,
    arr_churn_rate_annual: grr === null ? null : annual(1 - grr),
    arpa,
    arpu: arpa === null ? null : arpa / 12,
    clv: arpa === null || yearly === null || yearly === 0 ? null : arpa / yearly,
    days,
  };
}

/** The figures of a customer in a period: those of `customer_retention`; null: there was no contract at either end. */
export function customerRetentionOf(
  customer: Customer,
  { startsAt, opening, closing }: { startsAt: Millis; opening: Millis; closing: Millis },
) {
  const [a, b] = [customer.at(opening), customer.at(closing)];
  if (a.contracts + b.contracts === 0) return null;
  const of = [...new Set([...a.currencies, ...b.currencies])];
  const currency = of.length === 1 ? of[0]! : '';
  const [start, end] = currency === '' ? [null, null] : [a.arr, b.arr];
  const change =
    start !== null && end !== null
      ? end - start
      : a.reporting !== null && b.reporting !== null
        ? b.reporting - a.reporting
        : null;
  const tiny = 1e-9 * Math.max(start ?? a.reporting ?? 0, end ?? b.reporting ?? 0);
  const ratio = (from: number | null, to: number | null) =>
    from === null || to === null || from === 0 ? null : to / from;
  const nrr = a.contracts === 0 ? null : (ratio(start, end) ?? ratio(a.reporting, b.reporting));
  const ofChange =
    change === null ? '' : change > tiny ? 'expansion' : change < -tiny ? 'contraction' : 'none';
  const came = customer.since < startsAt ? 'reactivated' : 'new';
  return {
    currency,
    movement: a.contracts === 0 ? came : b.contracts === 0 ? 'churned' : ofChange,
    contracts_start: a.contracts,
    contracts_end: b.contracts,
    arr_start: start,
    arr_end: end,
    arr_start_reporting: a.reporting,
    arr_end_reporting: b.reporting,
    nrr,
    grr: nrr === null ? null : Math.min(1, nrr),
  };
}

export const monthAt = (time: Millis, more = 0): Millis => {
  const date = new Date(time);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + more, 1);
};

export interface Period {
  readonly period: 'month' | 'year';
  readonly month: Millis;
  readonly startsAt: Millis;
  readonly opening: Millis;
  readonly closing: Millis;
  readonly days: number;
}

/** Months from that of the first record on, and the years that end with them as far as something is known at their opening. */
export function periodsOf(since: Millis, present: Millis): readonly Period[] {
  const periods: Period[] = [];
  for (let month = monthAt(since); month < present; month = monthAt(month, 1)) {
    const next = monthAt(month, 1);
    const isLast = next >= present;
    const endsAt = isLast ? present : next;
    const closing = isLast ? present : next - 1;
    const of = (period: 'month' | 'year', startsAt: Millis, opening: Millis) =>
      periods.push({ period, month, startsAt, opening, closing, days: (endsAt - startsAt) / DAY_MS });
    of('month', month, month - 1);
    const yearFrom = isLast ? present - 365 * DAY_MS : monthAt(month, -11);
    const opening = isLast ? yearFrom : yearFrom - 1;
    if (opening >= since) of('year', yearFrom, opening);
  }
  return periods;
}
