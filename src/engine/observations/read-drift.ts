import type { Batch } from '../../columns/batch.js';
import { valueAt } from '../../columns/column.js';
import type { Millis } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { dateTime64 } from '../../core/sql-time.js';
import { pagesOfNamed } from '../../features/named-accounts.js';
import { type ScoredObservation, scoreObservations } from '../../fit/observations/scored-observation.js';
import { populationStability, type Sampled } from '../../fit/statistics/population-stability.js';
import { evaluateScorecards } from '../../scoring/evaluate.js';
import type { Scoring } from '../../scoring/load.js';
import type { Store } from '../../store/store.js';
import { featuresAt } from '../pass-ports.js';
import { observe } from './observe.js';

/** Whether scorecards still meet the customers, and the outcomes, that they were made for. */
export interface Drift {
  readonly asOf: Millis;
  /** What now is compared with. */
  readonly against: Millis;
  /** Subscriptions looked at, then and now. */
  readonly before: number;
  readonly now: number;
  /** The risk, then the features that scorecards use, the most shifted first. */
  readonly population: readonly Shift[];
  /** Null where no contract ended since of which anything had been known before. */
  readonly calibration: CalibrationShift | null;
}

export interface Shift {
  readonly name: string;
  /** Population stability index: 0 is the same. */
  readonly stability: number;
  readonly verdict: 'stable' | 'moving' | 'shifted' | 'not_enough_data';
}

export interface CalibrationShift {
  /** Of features.yaml: what counts as lost. */
  readonly label: string;
  /** Contracts that ended since, with a probability as they looked before. */
  readonly contracts: number;
  /** How many of them were to be lost by their probabilities, and how many were. */
  readonly expected: number;
  readonly lost: number;
  readonly verdict: 'stable' | 'shifted' | 'not_enough_data';
}

/** Accounts that are looked at: a share of a large business says as much, and costs no more than that of a small one. */
const SAMPLED_ACCOUNTS = 20_000;

/** Fewer subscriptions, and an index of 0.1 can be chance: its mean without any shift is about 9 (1/before + 1/now). */
const FEWEST_SUBSCRIPTIONS = 300;
const MOVING = 0.1;
const SHIFTED = 0.25;

/** Fewer contracts or losses, and the difference can be chance whatever it is. */
const FEWEST_CONTRACTS = 100;
const FEWEST_LOST = 20;
/** Beyond so many standard deviations, and so far off, probabilities mislead. */
const DEVIATIONS = 3;
const FAR_OFF = 0.2;

export interface DriftQuestion {
  readonly asOf: Millis;
  readonly against: Millis;
}

/** Compares customers of two times as today's files see them, and the losses between with those that were to be expected. Read-only. */
export async function readDrift(
  store: Store,
  scoring: Scoring,
  { asOf, against }: DriftQuestion,
): Promise<Drift> {
  if (against >= asOf)
    throw new PerennialError('invalid_argument', 'What now is compared with has to be earlier than now.');
  const accounts = await sampleOf(store, against);
  const before = await lookAt(store, scoring, accounts, against);
  const now = await lookAt(store, scoring, await sampleOf(store, asOf), asOf);
  const enough = Math.min(before.rows, now.rows) >= FEWEST_SUBSCRIPTIONS;
  const shifts = [...now.values].map(([name, values]): Shift => {
    const stability = populationStability(before.values.get(name) ?? [], values);
    return { name, stability, verdict: enough ? verdictOf(stability) : 'not_enough_data' };
  });
  const risk = shifts.filter(({ name }) => name === RISK);
  const features = shifts.filter(({ name }) => name !== RISK);
  features.sort((a, b) => b.stability - a.stability || (a.name < b.name ? -1 : 1));
  return {
    ...{ asOf, against, before: before.rows, now: now.rows },
    population: [...risk, ...features],
    calibration: await calibrationSince(store, scoring, against, asOf),
  };
}

const RISK = 'risk';

function verdictOf(stability: number): Shift['verdict'] {
  return stability > SHIFTED ? 'shifted' : stability > MOVING ? 'moving' : 'stable';
}

/** The same accounts at any time, as far as they were there. */
async function sampleOf(store: Store, asOf: Millis): Promise<readonly string[]> {
  const rows = await store.rows<{ account: string }>(
    `SELECT account_id AS account FROM accounts WHERE first_seen_at <= {as_of:DateTime64(3, 'UTC')}
     GROUP BY account_id ORDER BY sipHash64(account_id), account_id LIMIT ${SAMPLED_ACCOUNTS}`,
    { as_of: dateTime64(asOf) },
    { lane: 'batch' },
  );
  return rows.map(({ account }) => account).sort();
}

interface Sample {
  rows: number;
  readonly values: ReadonlyMap<string, Sampled[]>;
}

async function lookAt(
  store: Store,
  scoring: Scoring,
  accounts: readonly string[],
  asOf: Millis,
): Promise<Sample> {
  const used = new Set(scoring.scorecards.flatMap(({ features }) => features.map(({ name }) => name)));
  const values = new Map<string, Sampled[]>([RISK, ...used].map((name) => [name, []]));
  const sample: Sample = { rows: 0, values };
  const featuresOf = featuresAt(store, scoring, asOf);
  for (const scope of pagesOfNamed(accounts))
    for await (const { batch } of featuresOf(scope)) add(sample, scoring, batch);
  return sample;
}

function add(sample: Sample, scoring: Scoring, batch: Batch): void {
  const { risk } = evaluateScorecards(scoring, batch);
  sample.rows += batch.length;
  for (const [name, values] of sample.values) {
    const column = batch.columns.get(name);
    for (let row = 0; row < batch.length; row++) {
      if (name === RISK) values.push(valueAt(risk, row) as Sampled);
      else values.push(column === undefined ? null : (valueAt(column, row) as Sampled));
    }
  }
}

async function calibrationSince(
  store: Store,
  scoring: Scoring,
  from: Millis,
  to: Millis,
): Promise<CalibrationShift | null> {
  const nearest = new Map<string, ScoredObservation & { readonly probability: number }>();
  let label: string;
  try {
    ({ label } = await observe(
      store,
      scoring.catalogue,
      { from, to, everyDays: 7, needsBoth: false },
      ({ batch, observations }) => {
        for (const one of scoreObservations(scoring, batch, observations)) {
          const term = JSON.stringify([one.accountId, one.subscriptionId, one.dueAt]);
          const { probability } = one;
          // Each contract once, as it looked last.
          if (probability !== null && one.asOf >= (nearest.get(term)?.asOf ?? 0))
            nearest.set(term, { ...one, probability });
        }
      },
    ));
  } catch (thrown) {
    if (PerennialError.from(thrown).code === 'failed_precondition') return null;
    throw thrown;
  }
  const known = [...nearest.values()];
  const expected = known.reduce((sum, { probability }) => sum + probability, 0);
  const lost = known.filter(({ label }) => label === 1).length;
  const deviation = Math.sqrt(known.reduce((sum, { probability: p }) => sum + p * (1 - p), 0));
  const off = Math.abs(lost - expected);
  return {
    ...{ label, contracts: known.length, expected, lost },
    verdict:
      known.length < FEWEST_CONTRACTS || Math.max(lost, expected) < FEWEST_LOST
        ? 'not_enough_data'
        : off > DEVIATIONS * deviation && off > FAR_OFF * expected
          ? 'shifted'
          : 'stable',
  };
}
