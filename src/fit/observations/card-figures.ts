import { DAY_MS } from '../../core/clock.js';
import { groupsOf } from '../statistics/bootstrap.js';
import { type Judgement, judge } from '../statistics/judge.js';
import type { ScoredObservation } from './scored-observation.js';

/** How good a scorecard was, by what then happened. */
export interface CardFigures extends Judgement {
  /** Observations of which too little was known for a probability; they are not in the figures. */
  readonly unknown: number;
  /** Of as many observations as there is capacity for, the highest first: how many were positive, and how many of all positives. */
  readonly precisionAtCapacity: number;
  readonly recallAtCapacity: number;
  /** How many times as many positives as on average the highest tenth has. */
  readonly topDecileLift: number;
  /** Median over the contracts that were lost and flagged, of how long before the due date; null: none was. */
  readonly daysOfWarning: number | null;
  readonly arrLost: readonly LostArr[];
}

/** ARR of the contracts that were lost, and of those that had been flagged. */
export interface LostArr {
  readonly currency: string;
  readonly lostMinor: number;
  readonly flaggedMinor: number;
}

export interface FigureOptions {
  /** Share of the observations that there is capacity to look after. */
  readonly capacity: number;
  readonly seed: number;
}

type Known = ScoredObservation & { readonly probability: number };

/** Null where all ended alike, or nothing was known: then there is nothing to tell apart. */
export function cardFigures(
  all: readonly ScoredObservation[],
  { capacity, seed }: FigureOptions,
): CardFigures | null {
  const known = all.filter((one): one is Known => one.probability !== null);
  const positives = known.filter(({ label }) => label === 1).length;
  if (positives === 0 || positives === known.length) return null;
  const judgement = judge(
    Uint8Array.from(known, ({ label }) => label),
    Float64Array.from(known, ({ probability }) => probability),
    groupsOf(
      known.map(({ accountId }) => accountId),
      known.length,
    ),
    seed,
  );
  const ranked = [...known].sort((a, b) => b.probability - a.probability || (keyOf(a) < keyOf(b) ? -1 : 1));
  const flagged = ranked.slice(0, Math.max(1, Math.round(capacity * ranked.length)));
  const tenth = ranked.slice(0, Math.max(1, Math.floor(ranked.length / 10)));
  const found = countPositive(flagged);
  return {
    ...judgement,
    unknown: all.length - known.length,
    precisionAtCapacity: found / flagged.length,
    recallAtCapacity: found / positives,
    topDecileLift: countPositive(tenth) / tenth.length / (positives / known.length),
    daysOfWarning: warningOf(flagged),
    arrLost: lostArr(known, flagged),
  };
}

function countPositive(rows: readonly Known[]): number {
  return rows.filter(({ label }) => label === 1).length;
}

function keyOf({ accountId, subscriptionId, dueAt, asOf }: ScoredObservation): string {
  return JSON.stringify([accountId, subscriptionId, dueAt, asOf]);
}

function termOf({ accountId, subscriptionId, dueAt }: ScoredObservation): string {
  return JSON.stringify([accountId, subscriptionId, dueAt]);
}

function warningOf(flagged: readonly Known[]): number | null {
  const earliest = new Map<string, number>();
  for (const one of flagged) {
    if (one.label === 0) continue;
    const days = (one.dueAt - one.asOf) / DAY_MS;
    earliest.set(termOf(one), Math.max(days, earliest.get(termOf(one)) ?? 0));
  }
  const sorted = [...earliest.values()].sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

function lostArr(known: readonly Known[], flagged: readonly Known[]): LostArr[] {
  const isFlagged = new Set(flagged.map(termOf));
  const terms = new Map(known.filter(({ label }) => label === 1).map((one) => [termOf(one), one]));
  const sums = new Map<string, { lostMinor: number; flaggedMinor: number }>();
  for (const [term, { arrMinor, currency }] of terms) {
    if (arrMinor === null) continue;
    const sum = sums.get(currency) ?? { lostMinor: 0, flaggedMinor: 0 };
    sum.lostMinor += arrMinor;
    if (isFlagged.has(term)) sum.flaggedMinor += arrMinor;
    sums.set(currency, sum);
  }
  return [...sums]
    .map(([currency, sum]) => ({ currency, ...sum }))
    .sort((a, b) => (a.currency < b.currency ? -1 : 1));
}
