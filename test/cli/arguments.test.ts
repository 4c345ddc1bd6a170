import { expect, it } from 'vitest';
import { time } from '../../src/cli/arguments.js';

// Bug: `score --all --as-of 2026-10-01 --known-at 2999-01-01` knew of nothing, since the store holds times up to 2299.
it.each(['2999-01-01', '2299-12-31', '9999-12-31T23:59:59Z', '1899-12-31', '0001-01-01'])(
  'a time that the store can not hold is refused: %s',
  (text) => {
    expect(() => time(text)).toThrow('from the year 1900 to 2299');
  },
);

it('a time is in UTC where it names no zone', () => {
  expect(time('2299-12-30')).toBe(Date.UTC(2299, 11, 30));
  expect(time('1900-01-01')).toBe(Date.UTC(1900, 0, 1));
  expect(time('2026-03-29T02:30:00.123+02:00')).toBe(Date.UTC(2026, 2, 29, 0, 30, 0, 123));
  expect(() => time('2026-02-29')).toThrow('must be a time');
});

// Bug: luxon takes hours of a zone up to 99, and the time was days away.
it.each(['2026-11-01T10:00:00+99:00', '2026-11-01T10:00:00-24:00'])(
  'an offset that no zone has is refused: %s',
  (text) => {
    expect(() => time(text)).toThrow('must be a time');
  },
);
