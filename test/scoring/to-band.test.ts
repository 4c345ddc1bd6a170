import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeParts } from '../../src/scoring/change-parts.js';
import type { ScoredFeature } from '../../src/scoring/scorecard.js';
import { badnessOfNumber, numberShape } from '../../src/scoring/shape.js';
import { wayToBand } from '../../src/scoring/to-band.js';

const bands = { medium: 20, high: 40, critical: 60, hysteresis: 2 };
const linear = (name: string, weight: number) => ({
  ...{ name, index: 0, weight, missing: null },
  shape: numberShape('linear', [[0, 0], [10, 1]]), // biome-ignore format: one line reads as a table
});
const stepped = (name: string, weight: number) => ({
  ...{ name, index: 0, weight, missing: null },
  shape: numberShape('steps', [[0, 0], [3, 0.5], [6, 1]]), // biome-ignore format: one line reads as a table
});
/** Features with what each adds to the risk: by their weights, of those that are known. */
function standing(
  card: { readonly features: readonly Weighted[] },
  values: Readonly<Record<string, number | string | null>>,
  fixed: readonly string[] = [],
) {
  const known = card.features.filter(({ name }) => values[name] !== null);
  const whole = known.reduce((sum, { weight }) => sum + weight, 0);
  const features = card.features.map(({ name, weight, shape }) => {
    const value = values[name]!;
    const badness =
      value === null ? 0 : shape.kind === 'categories' ? 0.5 : badnessOfNumber(shape, Number(value));
    return {
      ...{ feature: name, value: typeof value === 'number' ? value : null },
      points: whole === 0 ? 0 : (100 * weight * badness) / whole,
      isActionable: !fixed.includes(name),
      isWhole: false,
    };
  });
  return { risk: features.reduce((sum, { points }) => sum + points, 0), band: null, features };
}
type Weighted = Pick<ScoredFeature, 'name' | 'index' | 'weight' | 'missing' | 'shape'>;

describe('the way to a band', () => {
  it('changes what saves the most, and the last feature only as far as needed', () => {
    const card = { bands, features: [linear('a', 6), linear('b', 4)] };
    const { changes, risk, reached } = wayToBand(card, standing(card, { a: 10, b: 5 }), 'low');
    expect(reached).toBe(true);
    expect(risk).toBeLessThan(18);
    expect(risk).toBeGreaterThan(17.9);
    // 60 + 20 points; without a 20 are left: so a goes, and a little of b.
    expect(changes.map(({ feature, from }) => [feature, from])).toEqual([
      ['a', 10],
      ['b', 5],
    ]);
    expect(changes[0]!.to).toBe(0);
    expect(changes[1]!.to).toBeCloseTo(4.5, 3);
  });

  it('goes to just below a step, and not farther', () => {
    const card = { bands, features: [stepped('a', 5), linear('b', 5)] };
    const { changes } = wayToBand(card, standing(card, { a: 9, b: 0 }), 'medium');
    expect(changes).toEqual([{ feature: 'a', from: 9, to: 6, side: 'below', points: 25 }]);
  });

  // Bug: texts were left out of the whole, so a card with a text in it had another risk here than anywhere else.
  it('counts features that it can not change, such as texts', () => {
    const plan = {
      ...linear('plan', 5),
      shape: { kind: 'categories' as const, r: new Map([['x', 0.5]]), otherwise: null },
    };
    const card = { bands, features: [linear('a', 5), plan] };
    const before = standing(card, { a: 10, plan: 'x' });
    expect(before.risk).toBe(75);
    const { changes, risk } = wayToBand(card, before, 'medium');
    expect(changes).toMatchObject([{ feature: 'a', from: 10 }]);
    expect(changes[0]!.to).toBeCloseTo(2.6, 3);
    expect(risk).toBeCloseTo(38, 3);
  });

  // `failed_payment_streak: from 5 to 0.83` could not be done by anyone.
  it('changes counts by whole numbers, as far as it takes', () => {
    const card = { bands, features: [linear('a', 6), stepped('b', 4)] };
    const counts = (values: Readonly<Record<string, number>>) => {
      const all = standing(card, values);
      return { ...all, features: all.features.map((one) => ({ ...one, isWhole: true })) };
    };
    const { changes, risk } = wayToBand(card, counts({ a: 9, b: 0 }), 'medium');
    expect(changes).toMatchObject([{ feature: 'a', from: 9, to: 6, side: 'at' }]);
    expect(risk).toBeCloseTo(36, 9);
    expect(wayToBand(card, counts({ a: 0, b: 7 }), 'medium').changes).toMatchObject([
      { feature: 'b', from: 7, to: 5, side: 'at', points: 20 },
    ]);
  });

  // Just under the border, where hysteresis keeps nobody, it asked for as much as of those above.
  it('needs nothing of what is in the band already', () => {
    const card = { bands, features: [linear('a', 10)] };
    const under = { ...standing(card, { a: 1.9 }), band: 'low' as const };
    expect(wayToBand(card, under, 'low')).toEqual({ changes: [], risk: 19, reached: true });
    expect(wayToBand(card, { ...under, band: 'medium' }, 'low').changes).toHaveLength(1);
  });

  it('says that it is not reached where people can not do enough', () => {
    const card = { bands, features: [linear('a', 8), linear('b', 2)] };
    const found = wayToBand(card, standing(card, { a: 10, b: 10 }, ['a']), 'low');
    expect(found).toMatchObject({ reached: false, risk: 80 });
    expect(found.changes.map(({ feature }) => feature)).toEqual(['b']);
  });

  it('needs nothing where the risk is low already, and never more features than there are', () => {
    const value = fc.option(fc.double({ min: 0, max: 12, noNaN: true }));
    const card = { bands, features: [linear('a', 5), stepped('b', 3), linear('c', 2)] };
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        const all = { a, b, c };
        const { changes, risk, reached } = wayToBand(card, standing(card, all), 'low');
        // All of it is actionable: whatever it is, it can be brought to 0.
        expect(reached).toBe(true);
        expect(risk).toBeLessThan(bands.medium - bands.hysteresis);
        const values = new Map(
          changes.map(({ feature, to, side }) => [feature, side === 'at' ? to : to - 1e-9]),
        );
        const changed = standing(card, { ...all, ...Object.fromEntries(values) });
        expect(changed.risk).toBeCloseTo(risk, 4);
        expect(wayToBand(card, changed, 'low').changes).toEqual([]);
      }),
    );
  });
});

describe('the parts of a change', () => {
  it('sum to the change', () => {
    const risk = fc.double({ min: 0, max: 100, noNaN: true });
    const stages = fc.record({
      ...{ before: risk, timePassed: risk, knowledgeChanged: risk, signalsCame: risk, cardEdited: risk },
      overriddenBefore: fc.option(risk),
      overriddenAfter: fc.option(risk),
    });
    fc.assert(
      fc.property(stages, (some) => {
        const { total, ...parts } = changeParts(some);
        expect(Object.values(parts).reduce((sum, part) => sum + part, 0)).toBeCloseTo(total, 9);
        expect(total).toBe(
          (some.overriddenAfter ?? some.cardEdited) - (some.overriddenBefore ?? some.before),
        );
      }),
    );
  });
});
