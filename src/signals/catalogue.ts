import { z } from 'zod';
import type { Problem } from '../core/problem.js';
import { checkYaml, problemAt, type YamlFile } from '../core/yaml-file.js';
import { type AttributeCheck, attributeChecks, NUMBERS, type NumberRange, rangeOf } from './ranges.js';
import { CATEGORIES, type Category } from './signal.js';

const name = z
  .string()
  .regex(/^[a-z0-9_]{1,64}$/, 'use lower case letters, digits and underscores, at most 64');
const sentence = z.string().min(1);

const range = z
  .tuple([z.number().nullable(), z.number().nullable()])
  .refine(([least, most]) => least === null || most === null || least <= most, {
    error: 'the first bound must not lie above the second',
  })
  .describe(
    `Smallest and largest value; null: no bound but that of every number, ${NUMBERS.least} to ${NUMBERS.most}. A signal outside is refused.`,
  );

const attributeSchema = z.strictObject({
  description: sentence.describe('What the attribute means, in one sentence.'),
  kind: z
    .enum(['text', 'number', 'time'])
    .default('text')
    .describe(
      'number: a number within `range`; time: a date or a time, of the years 1900 to 2299. A signal with another text there is refused.',
    ),
  range: range.optional(),
  needed: z
    .boolean()
    .optional()
    .describe(
      'Whether features can do nothing with a signal that lacks it. It is kept; an import says how many lack it.',
    ),
  unit: z.string().optional().describe('Unit of a number, for people.'),
  values: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('The values it usually takes; others are kept too.'),
});

const valueSchema = z.strictObject({
  attribute: name.describe('The attribute that is taken as the value where a message gives none.'),
  description: sentence.describe('What the value means, in one sentence.'),
  unit: z.string().min(1).describe('Unit of the value, for people.'),
  range: range.optional(),
});

const typeSchema = z.strictObject({
  description: sentence.describe('When a producer sends this type, in one sentence.'),
  value: valueSchema.optional().describe("The type's main number. Absent: the type has none."),
  attributes: z.record(name, attributeSchema).default({}).describe('What else the signal usually carries.'),
});

/** The schema of scoring/signals.yaml. */
export const catalogueSchema = z.strictObject(
  Object.fromEntries(CATEGORIES.map((category) => [category, z.record(name, typeSchema)])) as Record<
    Category,
    z.ZodRecord<typeof name, typeof typeSchema>
  >,
);

export type SignalType = z.infer<typeof typeSchema>;

/** What the value and the attributes of a type must be. */
export interface TypeLimits {
  /** The attribute that holds the value; undefined when the type has none or is not listed. */
  readonly valueAttribute: string | undefined;
  readonly valueRange: NumberRange;
  /** Checks of the attributes that are numbers or times. */
  readonly attributes: readonly AttributeCheck[];
  /** Attributes without which features can do nothing with the signal. */
  readonly needed: readonly string[];
}

/** What holds for a type that the catalogue does not list: any number that no arithmetic can overflow, any text. */
const UNLISTED: TypeLimits = { valueAttribute: undefined, valueRange: NUMBERS, attributes: [], needed: [] };

/** The signal types that Perennial knows by name. Others in a known category are kept, with no value attribute. */
export class SignalCatalogue {
  readonly #types: ReadonlyMap<string, ReadonlyMap<string, SignalType>>;
  readonly #limits: ReadonlyMap<string, ReadonlyMap<string, TypeLimits>>;

  constructor(types: Readonly<Partial<Record<Category, Readonly<Record<string, SignalType>>>>>) {
    this.#types = new Map(
      CATEGORIES.map((category) => [category, new Map(Object.entries(types[category] ?? {}))]),
    );
    this.#limits = new Map(
      [...this.#types].map(([category, named]) => [
        category,
        new Map([...named].map(([typeName, type]) => [typeName, limitsOf(type)])),
      ]),
    );
  }

  /** The type of that name; undefined when the catalogue does not list it. */
  type(category: Category, type: string): SignalType | undefined {
    return this.#types.get(category)?.get(type);
  }

  limits(category: Category, type: string): TypeLimits {
    return this.#limits.get(category)?.get(type) ?? UNLISTED;
  }

  /** Every type with its category, in the order of the file. */
  *[Symbol.iterator](): Generator<{ category: Category; name: string; type: SignalType }> {
    for (const category of CATEGORIES) {
      for (const [typeName, type] of this.#types.get(category) ?? [])
        yield { category, name: typeName, type };
    }
  }
}

function limitsOf({ value, attributes }: SignalType): TypeLimits {
  return {
    valueAttribute: value?.attribute,
    valueRange: rangeOf(value?.range),
    attributes: attributeChecks(attributes),
    needed: Object.keys(attributes).filter((name) => attributes[name]?.needed === true),
  };
}

/** The catalogue of a store that has no signals.yaml: every type is kept, no value is taken from an attribute. */
export const EMPTY_CATALOGUE = new SignalCatalogue({});

/** Checks signals.yaml. The catalogue is undefined exactly when there are problems. */
export function loadCatalogue(
  file: YamlFile,
):
  | { catalogue: SignalCatalogue; problems: readonly [] }
  | { catalogue: undefined; problems: readonly Problem[] } {
  const checked = checkYaml(file, catalogueSchema);
  if (checked.data === undefined) return { catalogue: undefined, problems: checked.problems };
  const problems: Problem[] = [];
  for (const category of CATEGORIES) {
    for (const [typeName, { value, attributes }] of Object.entries(checked.data[category])) {
      for (const [attribute, { kind, range: bounds }] of Object.entries(attributes)) {
        if (bounds === undefined || kind === 'number') continue;
        problems.push(
          problemAt(
            file,
            [category, typeName, 'attributes', attribute, 'range'],
            'range-of-no-number',
            `Only a number has a range: give \`${attribute}\` \`kind: number\`.`,
            { key: true },
          ),
        );
      }
      if (value !== undefined && Object.hasOwn(attributes, value.attribute)) {
        problems.push(
          problemAt(
            file,
            [category, typeName, 'attributes', value.attribute],
            'value-is-attribute',
            `\`${value.attribute}\` is the value of ${category}.${typeName}: describe it under \`value\` only.`,
            { key: true },
          ),
        );
      }
    }
  }
  if (problems.length > 0) return { catalogue: undefined, problems };
  return { catalogue: new SignalCatalogue(checked.data), problems: [] };
}
