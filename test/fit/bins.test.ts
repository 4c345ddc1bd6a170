import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binsOfRows } from '../../src/fit/bins/bins.js';
import { fineBins, shortestBetween } from '../../src/fit/bins/fine-bins.js';
import { mergeBins } from '../../src/fit/bins/merge-bins.js';
import { monotonePools } from '../../src/fit/bins/monotone.js';
import { bestSegments, squaredError } from '../../src/fit/bins/segments.js';
import { numbers, texts } from './tables.js';

/** Every way to cut a row of cells, as where the segments begin. */
function allCuts(cells: number): number[][] {
  return Array.from({ length: 2 ** (cells - 1) }, (_, bits) => [
    0,
    ...Array.from({ length: cells - 1 }, (_, i) => i + 1).filter((i) => ((bits >> (i - 1)) & 1) === 1),
  ]);
}

describe('the best segments', () => {
  it('cost no more than those of any other way to cut', () => {
    const cell = fc.record({
      value: fc.integer({ min: -9, max: 9 }),
      weight: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(
        fc.array(cell, { minLength: 1, maxLength: 9 }),
        fc.integer({ min: 0, max: 40 }),
        (cells, perSegment) => {
          const { cost } = squaredError(
            cells.map(({ value }) => value),
            cells.map(({ weight }) => weight),
          );
          const total = (starts: number[]) =>
            starts.reduce(
              (sum, start, i) => sum + cost(start, starts[i + 1] ?? cells.length) + perSegment,
              0,
            );
          const least = Math.min(...allCuts(cells.length).map(total));
          expect(total(bestSegments(cells.length, cost, perSegment))).toBeCloseTo(least, 6);
        },
      ),
    );
  });
});

describe('pools of a direction', () => {
  it('have means that rise, and stand where values rise by themselves', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 30 }), (values) => {
        const ones = values.map(() => 1);
        const starts = monotonePools(values, ones, 'rising');
        const means = starts.map((start, i) => {
          const pool = values.slice(start, starts[i + 1]);
          return pool.reduce((sum, value) => sum + value, 0) / pool.length;
        });
        expect(means).toEqual([...means].sort((a, b) => a - b));
        const sorted = [...values].sort((a, b) => a - b);
        expect(monotonePools(sorted, ones, 'rising')).toHaveLength(values.length);
        expect(monotonePools(sorted.reverse(), ones, 'falling')).toHaveLength(values.length);
      }),
    );
  });
});

describe('fine bins', () => {
  it('of numbers hold every row once, equal values together, in order', () => {
    const values = fc.array(fc.option(fc.integer({ min: -50, max: 50 })), { minLength: 2, maxLength: 200 });
    fc.assert(
      fc.property(values, fc.integer({ min: 2, max: 20 }), (some, most) => {
        const column = numbers(some);
        const bins = fineBins(column, most);
        fc.pre(bins !== null && bins.kind === 'number');
        const codes = binsOfRows(bins!, column);
        const { edges } = bins as { edges: Float64Array };
        some.forEach((value, row) => {
          if (value === null) expect(codes[row]).toBe(edges.length + 1);
          else expect(codes[row]).toBe([...edges].filter((edge) => edge <= value).length);
        });
        const used = new Set([...codes].filter((bin) => bin <= edges.length));
        if (some.some((value) => value !== null)) expect(used.size).toBe(edges.length + 1);
      }),
    );
  });

  it('are not there where a column is the same in all rows', () => {
    expect(fineBins(numbers(Array(50).fill(3)), 20)).toBeNull();
    expect(fineBins(texts(Array(50).fill('x')), 20)).toBeNull();
    expect(fineBins(texts(Array.from({ length: 50 }, (_, i) => `t${i}`)), 20)).toBeNull();
  });

  it('have borders with few digits, above all values below and none above', () => {
    expect(shortestBetween(29.8, 31.4)).toBe(30);
    const pair = fc.uniqueArray(fc.double({ min: -1e6, max: 1e6, noNaN: true }), {
      minLength: 2,
      maxLength: 2,
    });
    fc.assert(
      fc.property(pair, (two) => {
        const [low, high] = two.sort((a, b) => a - b) as [number, number];
        fc.pre(low < high);
        const border = shortestBetween(low, high);
        expect(border).toBeGreaterThan(low);
        expect(border).toBeLessThanOrEqual(high);
      }),
    );
  });

  it('that differ in nothing become one, and texts of one effect a group', () => {
    const bins = { kind: 'text', groups: [['a'], ['b'], ['c']] } as const;
    const merged = mergeBins(bins, Float64Array.of(1, 0, 1, 0, 0), Float64Array.of(9, 9, 9, 0, 0), 0.05);
    expect(merged.bins).toEqual({ kind: 'text', groups: [['b'], ['a', 'c']] });
    const numbersInBins = { kind: 'number', edges: Float64Array.of(1, 2, 3) } as const;
    const flat = mergeBins(numbersInBins, Float64Array.of(1, 1, 1, 1, 0), new Float64Array(5).fill(9), 0.05);
    expect(flat.bins).toEqual({ kind: 'number', edges: new Float64Array(0) });
  });
});
