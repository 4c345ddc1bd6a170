import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bandOf } from '../../src/scoring/band.js';
import { bandExits } from '../../src/scoring/band-exit.js';
import { BANDS, type Scorecard } from '../../src/scoring/scorecard.js';
import { badnessOfNumber, numberShape } from '../../src/scoring/shape.js';

type Drawn = { kind: 'linear' | 'steps'; points: [number, number][]; weight: number; value: number };

const drawn = fc.record({
  kind: fc.constantFrom('linear' as const, 'steps' as const),
  points: fc
    .uniqueArray(fc.integer({ min: -20, max: 20 }), { minLength: 2, maxLength: 5 })
    .chain((xs) =>
      fc
        .array(fc.integer({ min: 0, max: 10 }), { minLength: xs.length, maxLength: xs.length })
        .map((rs) => xs.sort((a, b) => a - b).map((x, i): [number, number] => [x, rs[i]! / 10])),
    ),
  weight: fc.integer({ min: 1, max: 10 }),
  value: fc.integer({ min: -25, max: 25 }),
});

function cardOf(features: readonly Drawn[]): Scorecard {
  return {
    name: 'card',
    bands: { medium: 25, high: 50, critical: 75, hysteresis: 3 },
    coverageFloor: 0.1,
    features: features.map(({ kind, points, weight }, index) => ({
      name: `f${index}`,
      index,
      weight,
      shape: numberShape(kind, points),
      missing: null,
    })),
  } as unknown as Scorecard;
}

function scoreOf(card: Scorecard, values: readonly number[]) {
  const total = card.features.reduce((sum, { weight }) => sum + weight, 0);
  const points = card.features.map(
    ({ shape, weight }, i) =>
      (100 * weight * (shape.kind === 'categories' ? 0 : badnessOfNumber(shape, values[i]!))) / total,
  );
  return { risk: points.reduce((sum, p) => sum + p, 0), points };
}

const explained = (card: Scorecard, values: readonly number[]) => {
  const { risk, points } = scoreOf(card, values);
  const features = values.map((value, i) => ({ feature: `f${i}`, value, points: points[i]! }));
  return { risk, band: bandOf(card, risk, 1, null), coverage: 1, features };
};

describe('a band exit', () => {
  it('leaves the band when it is made, and nothing nearer does', () => {
    fc.assert(
      fc.property(fc.array(drawn, { minLength: 1, maxLength: 4 }), (features) => {
        const card = cardOf(features);
        const values = features.map(({ value }) => value);
        const before = explained(card, values);
        const exits = new Map(bandExits(card, before).map((exit) => [exit.feature, exit]));
        const riskWith = (index: number, value: number) =>
          scoreOf(
            card,
            values.map((old, i) => (i === index ? value : old)),
          ).risk;
        const bandWith = (index: number, value: number) =>
          bandOf(card, riskWith(index, value), 1, before.band);
        // On a border itself the last bit decides.
        const onBorder = (risk: number) => [22, 47, 72].some((border) => Math.abs(risk - border) < 1e-9);
        const lower = (band: (typeof BANDS)[number]) => BANDS.indexOf(band) < BANDS.indexOf(before.band);
        values.forEach((from, index) => {
          const exit = exits.get(`f${index}`);
          if (exit !== undefined) {
            expect(bandWith(index, exit.value)).toBe(exit.band);
            expect(lower(exit.band)).toBe(true);
          }
          // Every quarter around: what leaves the band is found, and is no nearer than what was found.
          for (let step = -200; step <= 200; step++) {
            const value = from + step / 4;
            if (!lower(bandWith(index, value)) || onBorder(riskWith(index, value))) continue;
            expect(exit, `f${index} at ${value}`).toBeDefined();
            expect(Math.abs(exit!.value - from)).toBeLessThanOrEqual(Math.abs(value - from) + 1e-6);
          }
        });
      }),
      { numRuns: 300 },
    );
  });

  it('is none from the lowest band, or where too little is known', () => {
    const card = cardOf([
      {
        kind: 'linear',
        points: [
          [0, 0],
          [10, 1],
        ],
        weight: 1,
        value: 1,
      },
    ]);
    expect(bandExits(card, explained(card, [1]))).toEqual([]);
    expect(bandExits(card, { ...explained(card, [9]), band: 'unknown' })).toEqual([]);
    expect(bandExits(card, explained(card, [9]))).toMatchObject([{ feature: 'f0', current: 9 }]);
  });
});
