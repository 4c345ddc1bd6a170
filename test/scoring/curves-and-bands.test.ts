import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bandOf } from '../../src/scoring/band.js';
import { BANDS, type Band, type Scorecard } from '../../src/scoring/scorecard.js';
import { badnessOfNumber, numberShape } from '../../src/scoring/shape.js';
import { bands } from './bands.js';

describe('a curve', () => {
  const linear = numberShape('linear', [
    [0, 0],
    [10, 0.5],
    [20, 1],
  ]);
  const steps = numberShape('steps', [
    [0, 0.1],
    [10, 0.6],
  ]);

  it.each([
    [-5, 0],
    [0, 0],
    [5, 0.25],
    [10, 0.5],
    [15, 0.75],
    [20, 1],
    [99, 1],
  ])('is straight between its points and flat outside: %d becomes %d', (x, r) =>
    expect(badnessOfNumber(linear, x)).toBe(r),
  );

  it.each([
    [-5, 0.1],
    [0, 0.1],
    [9.99, 0.1],
    [10, 0.6],
    [99, 0.6],
  ])('of steps holds from each step on: %d becomes %d', (x, r) => expect(badnessOfNumber(steps, x)).toBe(r));
});

describe('a band', () => {
  const card = (b: Scorecard['bands']) => ({ coverageFloor: 0.4, bands: b });
  const known = fc.constantFrom<Band | null>('low', 'medium', 'high', 'critical', null);
  const risk = fc.double({ min: 0, max: 100, noNaN: true });

  it('is unknown under the coverage floor, whatever the risk and the band before', () => {
    fc.assert(
      fc.property(bands, risk, fc.constantFrom(...BANDS), (b, r, before) => {
        expect(bandOf(card(b), r, 0.39, before)).toBe('unknown');
        expect(bandOf(card(b), r, 0.4, before)).not.toBe('unknown');
      }),
    );
  });

  it('never falls as the risk rises', () => {
    fc.assert(
      fc.property(bands, risk, risk, known, (b, r1, r2, before) => {
        const [low, high] = [Math.min(r1, r2), Math.max(r1, r2)];
        const level = (r: number) => BANDS.indexOf(bandOf(card(b), r, 1, before));
        expect(level(low)).toBeLessThanOrEqual(level(high));
      }),
    );
  });

  it('does not flicker while the risk moves by less than the hysteresis', () => {
    const walk = fc.record({
      b: bands,
      from: risk,
      steps: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { maxLength: 30 }),
    });
    fc.assert(
      fc.property(walk, ({ b, from, steps }) => {
        fc.pre(b.hysteresis > 0);
        let band: Band | null = null;
        let changes = 0;
        for (const step of [0, ...steps]) {
          // All within a corridor that is narrower than the hysteresis.
          const next: Band = bandOf(card(b), Math.max(0, from + (step * b.hysteresis) / 2.001), 1, band);
          if (band !== null && next !== band) {
            changes++;
            expect(BANDS.indexOf(next)).toBeGreaterThan(BANDS.indexOf(band));
          }
          band = next;
        }
        // Upwards at once, each border once, and never back.
        expect(changes).toBeLessThanOrEqual(3);
      }),
    );
  });

  it('can be left again: without risk everyone is low in the end', () => {
    fc.assert(
      fc.property(bands, known, (b, before) => {
        let band = before;
        for (let i = 0; i < 4; i++) band = bandOf(card(b), 0, 1, band);
        expect(band).toBe('low');
      }),
    );
  });

  it.each<[number, Band | null, Band]>([
    [39, null, 'medium'],
    [40, null, 'high'],
    [40, 'medium', 'high'],
    [38, 'high', 'high'],
    [36.9, 'high', 'medium'],
    [37, 'high', 'high'],
    [38, 'critical', 'high'],
    [10, 'critical', 'low'],
    [38, 'unknown', 'medium'],
  ])('at risk %d after %s is %s', (r, before, expected) => {
    expect(bandOf(card({ medium: 25, high: 40, critical: 55, hysteresis: 3 }), r, 1, before)).toBe(expected);
  });
});
