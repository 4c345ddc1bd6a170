import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { valueAt } from '../../src/columns/column.js';
import { DAY_MS } from '../../src/core/clock.js';
import { type ObserveSummary, observe } from '../../src/engine/observations/observe.js';
import type { ObservedBatch } from '../../src/engine/observations/observed-features.js';
import type { LabelDefinition } from '../../src/features/labels.js';
import { calibrate, judgeCalibrated } from '../../src/fit/observations/calibrate.js';
import { cardFigures } from '../../src/fit/observations/card-figures.js';
import { compareCards } from '../../src/fit/observations/compare-cards.js';
import { observationsOf } from '../../src/fit/observations/observations-of.js';
import { type ScoredObservation, scoreObservations } from '../../src/fit/observations/scored-observation.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { parseMessage } from '../../src/signals/parse.js';
import type { Store } from '../../src/store/store.js';
import { defaultScoring } from '../scoring/scoring-files.js';
import { context, iso, json } from '../signals/forms.js';
import { business, END, writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';
import { randomNumbers } from './tables.js';

const scoring = defaultScoring();
const ALL = { from: 0, to: END, everyDays: 7, needsBoth: true } as const;

describe('when contracts that ended are looked at', () => {
  const term = {
    accountId: 'a',
    subscriptionId: 's',
    dueAt: Date.UTC(2026, 5, 30, 12),
    label: 1,
    noticeAt: null,
  } as const;
  const plan = { leadDays: [30, 60], beforeNotice: true, everyDays: 1 } as const;

  it('is at midnight, so long before and never later', () => {
    const { observations } = observationsOf([term], plan);
    expect(observations.map(({ asOf, leadDays }) => [iso(asOf), leadDays])).toEqual([
      ['2026-05-01T00:00:00.000Z', 60],
      ['2026-05-31T00:00:00.000Z', 30],
    ]);
  });

  it('is on Mondays, where that is asked for', () => {
    const { observations } = observationsOf([term], { ...plan, everyDays: 7 });
    for (const { asOf, dueAt, leadDays } of observations) {
      expect(new Date(asOf).getUTCDay()).toBe(1);
      const days = (dueAt - asOf) / DAY_MS;
      expect(days).toBeGreaterThanOrEqual(leadDays);
      expect(days).toBeLessThan(leadDays + 7);
    }
  });

  it('is not after notice was given', () => {
    const noticed = { ...term, noticeAt: Date.UTC(2026, 4, 10) };
    const { observations, afterNotice } = observationsOf([noticed], plan);
    expect(observations.map(({ leadDays }) => leadDays)).toEqual([60]);
    expect(afterNotice).toBe(1);
    expect(observationsOf([noticed], { ...plan, beforeNotice: false }).observations).toHaveLength(2);
  });
});

// Bug: `evaluate` of a history that files had brought today printed an empty table, and `fit` that no row could be predicted.
it('outcomes of contracts of which nothing was known before are refused, with what to do', async () => {
  const { store, close } = await tempStore();
  const today = business({ accounts: 20, days: 200 }).map((one) => ({ ...one, receivedAt: END }));
  await writeAll(store, today);
  await expect(observe(store, scoring.catalogue, ALL, () => {})).rejects.toMatchObject({
    code: 'failed_precondition',
    message: expect.stringMatching(/^\d+ contracts ended, and none of them can be looked at/),
    hint: expect.stringContaining('received: occurred'),
  });
  await close();
});

describe('the outcomes of a store', () => {
  let store: Store;
  let close: () => Promise<void>;
  let summary: ObserveSummary;
  let batches: ObservedBatch[];
  const look = async () => {
    const found: ObservedBatch[] = [];
    const said = await observe(store, scoring.catalogue, ALL, (batch) => found.push(batch));
    return { found, said };
  };

  beforeAll(async () => {
    ({ store, close } = await tempStore());
    await writeAll(store, business({ accounts: 40, days: 300 }));
    ({ found: batches, said: summary } = await look());
  });
  afterAll(() => close());

  it('are looked at as they were before, once a lead and term', () => {
    const observations = batches.flatMap((batch) => batch.observations);
    expect(observations).toHaveLength(summary.observations);
    expect(summary.observations).toBeGreaterThan(50);
    const keys = observations.map(
      ({ subscriptionId, dueAt, leadDays }) => `${subscriptionId} ${dueAt} ${leadDays}`,
    );
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(observations.map(({ label }) => label))).toEqual(new Set([0, 1]));
    for (const { asOf, dueAt, leadDays } of observations)
      expect(dueAt - asOf).toBeGreaterThanOrEqual(leadDays * DAY_MS);
  });

  // The guard against leakage: three sorts of what must not be seen, each planted, and none changes a feature.
  it('are looked at with nothing that happened later, arrived later, or came after notice', async () => {
    const churned = batches.flatMap(({ observations }) => observations).filter(({ label }) => label === 1);
    expect(churned.length).toBeGreaterThan(3);
    const plant = (name: string, accountId: string, time: number, receivedAt: number): Delivery => {
      const body = {
        id: name,
        source: 'planted',
        type: 'support.cancel_question',
        account_id: accountId,
        time: iso(time),
      };
      const record = parseMessage(json(body), 'any', { ...context(), receivedAt });
      return { record, origin: { topic: 'planted', partition: 0, offset: 0 }, receivedAt };
    };
    const leaks = churned.flatMap(({ accountId, asOf, dueAt, leadDays }, i) => [
      // Happened after the observation.
      plant(`later ${i} ${leadDays}`, accountId, asOf + 1, asOf + 1),
      plant(`at the end ${i} ${leadDays}`, accountId, dueAt - 1, dueAt - 1),
      // Happened before it, and was heard of only after the contract had ended.
      plant(`heard of later ${i} ${leadDays}`, accountId, asOf - DAY_MS, dueAt + DAY_MS),
    ]);
    const valuesOf = (found: readonly ObservedBatch[]) =>
      new Map(
        found.flatMap(({ observations, batch }) =>
          observations.map(({ subscriptionId, asOf, dueAt }, row): [string, unknown] => [
            `${subscriptionId} ${asOf} ${dueAt}`,
            scoring.catalogue.features.map(({ name }) => valueAt(batch.column(name), row)),
          ]),
        ),
      );
    const before = valuesOf(batches);
    await writeAll(store, leaks);
    // An account is observed at several times: what is later for one of them is known to a later one. Only the first is compared.
    const first = new Map<string, number>();
    for (const { accountId, asOf } of churned)
      first.set(accountId, Math.min(asOf, first.get(accountId) ?? asOf));
    const after = await look();
    const values = valuesOf(after.found);
    let compared = 0;
    for (const { observations } of after.found)
      for (const { accountId, subscriptionId, asOf, dueAt } of observations) {
        if (asOf > (first.get(accountId) ?? 0)) continue;
        const key = `${subscriptionId} ${asOf} ${dueAt}`;
        expect(values.get(key)).toEqual(before.get(key));
        compared++;
      }
    expect(compared).toBeGreaterThan(3);
    // The plants are seen where they may be: this test can fail.
    const sawSome = after.found.some(({ observations }) =>
      observations.some(({ accountId, subscriptionId, asOf, dueAt }) => {
        const key = `${subscriptionId} ${asOf} ${dueAt}`;
        return (
          asOf > (first.get(accountId) ?? asOf) &&
          JSON.stringify(values.get(key)) !== JSON.stringify(before.get(key))
        );
      }),
    );
    expect(sawSome).toBe(true);
  });

  it('judge the shipped scorecards from day one', async () => {
    const rows = batches.flatMap(({ batch, observations }) =>
      scoreObservations(scoring, batch, observations),
    );
    const figures = cardFigures(rows, { capacity: 0.1, seed: 1 })!;
    expect(figures.rows + figures.unknown).toBe(rows.length);
    expect(figures.auc).toBeGreaterThan(0.5);
    expect(figures.topDecileLift).toBeGreaterThan(0.5);
    for (const { lostMinor, flaggedMinor } of figures.arrLost)
      expect(flaggedMinor).toBeLessThanOrEqual(lostMinor);
  });

  it('are missed where there are none, and the base rate is said to be unknown', async () => {
    const nothing = observe(store, scoring.catalogue, { ...ALL, from: END - 1 }, () => {});
    await expect(nothing).rejects.toThrow(/base rate is not known/);
  });

  it('of one kind only tell nobody apart, and what is missing is said', async () => {
    const [[name, label]] = [...scoring.catalogue.labels] as [[string, LabelDefinition]];
    const all = { ...label, outcomes: [...label.outcomes, ...label.against] };
    const catalogue = { ...scoring.catalogue, labels: new Map([[name, all]]) };
    await expect(observe(store, catalogue, ALL, () => {})).rejects.toMatchObject({
      code: 'failed_precondition',
      message: expect.stringMatching(/^All \d+ contracts that ended did so as churned, /),
      hint: expect.stringContaining('renewed'),
    });
  });
});

/** Observations whose risk says as much as `signal`. */
function madeUp(rows: number, signal: number, seed: number): ScoredObservation[] {
  const random = randomNumbers(seed);
  return Array.from({ length: rows }, (_, i): ScoredObservation => {
    const label = random() < 0.3 ? 1 : 0;
    const risk = 100 * Math.min(1, Math.max(0, 0.5 * random() + signal * label * random() + 0.1));
    return {
      ...{
        accountId: `a${i % 300}`,
        subscriptionId: `s${i}`,
        asOf: i * DAY_MS,
        dueAt: (i + 60) * DAY_MS,
        leadDays: 60,
      },
      ...{
        label,
        scorecard: 'c',
        risk,
        band: 'low',
        probability: risk / 200,
        segment: '',
        arrMinor: 100,
        currency: 'EUR',
      },
    };
  });
}

describe('a calibration', () => {
  it.each([300, 3_000])('of %d observations says what happened, on accounts it has not seen', (rows) => {
    const found = calibrate(madeUp(rows, 0.5, 1), 1)!;
    expect(found.after.logLoss).toBeLessThan(found.before.logLoss);
    expect(found.after.expectedCalibrationError).toBeLessThan(0.08);
    expect(found.before.expectedCalibrationError).toBeGreaterThan(0.1);
  });

  it('is not made of too few outcomes', () => {
    expect(calibrate(madeUp(40, 0.5, 1), 1)).toBeNull();
  });

  it('of risks that say the wrong thing is flat, and never falls', () => {
    const { calibration } = calibrate(madeUp(250, -0.5, 1), 1)!;
    expect(calibration).toMatchObject({ kind: 'logistic', b: 1e-6 });
  });
});

// Of a fit over time a calibration over accounts was compared, which had seen later contracts and was judged on other rows.
describe('a scorecard by hand beside a fitted one', () => {
  it('is judged on the same rows, calibrated by those that the fit had seen', () => {
    const rows = madeUp(900, 0.8, 1);
    const places = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i);
    const splits = [
      { fold: '1', train: places(0, 0), test: places(0, 300) },
      { fold: '2', train: places(0, 300), test: places(300, 900) },
    ];
    const found = judgeCalibrated(rows, splits, 1)!;
    expect(found.rows).toBe(600);
    const turned = rows.map((one, i) => (i < 300 ? { ...one, risk: 100 - one.risk } : one));
    expect(judgeCalibrated(turned, splits, 1)!.logLoss).toBeGreaterThan(found.logLoss);
    const unknown = rows.map((one) => ({ ...one, probability: null }));
    expect(judgeCalibrated(unknown, splits, 1)!.auc).toBe(0.5);
  });
});

describe('two scorecards', () => {
  it('are told apart when one is better, and not when they are alike', () => {
    const [weak, strong] = [madeUp(1_500, 0.1, 3), madeUp(1_500, 0.8, 3)];
    expect(compareCards(weak, strong, 1).verdict).toBe('second_better');
    expect(compareCards(strong, weak, 1).verdict).toBe('first_better');
    const same = compareCards(weak, weak, 1);
    expect([same.aucDifference, same.logLossDifference, same.verdict]).toEqual([0, 0, 'no_difference']);
    expect(compareCards(weak.slice(0, 30), strong.slice(0, 30), 1).verdict).toBe('not_enough_data');
  });
});

describe('figures at capacity', () => {
  it('count what was flagged, and how long before', () => {
    const row = (
      i: number,
      label: 0 | 1,
      probability: number | null,
      leadDays: number,
    ): ScoredObservation => ({
      ...{
        accountId: `a${i}`,
        subscriptionId: `s${i}`,
        dueAt: 200 * DAY_MS,
        asOf: (200 - leadDays) * DAY_MS,
        leadDays,
        label,
      },
      ...{
        scorecard: 'c',
        risk: 0,
        band: 'low',
        probability,
        segment: '',
        arrMinor: 100 * (i + 1),
        currency: 'EUR',
      },
    });
    const rows = [
      ...[row(0, 1, 0.9, 30), row(0, 1, 0.8, 90), row(1, 0, 0.7, 30), row(2, 1, 0.2, 30), row(3, 0, 0.1, 30)],
      row(4, 1, null, 30),
    ];
    expect(cardFigures(rows, { capacity: 0.6, seed: 1 })).toMatchObject({
      rows: 5,
      unknown: 1,
      precisionAtCapacity: 2 / 3,
      recallAtCapacity: 2 / 3,
      daysOfWarning: 90,
      arrLost: [{ currency: 'EUR', lostMinor: 400, flaggedMinor: 100 }],
    });
    expect(cardFigures(rows.slice(0, 2), { capacity: 0.6, seed: 1 })).toBeNull();
  });
});
