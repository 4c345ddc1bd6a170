import { Bitset } from '../../src/columns/bitset.js';
import type { NumberColumn, StringColumn } from '../../src/columns/column.js';
import type { FitOptions } from '../../src/fit/fit-scorecard.js';
import { textsOf } from '../../src/fit/table/column-kind.js';
import type { Direction, TrainingFeature, TrainingTable } from '../../src/fit/training-table.js';

export const OPTIONS: FitOptions = { groups: null, times: null, folds: null, foldCount: 3, seed: 1 };

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Null: missing. */
export function numbers(values: readonly (number | null)[]): NumberColumn {
  const valid = new Bitset(values.length);
  values.forEach((value, row) => {
    if (value !== null) valid.add(row);
  });
  return { kind: 'number', values: Float64Array.from(values, (value) => value ?? 0), valid };
}

export function texts(values: readonly (string | null)[]): StringColumn {
  return textsOf(values.map((value) => value ?? ''));
}

export function tableOf(
  label: readonly number[],
  columns: Readonly<Record<string, NumberColumn | StringColumn>>,
  directions: Readonly<Record<string, Direction>> = {},
): TrainingTable {
  const features = Object.entries(columns).map(
    ([name, column]): TrainingFeature => ({ name, title: name, column, direction: directions[name] ?? null }),
  );
  return {
    rows: label.length,
    label: Uint8Array.from(label),
    weights: null,
    features: features.sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** A business whose causes are known: use below 10 and a monthly plan are bad, mails say nothing; use is missing for some. */
export function knownBusiness(rows: number, seed: number): TrainingTable {
  const random = randomNumbers(seed);
  const use: (number | null)[] = [];
  const plan: (string | null)[] = [];
  const mails: number[] = [];
  const label: number[] = [];
  for (let row = 0; row < rows; row++) {
    const used = Math.floor(20 * random());
    const monthly = random() < 0.4;
    const unknown = random() < 0.1;
    const logit = -2 + (used < 10 ? 1.6 : 0) + (monthly ? 1.2 : 0) + (unknown ? 0.8 : 0);
    use.push(unknown ? null : used);
    plan.push(monthly ? 'monthly' : random() < 0.97 ? 'yearly' : `special ${Math.floor(20 * random())}`);
    mails.push(Math.floor(30 * random()));
    label.push(Number(random() < 1 / (1 + Math.exp(-logit))));
  }
  return tableOf(label, { use: numbers(use), plan: texts(plan), mails: numbers(mails) });
}

/** Nothing in it has to do with the label. */
export function noise(rows: number, columns: number, seed: number): TrainingTable {
  const random = randomNumbers(seed);
  const column = () => numbers(Array.from({ length: rows }, () => Math.floor(50 * random())));
  return tableOf(
    Array.from({ length: rows }, () => Number(random() < 0.25)),
    Object.fromEntries(Array.from({ length: columns }, (_, i) => [`c${i}`, column()])),
  );
}
