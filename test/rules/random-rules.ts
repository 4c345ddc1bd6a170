import fc from 'fast-check';
import type { Fact } from '../../src/columns/fact.js';
import type { Condition } from '../../src/rules/condition.js';

/** Facts of every kind, each once always there and once sometimes missing. */
const fact = (
  name: string,
  kind: Fact['kind'],
  optional: boolean,
  values: readonly string[] | null = null,
): Fact => ({
  name,
  kind,
  description: name,
  unit: '',
  range: [null, null],
  values,
  origin: 'feature',
  optional,
});

export const RANDOM_FACTS: readonly Fact[] = [
  fact('n1', 'number', false),
  fact('n2', 'number', true),
  fact('n3', 'number', true),
  fact('b1', 'boolean', false),
  fact('b2', 'boolean', true),
  fact('s1', 'string', false),
  fact('s2', 'string', true),
  fact('s3', 'string', true, ['low', 'high', 'größer', '']),
  fact('l1', 'list', false),
  fact('l2', 'list', true),
];

const NUMBERS = [
  0,
  1,
  -1,
  0.5,
  2,
  10,
  1e21,
  -1e-7,
  2 ** 53,
  2 ** 53 + 2,
  Number.MAX_VALUE,
  Number.MIN_VALUE,
  -0,
  100,
];
const TEXTS = [
  'low',
  'high',
  'größer',
  '',
  '10',
  '1e3',
  ' 7',
  'nåïve',
  'e\u0301',
  '\u{1F600}',
  'null',
  'true',
  '__proto__',
  'constructor',
];

const numberArb = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
);
const textArb = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 6 }) },
);
const scalarArb = fc.oneof(numberArb, textArb, fc.boolean(), fc.constant(null));

/** A row of facts. */
export const rowArb: fc.Arbitrary<Record<string, unknown>> = fc.record(
  Object.fromEntries(
    RANDOM_FACTS.map((f) => {
      const present: fc.Arbitrary<unknown> =
        f.kind === 'number'
          ? numberArb
          : f.kind === 'boolean'
            ? fc.boolean()
            : f.kind === 'string'
              ? f.values === null
                ? textArb
                : fc.constantFrom(...f.values)
              : fc.array(textArb, { maxLength: 4 });
      return [f.name, f.optional ? fc.option(present, { freq: 3 }) : present];
    }),
  ),
);

const decorators = fc.array(
  fc.constantFrom('someFact', 'someValue', 'everyFact', 'everyValue', 'swap', 'not'),
  { maxLength: 3 },
);
const operatorArb = (bases: readonly string[]) =>
  fc
    .tuple(
      fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 2, arbitrary: decorators }),
      fc.constantFrom(...bases),
    )
    .map(([outer, base]) => [...outer, base].join(':'));
const ORDER = ['lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive'];
const EQUAL = ['equal', 'notEqual'];
const MEMBER = ['in', 'notIn'];
const HAS = ['contains', 'doesNotContain'];
const numbers = RANDOM_FACTS.filter(({ kind }) => kind === 'number').map(({ name }) => name);
const texts = RANDOM_FACTS.filter(({ kind }) => kind === 'string').map(({ name }) => name);
const lists = RANDOM_FACTS.filter(({ kind }) => kind === 'list').map(({ name }) => name);
const booleans = RANDOM_FACTS.filter(({ kind }) => kind === 'boolean').map(({ name }) => name);
const all = RANDOM_FACTS.map(({ name }) => name);

const comparison = (facts: readonly string[], operator: fc.Arbitrary<string>, value: fc.Arbitrary<unknown>) =>
  fc.record({ fact: fc.constantFrom(...facts), operator, value });
const factValue = (facts: readonly string[]) => fc.constantFrom(...facts).map((name) => ({ fact: name }));

/** Comparisons, mostly of the kinds that people write, sometimes of any kind whatever. */
const comparisonArb: fc.Arbitrary<Condition> = fc.oneof(
  { weight: 5, arbitrary: comparison(numbers, operatorArb([...ORDER, ...EQUAL]), numberArb) },
  { weight: 3, arbitrary: comparison(numbers, operatorArb([...ORDER, ...EQUAL]), factValue(numbers)) },
  {
    weight: 2,
    arbitrary: comparison(
      numbers,
      operatorArb(MEMBER),
      fc.array(fc.oneof(numberArb, fc.constant(null)), { minLength: 1, maxLength: 3 }),
    ),
  },
  {
    weight: 3,
    arbitrary: comparison(texts, operatorArb(EQUAL), fc.oneof(textArb, factValue(texts), fc.constant(null))),
  },
  {
    weight: 3,
    arbitrary: comparison(
      texts,
      operatorArb(MEMBER),
      fc.oneof(
        fc.array(fc.oneof(textArb, fc.constant(null)), { minLength: 1, maxLength: 4 }),
        factValue(lists),
      ),
    ),
  },
  {
    weight: 2,
    arbitrary: comparison(
      booleans,
      operatorArb(EQUAL),
      fc.oneof(fc.boolean(), fc.constant(null), factValue(booleans)),
    ),
  },
  { weight: 3, arbitrary: comparison(lists, operatorArb(HAS), fc.oneof(textArb, factValue(texts))) },
  {
    weight: 2,
    arbitrary: comparison(
      lists,
      operatorArb([...EQUAL, ...MEMBER]),
      fc.oneof(textArb, fc.array(textArb, { minLength: 1, maxLength: 3 }), factValue(lists)),
    ),
  },
  {
    weight: 2,
    arbitrary: comparison(
      lists,
      fc
        .tuple(
          fc.constantFrom('someFact', 'everyFact', 'someFact:not', 'everyFact:not', 'not:someFact'),
          fc.constantFrom('equal', 'in', 'notIn', 'notEqual'),
        )
        .map(([d, o]) => `${d}:${o}`),
      fc.oneof(textArb, fc.array(textArb, { minLength: 1, maxLength: 3 })),
    ),
  },
  {
    weight: 2,
    arbitrary: comparison(
      all,
      fc
        .tuple(
          fc.constantFrom('someValue', 'everyValue', 'not:someValue', 'everyValue:not'),
          fc.constantFrom('equal', 'greaterThan', 'contains', 'in'),
        )
        .map(([d, o]) => `${d}:${o}`),
      fc.array(fc.oneof(scalarArb, fc.array(scalarArb, { minLength: 1, maxLength: 2 })), {
        minLength: 1,
        maxLength: 3,
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: comparison(
      all,
      operatorArb([...ORDER, ...EQUAL, ...MEMBER, ...HAS]),
      fc.oneof(scalarArb, fc.array(scalarArb, { maxLength: 3 }), factValue(all)),
    ),
  },
);

/** Shared conditions that may name the ones before them, and the conditions of rules. */
const SHARED_NAMES = ['shared one', 'shared two', 'shared three'];
const trees = (names: readonly string[]) =>
  fc.letrec<{ tree: Condition; node: Condition }>((tie) => {
    const items = fc.array(tie('node'), { minLength: 1, maxLength: 4 });
    const reference: fc.Arbitrary<Condition>[] =
      names.length === 0 ? [] : [fc.constantFrom(...names).map((condition) => ({ condition }))];
    const branches: fc.Arbitrary<Condition>[] = [
      items.map((parts) => ({ all: parts })),
      items.map((parts) => ({ any: parts })),
      tie('node').map((part) => ({ not: part })),
      items.map((parts) => ({ all: parts, priority: 7, name: 'with a priority' })),
      ...reference,
    ];
    return {
      tree: fc.oneof({ depthSize: 'small' }, ...branches),
      node: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        { weight: 5, arbitrary: comparisonArb },
        ...branches.map((arbitrary) => ({ weight: 1, arbitrary })),
      ),
    };
  }).tree;

export interface RandomSet {
  readonly shared: Readonly<Record<string, Condition>>;
  readonly rules: readonly { readonly priority: number; readonly conditions: Condition }[];
}

export const setArb: fc.Arbitrary<RandomSet> = fc.record({
  shared: fc
    .tuple(...SHARED_NAMES.map((_, i) => trees(SHARED_NAMES.slice(0, i))))
    .map((conditions) => Object.fromEntries(conditions.map((condition, i) => [SHARED_NAMES[i]!, condition]))),
  rules: fc.array(fc.record({ priority: fc.integer({ min: 1, max: 3 }), conditions: trees(SHARED_NAMES) }), {
    minLength: 1,
    maxLength: 4,
  }),
});
