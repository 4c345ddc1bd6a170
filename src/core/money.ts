import * as listed from 'dinero.js/currencies';

/**
 * Money is whole minor units, and how many of them make a major unit is what ISO 4217 says of the currency: 100 cents of a
 * euro, no part of a yen, 1,000 fils of a dinar. `Intl` can't be asked: it follows what is handed over a counter, and there
 * the forint has no part either.
 */

/** Units of the reporting currency for one major unit of each currency. The reporting currency itself has the rate 1. */
export type Rates = ReadonlyMap<string, number>;

/** Withdrawn within the last years: contracts and invoices of the past still name them. */
const WITHDRAWN = { ANG: 2, BYR: 0, CUC: 2, HRK: 2, LTL: 2, LVL: 2, MRO: 2, SLL: 2, STD: 2, VEF: 2, ZWL: 2 };

/** A fifth is the only part that these have in practice, and so in the library; ISO 4217 gives both two decimals. */
const FIFTHS = { MGA: 2, MRU: 2 };

const EXPONENTS: ReadonlyMap<string, number> = new Map([
  ...Object.entries(WITHDRAWN),
  ...Object.values(listed).map(({ code, exponent }): [string, number] => [code, exponent]),
  ...Object.entries(FIFTHS),
]);

/** Every currency that is known, with the number of decimals of its major unit. */
export function currencyExponents(): Rates {
  return EXPONENTS;
}

/** Decimals of a currency's major unit: 2 for EUR, 0 for JPY, 3 for KWD. Null: ISO 4217 lists no such currency. */
export function exponentOf(currency: string): number | null {
  return EXPONENTS.get(currency) ?? null;
}

/** 1,050 minor units of EUR are 10.5. Null: no such currency, so nobody knows how many minor units make one. */
export function toMajor(minor: number, currency: string): number | null {
  const exponent = exponentOf(currency);
  return exponent === null ? null : minor / 10 ** exponent;
}

/**
 * An amount of one currency in minor units of another, rounded to whole ones. Null: one of the two has no rate. An amount
 * that is in the wanted currency already needs none.
 */
export function convertMinor(minor: number, from: string, to: string, rates: Rates): number | null {
  if (from === to) return minor;
  const [rateFrom, rateTo] = [rates.get(from), rates.get(to)];
  const [exponentFrom, exponentTo] = [exponentOf(from), exponentOf(to)];
  if (rateFrom === undefined || rateTo === undefined || exponentFrom === null || exponentTo === null) {
    return null;
  }
  return Math.round((minor * rateFrom * 10 ** exponentTo) / (rateTo * 10 ** exponentFrom));
}

/**
 * An amount as people read it: `EUR 12,300`, `EUR 12.50`, `JPY 15,000,000`. `whole`: without parts of a major unit, for
 * lists in which they only take room. An amount of no known currency is said in minor units.
 */
export function formatMoney(minor: number, currency: string, options: { whole?: boolean } = {}): string {
  const exponent = exponentOf(currency);
  const major = toMajor(minor, currency);
  if (exponent === null || major === null) {
    return `${minor.toLocaleString('en-US')} minor units${currency === '' ? '' : ` of ${currency}`}`;
  }
  const decimals = options.whole === true || Number.isInteger(major) ? 0 : exponent;
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return `${currency} ${major.toLocaleString('en-US', digits)}`;
}
