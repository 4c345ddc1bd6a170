import { DAY_MS } from '../../core/clock.js';
import type { Kind } from './expression.js';

/** An argument over the rows of a batch: row i has `values[i & mask]`, so that one number stands for all rows where the mask is 0. */
export interface Argument {
  readonly values: Float64Array;
  readonly mask: 0 | -1;
}

/** Fills `out`, which may be the array of an argument. A loop of its own for each function, so that it runs without a call a row. */
export type Kernel = (out: Float64Array, ...args: Argument[]) => void;

/**
 * What an expression can compute, once for both places where it runs: `over` columns of features, `sql` over the rows
 * of signals. Over columns "not known" is NaN, in SQL it is NULL; booleans are 0 and 1, times milliseconds.
 *
 * `over` never gives infinity, and `sql` neither infinity nor NaN.
 */
export interface ExpressionFunction {
  /** How it is written, for errors and docs. */
  readonly usage: string;
  readonly description: string;
  /** The kind of the result; null: these arguments do not fit. A null among the kinds fits everything. */
  readonly result: (kinds: readonly (Kind | null)[]) => Kind | null;
  readonly over: Kernel;
  readonly sql: (...args: string[]) => string;
}

const NOT_KNOWN = Number.NaN;
const finite = (x: number) => (x - x === 0 ? x : NOT_KNOWN);
const isKnown = (x: number) => !Number.isNaN(x);
const flag = (x: boolean) => (x ? 1 : 0);

const fits = (kinds: readonly (Kind | null)[], ...wanted: readonly Kind[]) =>
  kinds.length === wanted.length && kinds.every((kind, i) => kind === null || kind === wanted[i]);
const fixed =
  (result: Kind, ...wanted: readonly Kind[]): ExpressionFunction['result'] =>
  (kinds) =>
    fits(kinds, ...wanted) ? result : null;
/** All of one kind, at least two of them. */
const alike =
  (allowed: readonly Kind[], result?: Kind): ExpressionFunction['result'] =>
  (kinds) => {
    const [first, ...others] = new Set(kinds.filter((kind) => kind !== null));
    if (kinds.length < 2 || others.length > 0 || first === undefined || !allowed.includes(first)) return null;
    return result ?? first;
  };
const two =
  (rule: ExpressionFunction['result']): ExpressionFunction['result'] =>
  (kinds) =>
    kinds.length === 2 ? rule(kinds) : null;

/** NULL where the result is infinite or no number. */
const finiteSql = (sql: string) => `ifNotFinite(${sql}, NULL)`;

/** NULL where one of them is: the engine's least and greatest leave out what is NULL, unless a setting says otherwise. */
const ofKnownSql = (args: readonly string[], sql: string) =>
  `if(${args.map((arg) => `isNull(${arg})`).join(' OR ')}, NULL, ${sql})`;

function arithmetic(usage: string, description: string, sign: string, over: Kernel) {
  return {
    usage,
    description,
    result: fixed('number', 'number', 'number'),
    over,
    sql: (a: string, b: string) => finiteSql(`(${a} ${sign} ${b})`),
  };
}

const less: Kernel = (out, a, b) => {
  for (let i = 0; i < out.length; i++) {
    const [x, y] = [a.values[i & a.mask]!, b.values[i & b.mask]!];
    out[i] = isKnown(x) && isKnown(y) ? flag(x < y) : NOT_KNOWN;
  }
};
const atMost: Kernel = (out, a, b) => {
  for (let i = 0; i < out.length; i++) {
    const [x, y] = [a.values[i & a.mask]!, b.values[i & b.mask]!];
    out[i] = isKnown(x) && isKnown(y) ? flag(x <= y) : NOT_KNOWN;
  }
};
const equal: Kernel = (out, a, b) => {
  for (let i = 0; i < out.length; i++) {
    const [x, y] = [a.values[i & a.mask]!, b.values[i & b.mask]!];
    out[i] = isKnown(x) && isKnown(y) ? flag(x === y) : NOT_KNOWN;
  }
};
const different: Kernel = (out, a, b) => {
  equal(out, a, b);
  for (let i = 0; i < out.length; i++) out[i] = 1 - out[i]!;
};

function comparison(sign: string, over: Kernel, kinds: readonly Kind[]) {
  return {
    usage: `a ${sign} b`,
    description: 'Whether it holds.',
    result: two(alike(kinds, 'boolean')),
    over,
    sql: (a: string, b: string) => `(${a} ${sign === '==' ? '=' : sign} ${b})`,
  };
}

function ofOne(
  name: string,
  description: string,
  value: (x: number) => number,
  sql = (x: string) => `${name}(${x})`,
) {
  return {
    usage: `${name}(x)`,
    description,
    result: fixed('number', 'number'),
    over: ((out, x) => {
      for (let i = 0; i < out.length; i++) out[i] = finite(value(x.values[i & x.mask]!));
    }) satisfies Kernel,
    sql: (x: string) => finiteSql(sql(x)),
  };
}

const ORDERED: readonly Kind[] = ['number', 'time'];
const ANY: readonly Kind[] = ['number', 'boolean', 'time', 'text'];

export const FUNCTIONS: Readonly<Record<string, ExpressionFunction>> = {
  '+': arithmetic('a + b', 'Sum.', '+', (out, a, b) => {
    for (let i = 0; i < out.length; i++) out[i] = finite(a.values[i & a.mask]! + b.values[i & b.mask]!);
  }),
  '-': arithmetic('a - b', 'Difference.', '-', (out, a, b) => {
    for (let i = 0; i < out.length; i++) out[i] = finite(a.values[i & a.mask]! - b.values[i & b.mask]!);
  }),
  '*': arithmetic('a * b', 'Product.', '*', (out, a, b) => {
    for (let i = 0; i < out.length; i++) out[i] = finite(a.values[i & a.mask]! * b.values[i & b.mask]!);
  }),
  '/': arithmetic('a / b', 'Quotient; not known when b is 0.', '/', (out, a, b) => {
    for (let i = 0; i < out.length; i++) out[i] = finite(a.values[i & a.mask]! / b.values[i & b.mask]!);
  }),
  negative: {
    ...ofOne(
      '-',
      'The number with the other sign.',
      (x) => -x,
      (x) => `(-${x})`,
    ),
    usage: '-x',
  },
  '<': comparison('<', less, ORDERED),
  '<=': comparison('<=', atMost, ORDERED),
  '>': comparison('>', (out, a, b) => less(out, b, a), ORDERED),
  '>=': comparison('>=', (out, a, b) => atMost(out, b, a), ORDERED),
  '==': comparison('==', equal, ANY),
  '!=': comparison('!=', different, ANY),
  and: {
    usage: 'a && b',
    description: 'Both hold. False when one is false, even if the other is not known.',
    result: fixed('boolean', 'boolean', 'boolean'),
    over: (out, a, b) => {
      for (let i = 0; i < out.length; i++) {
        const x = a.values[i & a.mask]!;
        const y = b.values[i & b.mask]!;
        out[i] = x === 0 || y === 0 ? 0 : isKnown(x) && isKnown(y) ? 1 : NOT_KNOWN;
      }
    },
    sql: (a, b) => `(${a} AND ${b})`,
  },
  or: {
    usage: 'a || b',
    description: 'One of them holds. True when one is true, even if the other is not known.',
    result: fixed('boolean', 'boolean', 'boolean'),
    over: (out, a, b) => {
      for (let i = 0; i < out.length; i++) {
        const x = a.values[i & a.mask]!;
        const y = b.values[i & b.mask]!;
        out[i] = x === 1 || y === 1 ? 1 : isKnown(x) && isKnown(y) ? 0 : NOT_KNOWN;
      }
    },
    sql: (a, b) => `(${a} OR ${b})`,
  },
  not: {
    usage: '!a',
    description: 'It does not hold.',
    result: fixed('boolean', 'boolean'),
    over: (out, a) => {
      for (let i = 0; i < out.length; i++) {
        const x = a.values[i & a.mask]!;
        out[i] = isKnown(x) ? 1 - x : NOT_KNOWN;
      }
    },
    sql: (a) => `(NOT ${a})`,
  },
  if: {
    usage: 'condition ? a : b',
    description: 'a where the condition holds, else b; not known where the condition is not.',
    result: ([condition, ...branches]) =>
      condition === 'boolean' && branches.length === 2 ? alike(ANY)(branches) : null,
    over: (out, condition, a, b) => {
      for (let i = 0; i < out.length; i++) {
        const holds = condition.values[i & condition.mask]!;
        out[i] = holds === 1 ? a.values[i & a.mask]! : holds === 0 ? b.values[i & b.mask]! : NOT_KNOWN;
      }
    },
    sql: (condition, a, b) => `multiIf(isNull(${condition}), NULL, ${condition}, ${a}, ${b})`,
  },
  known: {
    usage: 'known(x)',
    description: 'Whether x is known. Never unknown itself.',
    result: (kinds) => (kinds.length === 1 && kinds[0] !== null ? 'boolean' : null),
    over: (out, a) => {
      for (let i = 0; i < out.length; i++) {
        out[i] = flag(isKnown(a.values[i & a.mask]!));
      }
    },
    sql: (x) => `isNotNull(${x})`,
  },
  coalesce: {
    usage: 'coalesce(a, b, …)',
    description: 'The first that is known.',
    result: alike(['number', 'boolean', 'time']),
    over: (out, first, ...others) => {
      for (let i = 0; i < out.length; i++) {
        let found = first!.values[i & first!.mask]!;
        for (const { values, mask } of others) if (!isKnown(found)) found = values[i & mask]!;
        out[i] = found;
      }
    },
    sql: (...args) => `coalesce(${args.join(', ')})`,
  },
  min: {
    usage: 'min(a, b, …)',
    description: 'The least; not known when one of them is not.',
    result: alike(ORDERED),
    over: (out, first, ...others) => {
      for (let i = 0; i < out.length; i++) {
        let found = first!.values[i & first!.mask]!;
        for (const { values, mask } of others) found = Math.min(found, values[i & mask]!);
        out[i] = found;
      }
    },
    sql: (...args) => ofKnownSql(args, `least(${args.join(', ')})`),
  },
  max: {
    usage: 'max(a, b, …)',
    description: 'The largest; not known when one of them is not.',
    result: alike(ORDERED),
    over: (out, first, ...others) => {
      for (let i = 0; i < out.length; i++) {
        let found = first!.values[i & first!.mask]!;
        for (const { values, mask } of others) found = Math.max(found, values[i & mask]!);
        out[i] = found;
      }
    },
    sql: (...args) => ofKnownSql(args, `greatest(${args.join(', ')})`),
  },
  clamp: {
    usage: 'clamp(x, least, most)',
    description: 'x, or the nearer of the two ends when it lies beyond.',
    result: fixed('number', 'number', 'number', 'number'),
    over: (out, a, least, most) => {
      for (let i = 0; i < out.length; i++) {
        const x = Math.min(most.values[i & most.mask]!, a.values[i & a.mask]!);
        out[i] = Math.max(least.values[i & least.mask]!, x);
      }
    },
    sql: (...args) => ofKnownSql(args, `greatest(${args[1]}, least(${args[2]}, ${args[0]}))`),
  },
  abs: ofOne('abs', 'The number without its sign.', Math.abs),
  exp: ofOne('exp', 'e to the power of x.', Math.exp),
  log: ofOne('log', 'Natural logarithm; not known for 0 and below.', Math.log),
  sqrt: ofOne('sqrt', 'Square root; not known below 0.', Math.sqrt),
  floor: ofOne('floor', 'The whole number below.', Math.floor),
  days: {
    usage: 'days(from, to)',
    description: 'Days from one time to another, with fractions; negative when it is earlier.',
    result: fixed('number', 'time', 'time'),
    over: (out, from, to) => {
      for (let i = 0; i < out.length; i++) {
        out[i] = (to.values[i & to.mask]! - from.values[i & from.mask]!) / DAY_MS;
      }
    },
    sql: (from, to) => `((${to} - ${from}) / ${DAY_MS})`,
  },
  days_before: {
    usage: 'days_before(time, days)',
    description: 'The time some days before another.',
    result: fixed('time', 'time', 'number'),
    over: (out, time, days) => {
      for (let i = 0; i < out.length; i++) {
        out[i] = finite(time.values[i & time.mask]! - days.values[i & days.mask]! * DAY_MS);
      }
    },
    sql: (time, days) => finiteSql(`(${time} - ${days} * ${DAY_MS})`),
  },
  number: {
    usage: 'number(attributes.x)',
    description: 'An attribute as a number; not known when it is none. On signals only.',
    result: fixed('number', 'text'),
    over: (out) => out.fill(NOT_KNOWN),
    sql: (text) => finiteSql(`toFloat64OrNull(${text})`),
  },
  time: {
    usage: 'time(attributes.x)',
    description: 'An attribute as a time, without a zone in UTC; not known when it is none. On signals only.',
    result: fixed('time', 'text'),
    over: (out) => out.fill(NOT_KNOWN),
    sql: (text) => `toFloat64(toUnixTimestamp64Milli(parseDateTime64BestEffortOrNull(${text}, 3, 'UTC')))`,
  },
};

/** Those that take texts as they stand, which only signals have. */
export const SIGNALS_ONLY: ReadonlySet<string> = new Set(['number', 'time']);

/** What a function makes of numbers. */
export function resultOf(name: string, ...args: number[]): number {
  const out = new Float64Array(1);
  FUNCTIONS[name]!.over(out, ...args.map(constantArgument));
  return out[0]!;
}

/** One number for all rows. */
export function constantArgument(value: number): Argument {
  return { values: Float64Array.of(value), mask: 0 };
}
