import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { combined } from '../../src/fit/statistics/association.js';
import { bootstrapWeights, groupsOf, intervalOf } from '../../src/fit/statistics/bootstrap.js';
import { calibrationBins, expectedCalibrationError } from '../../src/fit/statistics/calibration-error.js';
import { judge } from '../../src/fit/statistics/judge.js';
import { areaUnderCurve, averagePrecision, rankingOf } from '../../src/fit/statistics/ranking.js';
import { randomNumbers } from './tables.js';

const row = fc.record({
  label: fc.integer({ min: 0, max: 1 }),
  p: fc.integer({ min: 0, max: 8 }).map((n) => n / 8),
});
const rows = fc
  .array(row, { minLength: 2, maxLength: 40 })
  .filter((some) => new Set(some.map(({ label }) => label)).size === 2);
const labelOf = (some: readonly { label: number }[]) => Uint8Array.from(some, ({ label }) => label);
const probabilitiesOf = (some: readonly { p: number }[]) => Float64Array.from(some, ({ p }) => p);

describe('figures of predictions', () => {
  it('AUC is the share of pairs in the right order, ties half', () => {
    fc.assert(
      fc.property(rows, (some) => {
        const pairs = some.flatMap((a) =>
          some.filter((b) => a.label > b.label).map((b) => [a.p, b.p] as const),
        );
        const right = pairs.reduce((sum, [a, b]) => sum + (a > b ? 1 : a === b ? 0.5 : 0), 0);
        expect(areaUnderCurve(rankingOf(probabilitiesOf(some)), labelOf(some))).toBeCloseTo(
          right / pairs.length,
          9,
        );
      }),
    );
  });

  it('AUC of rows that count several times is that of rows that stand there so often', () => {
    fc.assert(
      fc.property(rows, fc.nat(), (some, seed) => {
        const random = randomNumbers(seed);
        const times = some.map(() => 1 + Math.floor(3 * random()));
        const long = some.flatMap((one, i) => Array.from({ length: times[i]! }, () => one));
        expect(
          areaUnderCurve(rankingOf(probabilitiesOf(some)), labelOf(some), Float64Array.from(times)),
        ).toBeCloseTo(areaUnderCurve(rankingOf(probabilitiesOf(long)), labelOf(long)), 9);
      }),
    );
  });

  it('average precision steps down the thresholds', () => {
    fc.assert(
      fc.property(rows, (some) => {
        const thresholds = [...new Set(some.map(({ p }) => p))].sort((a, b) => b - a);
        const all = some.filter(({ label }) => label === 1).length;
        let [sum, recallBefore] = [0, 0];
        for (const threshold of thresholds) {
          const flagged = some.filter(({ p }) => p >= threshold);
          const found = flagged.filter(({ label }) => label === 1).length;
          sum += (found / all - recallBefore) * (found / flagged.length);
          recallBefore = found / all;
        }
        expect(averagePrecision(rankingOf(probabilitiesOf(some)), labelOf(some))).toBeCloseTo(sum, 9);
      }),
    );
  });

  it('the calibration error is 0 where what was said happened, and what it was off by elsewhere', () => {
    const said = Float64Array.from({ length: 1_000 }, (_, i) => (i < 500 ? 0.2 : 0.6));
    const happened = Uint8Array.from({ length: 1_000 }, (_, i) => Number(i < 500 ? i % 5 === 0 : i % 10 < 6));
    expect(expectedCalibrationError(calibrationBins(happened, said))).toBeCloseTo(0, 9);
    const off = said.map((p) => p + 0.1);
    expect(expectedCalibrationError(calibrationBins(happened, off))).toBeCloseTo(0.1, 9);
  });

  it('log loss and Brier score are those of textbooks', () => {
    const judged = judge(
      Uint8Array.of(1, 0, 0, 1),
      Float64Array.of(0.8, 0.4, 0.1, 0.5),
      groupsOf(null, 4),
      1,
    );
    expect(judged.logLoss).toBeCloseTo(
      -(Math.log(0.8) + Math.log(0.6) + Math.log(0.9) + Math.log(0.5)) / 4,
      12,
    );
    expect(judged.brier).toBeCloseTo((0.04 + 0.16 + 0.01 + 0.25) / 4, 12);
    expect(judged.baseLogLoss).toBeCloseTo(Math.log(2), 12);
  });
});

describe('intervals', () => {
  it('draw groups whole', () => {
    const groups = groupsOf(['a', 'a', 'b', 'c', 'c'], 5);
    for (const weights of bootstrapWeights(groups, 50, 3)) {
      expect(weights[0]).toBe(weights[1]);
      expect(weights[3]).toBe(weights[4]);
      expect(weights[0]! + weights[2]! + weights[3]!).toBe(3);
    }
  });

  it('hold the true value about 95 times in 100', () => {
    const random = randomNumbers(9);
    let held = 0;
    for (let time = 0; time < 100; time++) {
      const label = Uint8Array.from({ length: 200 }, () => Number(random() < 0.4));
      // Of two uniform numbers the larger is right with probability 1 - (1 - 0.3)^2 / 2.
      const p = Float64Array.from(label, (one) => random() + 0.3 * one);
      const { low, high } = judge(
        label,
        p.map((value) => value / 1.3),
        groupsOf(null, 200),
        time,
      ).aucInterval;
      if (low <= 0.755 && 0.755 <= high) held++;
    }
    expect(held).toBeGreaterThan(86);
  });

  it('leave out what is no number', () => {
    expect(intervalOf([1, Number.NaN, 1])).toEqual({ low: 1, high: 1 });
  });
});

describe('tests combined', () => {
  it('say no more than chance of many that find nothing, and something of one that does', () => {
    expect(combined([0.5, 0.9, 1, 0.3, 0.7])).toBeGreaterThan(0.2);
    expect(combined([0.5, 0.9, 1, 1e-9, 0.7])).toBeLessThan(1e-7);
    expect(combined([])).toBe(1);
  });
});
