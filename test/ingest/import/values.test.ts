import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readMoney, readNumber } from '../../../src/ingest/import/numbers.js';
import { nextAfter, shift, TimeReader } from '../../../src/ingest/import/times.js';

const PLAIN = { decimal: '.', group: undefined } as const;
const GERMAN = { decimal: ',', group: '.' } as const;

describe('numbers', () => {
  test.each([
    ['12', PLAIN, 12],
    [' -1.5 ', PLAIN, -1.5],
    ['1.234,5', GERMAN, 1234.5],
    ['1e3', PLAIN, 1000],
    ['.5', PLAIN, 0.5],
  ])('%j is read', (text, form, number) => expect(readNumber(text, form, 'x')).toBe(number));

  test.each(['', '-', '.', '1,5', '0x10', 'Infinity', '1e999', '1 2'])('%j is refused', (text) => {
    expect(() => readNumber(text, PLAIN, 'x')).toThrow(expect.objectContaining({ reason: 'bad_number' }));
  });
});

describe('money', () => {
  test('becomes minor units exactly, for every amount of cents', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), (cents) => {
        const whole = Math.trunc(Math.abs(cents) / 100);
        const text = `${cents < 0 ? '-' : ''}${whole}.${String(Math.abs(cents) % 100).padStart(2, '0')}`;
        expect(readMoney(text, PLAIN, 'EUR', 'x') + 0).toBe(cents + 0);
      }),
    );
  });

  test.each([
    ['100', 'JPY', 100],
    ['1.5', 'BHD', 1500],
    ['29.8500', 'USD', 2985],
  ])('%s %s', (text, currency, minor) => expect(readMoney(text, PLAIN, currency, 'x')).toBe(minor));

  test.each([
    ['1.005', 'EUR', 'bad_number'],
    ['1', 'euro', 'bad_value'],
    ['1e2', 'EUR', 'bad_number'],
    ['99999999999999999', 'EUR', 'bad_number'],
  ])('%s %s is refused', (text, currency, reason) => {
    expect(() => readMoney(text, PLAIN, currency, 'x')).toThrow(expect.objectContaining({ reason }));
  });
});

describe('times', () => {
  const iso = (millis: number) => (Number.isNaN(millis) ? 'none' : new Date(millis).toISOString());
  const cases: readonly (readonly [string, string[], string, string])[] = [
    ['2024-03-01', ['iso'], 'UTC', '2024-03-01T00:00:00.000Z'],
    ['2024-03-01', ['iso'], 'Europe/Berlin', '2024-02-29T23:00:00.000Z'],
    ['2024-03-01 12:30:00', ['iso'], 'UTC', '2024-03-01T12:30:00.000Z'],
    ['2024-03-01T12:30:00+02:00', ['iso'], 'UTC', '2024-03-01T10:30:00.000Z'],
    ['31.12.2024 8:05', ['iso', 'dd.MM.yyyy H:mm'], 'Europe/Berlin', '2024-12-31T07:05:00.000Z'],
    ['1709294400', ['epoch_s'], 'UTC', '2024-03-01T12:00:00.000Z'],
    ['1709294400000', ['epoch_ms'], 'UTC', '2024-03-01T12:00:00.000Z'],
    ['2024-02-30', ['iso'], 'UTC', 'none'],
    ['2024-03-01T12:30:00+99:00', ['iso'], 'UTC', 'none'],
    ['12:30', ['iso'], 'UTC', 'none'],
    ['2024', ['iso'], 'UTC', 'none'],
    ['', ['iso', 'epoch_s'], 'UTC', 'none'],
  ];
  test.each(cases)('%j as %j in %s is %s', (text, formats, zone, expected) => {
    const reader = new TimeReader(formats, zone);
    expect(iso(reader.read(text))).toBe(expected);
    expect(iso(reader.read(text))).toBe(expected);
  });

  test('a month later is a calendar month, and counted periods do not wear down', () => {
    const start = Date.UTC(2024, 0, 31);
    expect(iso(shift(start, { months: 1 }, 1, 'UTC'))).toBe('2024-02-29T00:00:00.000Z');
    expect(iso(nextAfter(start, { months: 1 }, Date.UTC(2024, 2, 1), 'UTC'))).toBe(
      '2024-03-31T00:00:00.000Z',
    );
  });

  test('the next period is the first after the time, and never the start itself', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('2000-01-01'), max: new Date('2030-01-01'), noInvalidDate: true }),
        fc.date({ min: new Date('2000-01-01'), max: new Date('2030-01-01'), noInvalidDate: true }),
        fc.constantFrom({ months: 1 }, { years: 1 }, { weeks: 1 }, { months: 24 }),
        (start, after, every) => {
          const next = nextAfter(start.getTime(), every, after.getTime(), 'UTC');
          expect(next).toBeGreaterThan(Math.max(after.getTime(), start.getTime()));
          // Found by counting up from the start, one by one.
          let count = 1;
          while (shift(start.getTime(), every, count, 'UTC') <= after.getTime()) count++;
          expect(next).toBe(shift(start.getTime(), every, count, 'UTC'));
        },
      ),
      { numRuns: 30 },
    );
  });

  test('a period that does not go forward is refused', () => {
    expect(nextAfter(0, { months: 0 }, 1, 'UTC')).toBeNaN();
  });
});
