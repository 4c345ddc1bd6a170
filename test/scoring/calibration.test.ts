import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrationOf, renewalProbability } from '../../src/scoring/calibration.js';

describe('a calibration', () => {
  it('as a table is straight between its points and flat outside', () => {
    const table = calibrationOf({ table: [[10, 0.1], [30, 0.5]] }); // biome-ignore format: one line reads as a table
    expect([0, 10, 20, 30, 99].map((risk) => renewalProbability(table, risk))).toEqual([
      0.9, 0.9, 0.7, 0.5, 0.5,
    ]);
  });

  it('never makes renewal likelier as the risk rises', () => {
    const risk = fc.double({ min: 0, max: 100, noNaN: true });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const table = fc
      .uniqueArray(risk, { minLength: 2, maxLength: 10 })
      .chain((risks) =>
        fc.tuple(
          fc.constant(risks.sort((a, b) => a - b)),
          fc.array(share, { minLength: risks.length, maxLength: risks.length }),
        ),
      )
      .map(([risks, shares]) => {
        const rising = shares.sort((a, b) => a - b);
        return calibrationOf({ table: risks.map((at, i): [number, number] => [at, rising[i]!]) });
      });
    fc.assert(
      fc.property(table, risk, risk, (calibration, one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        const least = renewalProbability(calibration, high);
        expect(least).toBeLessThanOrEqual(renewalProbability(calibration, low) + 1e-12);
        expect(least).toBeGreaterThanOrEqual(-1e-12);
      }),
    );
  });
});
