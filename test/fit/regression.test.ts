import fc from 'fast-check';
import { inverse, Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { binFeatures } from '../../src/fit/regression/design.js';
import { withoutEvidence } from '../../src/fit/regression/evidence.js';
import { layoutOf } from '../../src/fit/regression/layout.js';
import { penalisedFit } from '../../src/fit/regression/penalised-fit.js';
import { symmetricInverse } from '../../src/fit/regression/symmetric-inverse.js';
import { workingModel } from '../../src/fit/regression/working-model.js';
import { knownBusiness, randomNumbers } from './tables.js';

describe('the inverse of a symmetric matrix', () => {
  it('is that of a library', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(), (size, seed) => {
        const random = randomNumbers(seed);
        const half = new Matrix(
          Array.from({ length: size }, () => Array.from({ length: size }, () => random() - 0.5)),
        );
        const matrix = half.mmul(half.transpose()).add(Matrix.eye(size));
        const found = symmetricInverse(Float64Array.from(matrix.to1DArray()), size);
        const expected = inverse(matrix).to1DArray();
        found.forEach((value, i) => {
          expect(value).toBeCloseTo(expected[i]!, 8);
        });
      }),
    );
  });

  it('is refused where the matrix is not positive definite', () => {
    expect(() => symmetricInverse(Float64Array.of(1, 2, 2, 1), 2)).toThrow(RangeError);
  });
});

describe('the working model', () => {
  const table = knownBusiness(400, 1);
  const layout = layoutOf(binFeatures(table).binned);
  const effects = Float64Array.from({ length: layout.bins }, (_, i) => Math.sin(i) / 3);

  it('has the derivatives of the log likelihood', () => {
    const at = workingModel(layout, table.label, effects, table.rows);
    const step = 1e-5;
    const moved = (bin: number, by: number) => {
      const other = effects.slice();
      other[bin]! += by;
      return workingModel(layout, table.label, other, table.rows);
    };
    for (let bin = 0; bin < layout.bins; bin++) {
      const [less, more] = [moved(bin, -step), moved(bin, step)];
      expect(at.score[bin]).toBeCloseTo((more.logLikelihood - less.logLikelihood) / (2 * step), 4);
      for (let other = 0; other < layout.bins; other++)
        expect(at.information[bin * layout.bins + other]).toBeCloseTo(
          -(more.score[other]! - less.score[other]!) / (2 * step),
          4,
        );
    }
  });
});

describe('a penalised fit', () => {
  const table = knownBusiness(2_000, 2);
  const fit = penalisedFit(layoutOf(binFeatures(table).binned), table.label);

  it('predicts as many positives as there are', () => {
    const { score } = workingModel(fit.layout, table.label, fit.effects, table.rows);
    expect(Math.abs(score[0]!)).toBeLessThan(0.5);
  });

  it('shrinks what means nothing to nothing', () => {
    const mails = fit.layout.features.findIndex(({ feature }) => feature.name === 'mails');
    const from = fit.layout.first[mails]!;
    const effects = fit.effects.slice(from, from + fit.layout.features[mails]!.rows.length);
    expect(Math.max(...effects) - Math.min(...effects)).toBeLessThan(0.4);
    expect(fit.degreesOfFreedom).toBeLessThan(20);
  });

  it('has evidence for causes, and against what means nothing', () => {
    const { kept, leftOut } = withoutEvidence(fit);
    const nameOf = (feature: number) => fit.layout.features[feature]!.feature.name;
    expect(kept.map(({ feature }) => nameOf(feature)).sort()).toEqual(['plan', 'use']);
    expect(leftOut.map(({ feature }) => nameOf(feature))).toEqual(['mails']);
    for (const { evidence } of kept) expect(evidence).toBeGreaterThan(20);
  });

  it('keeps one of two columns that say the same', () => {
    const use = table.features.find(({ name }) => name === 'use')!;
    const twice = {
      ...table,
      features: [...table.features, { ...use, name: 'use_again', title: 'use_again' }],
    };
    const { kept } = withoutEvidence(penalisedFit(layoutOf(binFeatures(twice).binned), twice.label));
    const names = kept.map(({ feature }) => binFeatures(twice).binned[feature]!.feature.name);
    expect(names.filter((name) => name.startsWith('use')).length).toBeGreaterThanOrEqual(1);
  });
});
