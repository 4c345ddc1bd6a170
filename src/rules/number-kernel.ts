/**
 * Comparisons of a column of numbers with one number, 32 rows to a word: where a plan spends its time. One loop for each
 * operator, with four rows to a turn, because that is what the JIT turns into code without calls and with few jumps.
 * Missing rows come out as anything; bits past the last row too.
 */
export type NumberOperator =
  | 'equal'
  | 'lessThan'
  | 'lessThanInclusive'
  | 'greaterThan'
  | 'greaterThanInclusive';

export type NumberLoop = (values: Float64Array, y: number, out: Uint32Array, at: number) => void;

export const NUMBER_LOOPS: Readonly<Record<NumberOperator, NumberLoop>> = {
  equal: (v, y, out, at) => {
    for (let from = 0, w = at; from < v.length; from += 32, w++) {
      let word = 0;
      let i = Math.min(from + 32, v.length) - 1;
      for (; i - 3 >= from; i -= 4) {
        word = (word << 4) | (v[i]! === y ? 8 : 0) | (v[i - 1]! === y ? 4 : 0);
        word |= (v[i - 2]! === y ? 2 : 0) | (v[i - 3]! === y ? 1 : 0);
      }
      for (; i >= from; i--) word = (word << 1) | (v[i]! === y ? 1 : 0);
      out[w] = word;
    }
  },
  lessThan: (v, y, out, at) => {
    for (let from = 0, w = at; from < v.length; from += 32, w++) {
      let word = 0;
      let i = Math.min(from + 32, v.length) - 1;
      for (; i - 3 >= from; i -= 4) {
        word = (word << 4) | (v[i]! < y ? 8 : 0) | (v[i - 1]! < y ? 4 : 0);
        word |= (v[i - 2]! < y ? 2 : 0) | (v[i - 3]! < y ? 1 : 0);
      }
      for (; i >= from; i--) word = (word << 1) | (v[i]! < y ? 1 : 0);
      out[w] = word;
    }
  },
  lessThanInclusive: (v, y, out, at) => {
    for (let from = 0, w = at; from < v.length; from += 32, w++) {
      let word = 0;
      let i = Math.min(from + 32, v.length) - 1;
      for (; i - 3 >= from; i -= 4) {
        word = (word << 4) | (v[i]! <= y ? 8 : 0) | (v[i - 1]! <= y ? 4 : 0);
        word |= (v[i - 2]! <= y ? 2 : 0) | (v[i - 3]! <= y ? 1 : 0);
      }
      for (; i >= from; i--) word = (word << 1) | (v[i]! <= y ? 1 : 0);
      out[w] = word;
    }
  },
  greaterThan: (v, y, out, at) => {
    for (let from = 0, w = at; from < v.length; from += 32, w++) {
      let word = 0;
      let i = Math.min(from + 32, v.length) - 1;
      for (; i - 3 >= from; i -= 4) {
        word = (word << 4) | (v[i]! > y ? 8 : 0) | (v[i - 1]! > y ? 4 : 0);
        word |= (v[i - 2]! > y ? 2 : 0) | (v[i - 3]! > y ? 1 : 0);
      }
      for (; i >= from; i--) word = (word << 1) | (v[i]! > y ? 1 : 0);
      out[w] = word;
    }
  },
  greaterThanInclusive: (v, y, out, at) => {
    for (let from = 0, w = at; from < v.length; from += 32, w++) {
      let word = 0;
      let i = Math.min(from + 32, v.length) - 1;
      for (; i - 3 >= from; i -= 4) {
        word = (word << 4) | (v[i]! >= y ? 8 : 0) | (v[i - 1]! >= y ? 4 : 0);
        word |= (v[i - 2]! >= y ? 2 : 0) | (v[i - 3]! >= y ? 1 : 0);
      }
      for (; i >= from; i--) word = (word << 1) | (v[i]! >= y ? 1 : 0);
      out[w] = word;
    }
  },
};
