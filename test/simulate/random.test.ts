import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exp, log } from '../../src/simulate/portable-math.js';
import { Random } from '../../src/simulate/random.js';

describe('portable functions', () => {
  test('exp agrees with Math.exp', () => {
    fc.assert(
      fc.property(fc.double({ min: -600, max: 600, noNaN: true }), (x) => {
        expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(1e-13);
      }),
    );
    expect(exp(0)).toBe(1);
    expect(exp(-1_000)).toBe(0);
  });

  test('log agrees with Math.log', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (x) => {
        expect(Math.abs(log(x) - Math.log(x))).toBeLessThan(1e-13 * Math.max(1, Math.abs(Math.log(x))));
      }),
    );
  });
});

describe('random numbers', () => {
  test('are another stream for another seed, account or purpose, and the same for the same', () => {
    const first = (...name: ConstructorParameters<typeof Random>) => new Random(...name).uniform();
    const values = [
      first(1, 1, 'a'),
      first(2, 1, 'a'),
      first(1, 2, 'a'),
      first(1, 1, 'b'),
      first(11, 1, 'a'),
    ];
    expect(new Set(values).size).toBe(values.length);
    expect(first(1, 1, 'a')).toBe(values[0]);
  });

  test('have the mean and variance they promise', () => {
    const random = new Random(9, 0, 'moments');
    const moments = (draw: () => number, count = 40_000) => {
      const values = Array.from({ length: count }, draw);
      const mean = values.reduce((a, b) => a + b, 0) / count;
      return [mean, values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count] as const;
    };
    const near = (
      [mean, variance]: readonly [number, number],
      wantedMean: number,
      wantedVariance: number,
    ) => {
      expect(Math.abs(mean - wantedMean)).toBeLessThan(0.03 * Math.max(1, wantedMean));
      expect(Math.abs(variance - wantedVariance)).toBeLessThan(0.06 * Math.max(1, wantedVariance));
    };
    near(
      moments(() => random.uniform()),
      0.5,
      1 / 12,
    );
    near(
      moments(() => random.normal()),
      0,
      1,
    );
    near(
      moments(() => random.exponential(2)),
      2,
      4,
    );
    near(
      moments(() => random.poisson(0.3)),
      0.3,
      0.3,
    );
    near(
      moments(() => random.poisson(6)),
      6,
      6,
    );
  });

  test('choose by weight, and never what weighs nothing', () => {
    const random = new Random(9, 0, 'weights');
    const counts = { a: 0, b: 0, c: 0 };
    for (let i = 0; i < 10_000; i++) counts[random.weighted({ a: 3, b: 0, c: 1 })] += 1;
    expect(counts.b).toBe(0);
    expect(counts.a / counts.c).toBeGreaterThan(2.7);
    expect(counts.a / counts.c).toBeLessThan(3.3);
  });
});
