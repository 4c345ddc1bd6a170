import { IANAZone } from 'luxon';
import { z } from 'zod';
import { FormulaError, parseFormula } from './formula.js';
import { parseTemplate, TemplateError } from './template.js';

/** A text with columns in braces, such as "{first} {last}"; without braces it is a constant. */
const template = z.union([z.string(), z.number(), z.boolean()]).transform((value, context) => {
  try {
    return parseTemplate(String(value));
  } catch (thrown) {
    if (!(thrown instanceof TemplateError)) throw thrown;
    context.addIssue({ code: 'custom', message: thrown.message });
    return z.NEVER;
  }
});

const constant = z.union([z.string(), z.number(), z.boolean(), z.null()]);
/** What a text becomes where something else does not say: a text with columns, or null for nothing. */
const substitute = z.union([z.null(), template]);

/** What every expression may do with its text before it is read as a number, a time and so on. */
const common = {
  value: template.describe('Text with columns in braces, such as "{plan}"; without braces a constant.'),
  map: z
    .record(z.string(), constant)
    .optional()
    .describe(
      'What each text becomes; null: nothing. A text that is not listed is refused unless `otherwise` is given.',
    ),
  otherwise: substitute
    .optional()
    .describe('What texts become that `map` does not list, with columns in braces; null: nothing.'),
  default: substitute
    .optional()
    .describe('What an empty text becomes: another column in braces, or a constant.'),
};

/** Lets a bare text, number or boolean stand for `{value: …}`. The id names it once in the JSON Schema, for all its uses. */
function shorthand<T extends z.ZodType>(id: string, schema: T) {
  return z.union([template.transform((value) => ({ value }) as z.infer<T>), schema]).meta({ id });
}

export const textSchema = shorthand('text', z.strictObject(common));
const booleanSchema = shorthand(
  'boolean',
  z.strictObject(common).describe('true, yes, y, t, 1 or false, no, n, f, 0 in any case; `map` for others.'),
);

const decimal = z.enum(['.', ',']).describe('The decimal mark. Default: "."');
const group = z
  .string()
  .length(1)
  .describe('A mark between groups of digits, which is dropped. Default: none');

const formula = z.string().transform((value, context) => {
  try {
    return parseFormula(value);
  } catch (thrown) {
    if (!(thrown instanceof FormulaError)) throw thrown;
    context.addIssue({ code: 'custom', message: thrown.message });
    return z.NEVER;
  }
});

export const numberSchema = shorthand(
  'number',
  z
    .strictObject({
      ...common,
      value: common.value.optional(),
      formula: formula
        .optional()
        .describe(
          'In place of a value: arithmetic over columns, such as "{unit_amount} * {quantity} * 12": + - * / ( ), and a ?? b, which is b where a is empty.',
        ),
      decimal: decimal.optional(),
      group: group.optional(),
      times: z.number().optional().describe('What to multiply by.'),
      money: template
        .optional()
        .describe('Reads an amount in this ISO 4217 currency, in any case, as whole minor units.'),
    })
    .refine((given) => (given.value === undefined) !== (given.formula === undefined), {
      error: 'give either a `value` or a `formula`',
    })
    .refine(
      (given) => given.formula === undefined || (given.map ?? given.otherwise ?? given.default) === undefined,
      {
        error: 'a formula has no `map`, `otherwise` or `default`: write a ?? b in it',
      },
    ),
);

const zone = z
  .string()
  .refine((name) => IANAZone.isValidZone(name), 'no such time zone; use an IANA name such as Europe/Berlin')
  .describe('IANA zone of times that name none. Default: UTC');
const format = z.string().refine((text) => /^(?:iso|epoch_s|epoch_ms)$/.test(text) || text.includes('y'), {
  error: 'use iso, epoch_s, epoch_ms or a luxon format with a year, such as "dd.MM.yyyy HH:mm"',
});
const formats = z
  .array(format)
  .min(1)
  .describe(
    'Tried in order: iso, epoch_s, epoch_ms, or luxon formats such as "dd.MM.yyyy HH:mm". Default: [iso]',
  );
const duration = z
  .strictObject({
    years: numberSchema.optional(),
    months: numberSchema.optional(),
    weeks: numberSchema.optional(),
    days: numberSchema.optional(),
    hours: numberSchema.optional(),
  })
  .refine((given) => Object.keys(given).length > 0, 'give at least one of years, months, weeks, days, hours')
  .meta({ id: 'duration' });

export const timeSchema = shorthand(
  'time',
  z
    .strictObject({
      ...common,
      value: common.value.optional(),
      at: z
        .enum(['import', 'file'])
        .optional()
        .describe(
          'In place of a value, for a snapshot without times. import: when the import began; file: when the file was last changed.',
        ),
      formats: formats.optional(),
      zone: zone.optional(),
      plus: duration.optional().describe('Adds a calendar duration.'),
      minus: duration.optional().describe('Takes a calendar duration away.'),
      next: z
        .strictObject({
          every: duration.describe('The period.'),
          after: template.describe('A time in the same formats.'),
        })
        .optional()
        .describe(
          'Goes on by whole periods, at least one, until it lies after a time: a renewal date from a start.',
        ),
    })
    .refine((given) => (given.value === undefined) !== (given.at === undefined), {
      error: 'give either a `value` or `at`',
    }),
);

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const oneOrMore = z.union([scalar.transform((one) => [one]), z.array(scalar)]);

export const conditionSchema = z
  .strictObject({
    value: template,
    is: oneOrMore.optional().describe('One of these texts.'),
    is_not: oneOrMore.optional().describe('None of these texts.'),
    empty: z.boolean().optional().describe('Whether it is empty.'),
    above: z.number().optional(),
    at_least: z.number().optional(),
    below: z.number().optional(),
    at_most: z.number().optional(),
  })
  .refine((given) => Object.keys(given).length > 1, {
    error: 'say what must hold: is, is_not, empty, above, at_least, below or at_most',
  })
  .meta({ id: 'condition' });
const when = z.array(conditionSchema).min(1).optional().describe('Written only when all of these hold.');

const identified = {
  when,
  id: textSchema
    .optional()
    .describe("Default: a hash of the row's content, so that importing it again changes nothing."),
  source: textSchema.optional().describe("Default: the mapping's source."),
  account_id: textSchema,
  subscription_id: textSchema.optional(),
  time: timeSchema,
};

export const signalSchema = z.strictObject({
  ...identified,
  type: textSchema.describe('<category>.<type>, such as usage.feature_used.'),
  value: numberSchema.optional(),
  attributes: z.record(z.string(), textSchema).optional(),
});

export const subscriptionSchema = z.strictObject({
  when,
  account_id: textSchema,
  subscription_id: textSchema.optional(),
  time: timeSchema,
  status: textSchema.optional(),
  product: textSchema.optional(),
  plan: textSchema.optional(),
  tier: textSchema.optional(),
  segment: textSchema.optional(),
  region: textSchema.optional(),
  add_ons: z.array(textSchema).optional(),
  seats: numberSchema.optional(),
  arr_minor: numberSchema.optional(),
  currency: textSchema.optional(),
  start: timeSchema.optional(),
  end: timeSchema.optional(),
  renewal: timeSchema.optional(),
  term_months: numberSchema.optional(),
  auto_renew: booleanSchema.optional(),
  notice_days: numberSchema.optional(),
  owner: textSchema.optional(),
  plan_features: numberSchema.optional(),
});

export const outcomeSchema = z.strictObject({
  ...identified,
  kind: textSchema.describe('renewed, churned and so on.'),
  arr_before_minor: numberSchema.optional(),
  arr_after_minor: numberSchema.optional(),
  currency: textSchema.optional(),
  term_start: timeSchema.optional(),
  term_end: timeSchema.optional(),
  reason: textSchema.optional(),
  voluntary: booleanSchema.optional(),
  decision_id: textSchema.optional(),
});

const nulls = z
  // YAML takes NULL without quotes for null.
  .array(z.union([z.null().transform(() => ['NULL', 'null']), scalar.transform((text) => [text])]))
  .min(1)
  .transform((texts) => texts.flat())
  .describe('Texts that mean: nothing there, such as NULL, "\\\\N" or n/a. Default: none');

const fileSchema = z.strictObject({
  match: z.string().min(1).describe("The file's name, without folder; * and ? stand for any characters."),
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_]*$/, 'use lower case letters, digits and underscores')
    .optional()
    .describe('A name for joins.'),
  key: z.string().min(1).optional().describe('The column by which other files join this one.'),
  join: z
    .record(
      z.string(),
      z.strictObject({
        on: template.describe("What must equal the other file's key."),
        optional: z
          .boolean()
          .optional()
          .describe(
            'Whether a row without a partner goes in, with nothing in the columns of the other file.',
          ),
      }),
    )
    .optional()
    .describe(
      'Rows of other files: {name.column} is a column of the row whose key equals `on`. Those may join others: {name.other.column}.',
    ),
  format: z
    .enum(['csv', 'ndjson', 'json'])
    .optional()
    .describe('Default: ndjson for .ndjson and .jsonl, json for .json, else csv.'),
  encoding: z
    .enum(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252'])
    .default('utf-8')
    .describe('Default: utf-8. UTF-16 with a byte order mark is seen by itself; windows-1252 is for CSV.'),
  skip_lines: z
    .number()
    .int()
    .min(0)
    .max(1_000)
    .default(0)
    .describe('Lines of CSV above the header, such as titles, that are not read. Default: 0'),
  rows: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Where the rows of a JSON document are, such as data. Default: the document, or the one list in it.',
    ),
  each: z
    .record(z.string(), z.string().min(1))
    .refine((lists) => Object.keys(lists).length === 1, 'name one list')
    .optional()
    .describe('A row for each element of a list in a row: {line: lines.data} makes {line.amount} a column.'),
  json: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Columns that hold JSON as text: {metadata.plan} goes into the column metadata.'),
  nulls: nulls.optional(),
  delimiter: z.string().length(1).default(',').describe('Between cells of CSV. Default: ","'),
  quote: z
    .string()
    .length(1)
    .default('"')
    .describe("Around cells of CSV; doubled within them. Default: '\"'"),
  columns: z.array(z.string().min(1)).min(1).optional().describe('Names, for CSV without a header line.'),
  skip: z
    .array(conditionSchema)
    .min(1)
    .optional()
    .describe('Rows for which any of these holds are left out.'),
  signals: z.array(signalSchema).default([]).describe('Signals that each row becomes.'),
  subscriptions: z.array(subscriptionSchema).default([]).describe('Subscriptions that each row becomes.'),
  outcomes: z.array(outcomeSchema).default([]).describe('Outcomes that each row becomes.'),
});

/** The schema of a mapping file. */
export const mappingSchema = z.strictObject({
  source: z.string().min(1).max(256).describe('Source of every record that names no other.'),
  received: z
    .enum(['import', 'occurred'])
    .default('import')
    .describe(
      'When records count as received: at the import, or when they occurred. `occurred` lets a backtest see past records.',
    ),
  formats: formats.default(['iso']),
  zone: zone.default('UTC'),
  decimal: decimal.default('.'),
  group: group.optional(),
  nulls: nulls.optional(),
  files: z.array(fileSchema).min(1),
});

export type MappingData = z.infer<typeof mappingSchema>;
export type FileMapping = z.infer<typeof fileSchema>;
export type TextExpression = z.infer<typeof textSchema>;
export type NumberExpression = z.infer<typeof numberSchema>;
export type TimeExpression = z.infer<typeof timeSchema>;
export type DurationExpression = z.infer<typeof duration>;
export type Condition = z.infer<typeof conditionSchema>;
export type SignalMapping = z.infer<typeof signalSchema>;
export type SubscriptionMapping = z.infer<typeof subscriptionSchema>;
export type OutcomeMapping = z.infer<typeof outcomeSchema>;
