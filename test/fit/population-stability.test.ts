import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { populationStability, type Sampled } from '../../src/fit/statistics/population-stability.js';

const value: fc.Arbitrary<Sampled> = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom('emea', 'apac'),
  fc.boolean(),
  fc.constant(null),
);
const sample = fc.array(value, { minLength: 1, maxLength: 80 });

describe('population stability', () => {
  it('is that of the textbook: shares of 50, 30, 20 % that become 30, 30, 40 %', () => {
    const of = (low: number, middle: number, high: number) => [
      ...Array<string>(low).fill('low'),
      ...Array<string>(middle).fill('middle'),
      ...Array<string>(high).fill('high'),
    ];
    const textbook = (0.3 - 0.5) * Math.log(0.3 / 0.5) + (0.4 - 0.2) * Math.log(0.4 / 0.2);
    expect(populationStability(of(50_000, 30_000, 20_000), of(30_000, 30_000, 40_000))).toBeCloseTo(
      textbook,
      3,
    );
  });

  it('is nothing between equal samples, never below, and minds no order', () => {
    fc.assert(
      fc.property(sample, sample, (before, now) => {
        expect(populationStability(before, before)).toBeCloseTo(0, 12);
        const index = populationStability(before, now);
        expect(index).toBeGreaterThanOrEqual(-1e-12);
        expect(Number.isFinite(index)).toBe(true);
        expect(populationStability([...before].reverse(), [...now].sort())).toBeCloseTo(index, 12);
      }),
    );
  });

  it('sees what is no longer known', () => {
    const known = Array.from({ length: 1_000 }, (_, i) => i % 50);
    const half = known.map((number, i) => (i % 2 === 0 ? number : null));
    expect(populationStability(known, known)).toBe(0);
    expect(populationStability(known, half)).toBeGreaterThan(0.25);
  });
});
