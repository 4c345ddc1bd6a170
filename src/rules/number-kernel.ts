/**
 * Comparisons of a column of numbers with one finite number, 32 rows to a word: where a plan spends its time. They have no
 * jumps that depend on the data, which a processor guesses wrong for every other row: the difference is written down as a
 * float, and its sign and its being zero are read off its bits. The difference of two different floats is never zero.
 *
 * Adding 0 turns a difference of -0, which has a sign and is not below zero, into 0. NaN compares as false, as in
 * json-rules-engine. Missing rows come out as anything; bits past the last row too.
 */
export const NUMBER_OPERATORS = [
  'equal',
  'lessThan',
  'lessThanInclusive',
  'greaterThan',
  'greaterThanInclusive',
] as const;

export type NumberOperator = (typeof NUMBER_OPERATORS)[number];

export type NumberLoop = (values: Float64Array, y: number, out: Uint32Array, at: number) => void;

/** The differences of 32 rows, and the same as halves: the low one first, since every machine Node runs on is little-endian. */
const differences = new Float64Array(32);
const halves = new Int32Array(differences.buffer);

/** Which of the first `rows` differences are below zero, one bit a row. */
function negative(rows: number): number {
  let word = 0;
  for (let i = rows - 1; i >= 0; i--) word = (word << 1) | (halves[2 * i + 1]! >>> 31);
  return word;
}

/** Which of the first `rows` differences are zero, one bit a row. */
function zero(rows: number): number {
  let word = 0;
  for (let i = rows - 1; i >= 0; i--) {
    const bits = (halves[2 * i + 1]! & 0x7fffffff) | halves[2 * i]!;
    word = (word << 1) | (((bits | -bits) >>> 31) ^ 1);
  }
  return word;
}

/** Writes down values[from + i] - y, and returns how many rows there were. */
function below(values: Float64Array, y: number, from: number): number {
  const rows = Math.min(32, values.length - from);
  for (let i = 0; i < rows; i++) differences[i] = values[from + i]! - y + 0;
  return rows;
}

/** Writes down y - values[from + i], and returns how many rows there were. */
function above(values: Float64Array, y: number, from: number): number {
  const rows = Math.min(32, values.length - from);
  for (let i = 0; i < rows; i++) differences[i] = y - values[from + i]! + 0;
  return rows;
}

export const NUMBER_LOOPS: Readonly<Record<NumberOperator, NumberLoop>> = {
  equal: (v, y, out, at) => {
    for (let from = 0, w = at; from < v.length; from += 32, w++) out[w] = zero(below(v, y, from));
  },
  lessThan: (v, y, out, at) => {
    for (let from = 0, w = at; from < v.length; from += 32, w++) out[w] = negative(below(v, y, from));
  },
  lessThanInclusive: (v, y, out, at) => {
    for (let from = 0, w = at; from < v.length; from += 32, w++) {
      const rows = below(v, y, from);
      out[w] = negative(rows) | zero(rows);
    }
  },
  greaterThan: (v, y, out, at) => {
    for (let from = 0, w = at; from < v.length; from += 32, w++) out[w] = negative(above(v, y, from));
  },
  greaterThanInclusive: (v, y, out, at) => {
    for (let from = 0, w = at; from < v.length; from += 32, w++) {
      const rows = above(v, y, from);
      out[w] = negative(rows) | zero(rows);
    }
  },
};

/**
 * Many comparisons of one row: comparison i is of `row[places[i]]` with `thresholds[i]`, by the operator of which `codes[i]`
 * is the place in NUMBER_OPERATORS, and writes 1 or 0 into `out[i]`. A batch of one is not worth a loop for each comparison.
 */
export function numbersOfOne(
  row: Float64Array,
  places: Int32Array,
  codes: Uint8Array,
  thresholds: Float64Array,
  out: Uint32Array,
): void {
  for (let i = 0; i < places.length; i++) {
    const x = row[places[i]!]!;
    const y = thresholds[i]!;
    const code = codes[i]!;
    let holds: boolean;
    if (code === 0) holds = x === y;
    else if (code === 1) holds = x < y;
    else if (code === 2) holds = x <= y;
    else if (code === 3) holds = x > y;
    else holds = x >= y;
    out[i] = holds ? 1 : 0;
  }
}
