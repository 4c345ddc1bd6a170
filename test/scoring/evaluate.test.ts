import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Batch } from '../../src/columns/batch.js';
import { batchOf } from '../../src/columns/batch-of.js';
import { Bitset } from '../../src/columns/bitset.js';
import { valueAt } from '../../src/columns/column.js';
import type { Fact } from '../../src/columns/fact.js';
import { evaluateScorecards, type Scores } from '../../src/scoring/evaluate.js';
import type { Scoring } from '../../src/scoring/load.js';
import { BANDS, type Scorecard } from '../../src/scoring/scorecard.js';
import { badnessOfNumber, type Shape } from '../../src/scoring/shape.js';
import { CATEGORIES } from '../../src/signals/signal.js';
import { bands } from './bands.js';
import { featuresYaml, scoringOf } from './scoring-files.js';

const KINDS = ['number', 'number', 'boolean', 'number', 'number', 'number', 'boolean'] as const;

const points = fc
  .uniqueArray(fc.double({ min: -1000, max: 1000, noNaN: true }), {
    minLength: 2,
    maxLength: 6,
    comparator: 'SameValueZero',
  })
  .chain((xs) =>
    fc
      .array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: xs.length, maxLength: xs.length })
      .map((rs) => [...xs].sort((a, b) => a - b).map((x, i) => [x, rs[i]!])),
  );
const shape = fc.oneof(
  points.map((curve) => ({ curve })),
  points.map((steps) => ({ steps })),
);
const scoredFeature = fc
  .tuple(
    fc.double({ min: 0.001, max: 1000, noNaN: true }),
    shape,
    fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  )
  .map(([weight, s, missing]) => ({ weight, ...s, ...(missing === null ? {} : { missing }), why: 'w' }));
const is = (fact: string, value: string) => ({ fact, operator: 'equal', value });
const scorecardFile = (name: string, ...conditions: ReturnType<typeof is>[]) =>
  fc
    .tuple(
      fc.array(fc.option(scoredFeature), { minLength: KINDS.length, maxLength: KINDS.length }),
      scoredFeature,
      bands,
    )
    .map(([features, first, b]) => ({
      name,
      description: 'd',
      ...(conditions.length === 0 ? {} : { when: { all: conditions } }),
      calibration: { a: -3, b: 0.05 },
      coverage_floor: 0.4,
      bands: b,
      features: Object.fromEntries(
        [first, ...features.slice(1)].flatMap((feature, i) => (feature === null ? [] : [[`f${i}`, feature]])),
      ),
    }));

const scoring: fc.Arbitrary<Scoring> = fc
  .tuple(
    scorecardFile('both', is('segment', 'smb'), is('product', 'crm')),
    scorecardFile('small', is('segment', 'smb')),
    scorecardFile('zz_default'),
  )
  .map((cards) =>
    scoringOf(
      new Map([
        ['features.yaml', featuresYaml(KINDS)],
        ...cards.map((card): [string, string] => [`scorecards/${card.name}.yaml`, JSON.stringify(card)]),
      ]),
    ),
  );

/** Scoring with one scorecard, for everyone. */
function oneScorecard(more: object): Scoring {
  const card = {
    name: 'default',
    description: 'd',
    calibration: { a: -3, b: 0.05 },
    bands: { medium: 25, high: 40, critical: 55, hysteresis: 3 },
    ...more,
  };
  return scoringOf(
    new Map([
      ['features.yaml', featuresYaml(KINDS)],
      ['scorecards/default.yaml', JSON.stringify(card)],
    ]),
  );
}

const value = fc.double({ min: -2000, max: 2000, noNaN: true });
const row = fc.record({
  ...Object.fromEntries(
    KINDS.map((kind, i) => [`f${i}`, fc.option<number | boolean>(kind === 'number' ? value : fc.boolean())]),
  ),
  segment: fc.option(fc.constantFrom('smb', 'enterprise')),
  product: fc.option(fc.constantFrom('crm', 'erp')),
  previous_band: fc.option(fc.constantFrom(...BANDS)),
});
type Row = Record<string, unknown>;
const rows = fc.array(row as fc.Arbitrary<Row>, { minLength: 1, maxLength: 40 });
/** Each run reads three scorecards anew. */
const RUNS = { numRuns: 50 };

const fact = (name: string, kind: Fact['kind']): Fact => ({
  name,
  kind,
  description: '',
  unit: '',
  range: [null, null],
  values: null,
  origin: 'feature',
  optional: true,
});
const FACTS = [
  ...KINDS.map((kind, i) => fact(`f${i}`, kind)),
  ...['segment', 'product', 'previous_band'].map((name) => fact(name, 'string')),
];
const batch = (some: readonly Row[]): Batch => batchOf(FACTS, some);

/** Everything a row got, to be compared. */
function result(scores: Scores, i: number) {
  return {
    scorecard: scores.scorecard[i],
    risk: scores.computedRisk[i]!,
    renewalProbability: valueAt(scores.renewalProbability, i),
    band: scores.band[i],
    coverage: scores.coverage[i],
    categories: CATEGORIES.map((c) => {
      const { values, valid } = scores.categoryRisk[c];
      return valid === null || valid.has(i) ? values[i] : null;
    }),
    contributions: scores.contributions.map((points) => points[i]),
  };
}

const badness = (shape: Shape, value: number) =>
  shape.kind === 'categories' ? Number.NaN : badnessOfNumber(shape, value);

/** The formula of the design, over one row, written down plainly. */
function byHand(card: Scorecard, r: Row) {
  let [weighted, counted, known, total] = [0, 0, 0, 0];
  for (const feature of card.features) {
    const raw = r[feature.name];
    total += feature.weight;
    if (raw === null && feature.missing === null) continue;
    counted += feature.weight;
    if (raw !== null) known += feature.weight;
    weighted += feature.weight * (raw === null ? feature.missing! : badness(feature.shape, Number(raw)));
  }
  return { risk: counted === 0 ? 0 : (100 * weighted) / counted, coverage: known / total };
}

describe('evaluating scorecards', () => {
  it('gives risk = 100 * sum(w c r) / sum(w c), coverage = known weight / all weight, and contributions that sum to the risk', () => {
    fc.assert(
      fc.property(scoring, rows, (s, some) => {
        const scores = evaluateScorecards(s, batch(some));
        some.forEach((r, i) => {
          const expected = byHand(s.scorecards[scores.scorecard[i]!]!, r);
          expect(scores.computedRisk[i]).toBeCloseTo(expected.risk, 9);
          expect(scores.coverage[i]).toBeCloseTo(expected.coverage, 12);
          const sum = scores.contributions.reduce((total, points) => total + points[i]!, 0);
          expect(Math.abs(sum - scores.computedRisk[i]!)).toBeLessThan(1e-9);
        });
      }),
      RUNS,
    );
  });

  it('keeps risk and sub-scores within 0 and 100, coverage and probability within 0 and 1, to the last bit', () => {
    fc.assert(
      fc.property(scoring, rows, (s, some) => {
        const scores = evaluateScorecards(s, batch(some));
        for (let i = 0; i < some.length; i++) {
          const { risk, coverage, renewalProbability, categories } = result(scores, i);
          for (const points of [risk, ...categories.filter((c) => c !== null)]) {
            expect(points).toBeGreaterThanOrEqual(0);
            expect(points).toBeLessThanOrEqual(100);
          }
          for (const share of [coverage, renewalProbability].filter((s) => s !== null)) {
            expect(share).toBeGreaterThanOrEqual(0);
            expect(share).toBeLessThanOrEqual(1);
          }
        }
      }),
      RUNS,
    );
  });

  // Bug: 100 * w / w is more than 100 for one weight in twelve.
  it('gives a risk of exactly 100 where everything is as bad as can be, whatever the weights', () => {
    const weights = fc.array(fc.double({ min: 0.001, max: 1000, noNaN: true }), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(weights, (some) => {
        const features = some.map((weight, i) => [`f${i}`, { weight, steps: [[0, 1]], why: 'w' }]);
        const s = oneScorecard({ coverage_floor: 0, features: Object.fromEntries(features) });
        const scores = evaluateScorecards(s, batch([{ f0: 1, f1: 1, f2: true }]));
        expect([scores.computedRisk[0], scores.coverage[0]]).toEqual([100, 1]);
      }),
    );
  });

  it('gives a row the same result alone as in any batch', () => {
    fc.assert(
      fc.property(scoring, rows, (s, some) => {
        const together = evaluateScorecards(s, batch(some));
        some.forEach((r, i) => {
          expect(result(evaluateScorecards(s, batch([r])), 0)).toEqual(result(together, i));
        });
      }),
      RUNS,
    );
  });

  it('never lowers the risk when a known feature gets worse', () => {
    fc.assert(
      fc.property(scoring, row as fc.Arbitrary<Row>, fc.nat(), value, (s, r, pick, other) => {
        const [cardIndex, before] = [
          evaluateScorecards(s, batch([r])).scorecard[0]!,
          evaluateScorecards(s, batch([r])).computedRisk[0]!,
        ];
        const card = s.scorecards[cardIndex]!;
        const feature = card.features[pick % card.features.length]!;
        const now = r[feature.name];
        fc.pre(typeof now === 'number');
        const rises = badness(feature.shape, other) >= badness(feature.shape, now as number);
        const after = evaluateScorecards(s, batch([{ ...r, [feature.name]: other }])).computedRisk[0]!;
        if (rises) expect(after).toBeGreaterThanOrEqual(before);
        else expect(after).toBeLessThanOrEqual(before);
      }),
      RUNS,
    );
  });

  it('takes the first scorecard whose conditions hold, and the default for everyone else', () => {
    fc.assert(
      fc.property(scoring, rows, (s, some) => {
        const scores = evaluateScorecards(s, batch(some));
        some.forEach(({ segment, product }, i) => {
          const expected = segment !== 'smb' ? 'zz_default' : product === 'crm' ? 'both' : 'small';
          expect(s.scorecards[scores.scorecard[i]!]!.name).toBe(expected);
        });
      }),
      RUNS,
    );
  });

  // Bug: places of scorecards in a byte, so that the 291st scored with the 35th.
  it('gives each of 301 products its own scorecard', () => {
    const products = Array.from({ length: 301 }, (_, i) => `p${i}`);
    const card = (name: string, more: object) => [
      `scorecards/${name}.yaml`,
      JSON.stringify({
        name,
        description: 'd',
        calibration: { a: -3, b: 0.05 },
        coverage_floor: 0.4,
        bands: { medium: 25, high: 40, critical: 55, hysteresis: 3 },
        features: { f0: { weight: 1, steps: [[0, 0]], why: 'w' } },
        ...more,
      }),
    ];
    const s = scoringOf(
      new Map([
        ['features.yaml', featuresYaml(KINDS)],
        ...products.map((product) => card(product, { when: { all: [is('product', product)] } })),
        card('everyone_else', {}),
      ] as [string, string][]),
    );
    const scores = evaluateScorecards(s, batch(products.map((product) => ({ f0: 1, product }))));
    expect(Array.from(scores.scorecard, (place) => s.scorecards[place]!.name)).toEqual(products);
  });

  it('gives no probability where the band is unknown', () => {
    const features = {
      f0: { weight: 3, steps: [[0, 1]], why: 'w' },
      f1: { weight: 7, steps: [[0, 1]], why: 'w' },
    };
    const scores = evaluateScorecards(
      oneScorecard({ coverage_floor: 0.4, features }),
      batch([{ f0: 1 }, { f1: 1 }]),
    );
    expect(
      [0, 1].map((i) => [BANDS[scores.band[i]!], valueAt(scores.renewalProbability, i) === null]),
    ).toEqual([
      ['unknown', true],
      ['critical', false],
    ]);
  });

  // Case B23: one message about an account, before anything else, made a risk of 100.
  it('calls nobody anything of whom hardly a feature is applicable, however well that one is known', () => {
    const features = {
      f0: { weight: 1, steps: [[0, 1]], why: 'w' },
      f1: { weight: 9.5, steps: [[0, 0]], why: 'w' },
    };
    const card = oneScorecard({ coverage_floor: 0.4, applicable_floor: 0.1, features });
    const rows = batch([{ f0: 1 }, { f0: 1, f1: 1 }]);
    const column = rows.column('f1');
    const scores = evaluateScorecards(card, rows.with([['f1', { ...column, applicable: new Bitset(2) }]]));
    expect([0, 1].map((i) => [BANDS[scores.band[i]!], scores.coverage[i]])).toEqual([
      ['unknown', 1],
      ['low', 1],
    ]);
    expect(valueAt(scores.renewalProbability, 0)).toBeNull();
  });

  it('says how far the groups disagree: use fine and billing bad', () => {
    const features = {
      f0: { weight: 1, steps: [[0, 0]], why: 'w' },
      f1: { weight: 1, steps: [[0, 0.8]], why: 'w' },
      f2: { weight: 1, steps: [[0, 0.3]], why: 'w' },
    };
    const { disagreement } = evaluateScorecards(
      oneScorecard({ coverage_floor: 0, features }),
      batch([{ f0: 1, f1: 1, f2: true }, { f0: 1 }]),
    );
    expect([0, 1].map((i) => valueAt(disagreement, i))).toEqual([80, null]);
  });

  it('calls nobody healthy of whom nothing is known', () => {
    const features = { f0: { weight: 1, steps: [[0, 1]], why: 'w' } };
    const s = oneScorecard({ coverage_floor: 0, features });
    const scores = evaluateScorecards(s, batch([{}]));
    expect([scores.computedRisk[0], scores.coverage[0], BANDS[scores.band[0]!]]).toEqual([0, 0, 'unknown']);
    expect([valueAt(scores.risk, 0), valueAt(scores.renewalProbability, 0)]).toEqual([null, null]);
    expect(CATEGORIES.map((c) => scores.categoryRisk[c].valid!.has(0))).toEqual([false, false, false, false]);
  });
});
