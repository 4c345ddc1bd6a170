import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { convertMinor, currencyExponents, exponentOf, formatMoney, toMajor } from '../../src/core/money.js';

const RATES = new Map([
  ['EUR', 1],
  ['USD', 0.92],
  ['JPY', 0.0061],
  ['KWD', 3],
  ['HUF', 0.0025],
]);

describe('minor units', () => {
  it.each([
    ['EUR', 2],
    ['JPY', 0],
    ['KRW', 0],
    ['CLP', 0],
    ['UGX', 0],
    ['ISK', 0],
    ['KWD', 3],
    ['TND', 3],
    ['CLF', 4],
    ['UYW', 4],
    ['MGA', 2],
    ['MRU', 2],
    ['XCG', 2],
    ['HRK', 2],
  ])('of %s have the exponent %i', (currency, exponent) => expect(exponentOf(currency)).toBe(exponent));

  it('follow ISO 4217 where ICU does not', () => {
    const icu = (currency: string) =>
      new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits;
    const differ = [...currencyExponents().keys()].filter((code) => exponentOf(code) !== icu(code));
    expect(differ).toEqual(
      expect.arrayContaining(['AFN', 'ALL', 'COP', 'HUF', 'IDR', 'IQD', 'IRR', 'KPW', 'LAK', 'LBP', 'MMK']),
    );
    expect(exponentOf('HUF')).toBe(2);
    expect(exponentOf('IQD')).toBe(3);
  });

  it('are of no known number in what is no currency', () => {
    for (const none of ['', 'eur', 'XYZ', 'constructor']) {
      expect(exponentOf(none)).toBeNull();
      expect(toMajor(100, none)).toBeNull();
    }
  });

  it('become major units', () => {
    expect(toMajor(15_000_000, 'JPY')).toBe(15_000_000);
    expect(toMajor(500_000, 'HUF')).toBe(5_000);
    expect(toMajor(1_500, 'KWD')).toBe(1.5);
  });
});

describe('an amount in another currency', () => {
  it('is worth what the rates say, whatever the decimals of both', () => {
    expect(convertMinor(10_000, 'USD', 'EUR', RATES)).toBe(9_200);
    expect(convertMinor(15_000_000, 'JPY', 'EUR', RATES)).toBe(9_150_000);
    expect(convertMinor(1_000, 'KWD', 'EUR', RATES)).toBe(300);
    expect(convertMinor(9_200, 'EUR', 'USD', RATES)).toBe(10_000);
    expect(convertMinor(10_000, 'USD', 'JPY', RATES)).toBe(Math.round(100 * (0.92 / 0.0061)));
  });

  it('is not known without a rate, and needs none in its own currency', () => {
    expect(convertMinor(1, 'SEK', 'EUR', RATES)).toBeNull();
    expect(convertMinor(1, 'EUR', 'SEK', RATES)).toBeNull();
    expect(convertMinor(1, '', 'EUR', RATES)).toBeNull();
    expect(convertMinor(7, 'SEK', 'SEK', RATES)).toBe(7);
  });

  it('is whole, keeps its sign and order, and comes back but for the rounding', () => {
    const currency = fc.constantFrom(...RATES.keys());
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), fc.nat(1_000), currency, currency, (n, more, a, b) => {
        const there = convertMinor(n, a, b, RATES)!;
        expect(Number.isSafeInteger(there)).toBe(true);
        expect(convertMinor(n + more, a, b, RATES)!).toBeGreaterThanOrEqual(there);
        const unit = convertMinor(1e9, b, a, RATES)! / 1e9;
        expect(Math.abs(convertMinor(there, b, a, RATES)! - n)).toBeLessThanOrEqual(unit / 2 + 1);
      }),
    );
  });
});

describe('money in words', () => {
  it.each([
    [1_230_000, 'EUR', 'EUR 12,300'],
    [1_250, 'EUR', 'EUR 12.50'],
    [5, 'EUR', 'EUR 0.05'],
    [15_000_000, 'JPY', 'JPY 15,000,000'],
    [1_500, 'KWD', 'KWD 1.500'],
    [500_000, 'HUF', 'HUF 5,000'],
    [1_500, 'XYZ', '1,500 minor units of XYZ'],
    [1_500, '', '1,500 minor units'],
  ])('%i of %s is %s', (minor, currency, words) => expect(formatMoney(minor, currency)).toBe(words));

  it('leaves parts of a major unit out of lists', () => {
    expect(formatMoney(1_230_049, 'EUR', { whole: true })).toBe('EUR 12,300');
  });
});
