import { z } from 'zod';
import { EVENT_TYPES } from './event.js';
import { schemaKey, textSchema } from './names.js';

/** The value of a fact in a test. */
const factValue = z
  .union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())])
  .describe('null: the fact has no value.');

const factsSchema = z.record(z.string(), factValue);

const effectSchema = z
  .strictObject({
    rule: z.string().optional().describe('The rule that has to fire.'),
    type: z.enum(EVENT_TYPES).optional().describe('The kind of event it has to propose.'),
    offer: z.string().optional().describe('The offer it has to propose.'),
    topic: z.string().optional().describe('The topic of the escalation or touchpoint it has to propose.'),
  })
  .refine((effect) => Object.keys(effect).length > 0, {
    message: 'an expected effect names a rule, type, offer or topic',
  });

/** A rule by its name, or what has to be proposed. */
const expectSchema = z
  .array(z.union([z.string(), effectSchema]))
  .describe('What has to fire, and nothing else: names of rules, or effects. Empty: nothing fires.');

const caseSchema = z.strictObject({
  name: textSchema.optional().describe('What this row of the table shows.'),
  facts: factsSchema.default({}).describe("Facts of this row; they win over the test's."),
  expect: expectSchema.optional().describe("What has to fire for this row. Default: the test's."),
});

const testSchema = z
  .strictObject({
    name: textSchema.describe('What the test shows, as a sentence.'),
    fixture: z.string().optional().describe('Named facts of this file to start from.'),
    subscription: z
      .strictObject({
        id: z.string().min(1).describe('A subscription in the store.'),
        as_of: z.iso.datetime({ offset: true }).describe('The time its facts are taken at.'),
      })
      .optional()
      .describe("Start from a real subscription's facts as they were known at a time. Needs a store."),
    facts: factsSchema
      .default({})
      .describe('Facts by hand; they win over the fixture. A fact that nobody gives has no value.'),
    expect: expectSchema.optional(),
    cases: z.array(caseSchema).min(1).optional().describe('A table: one test for each row.'),
  })
  .refine(
    (test) => test.expect !== undefined || test.cases?.every((row) => row.expect !== undefined) === true,
    {
      message: 'a test says what it expects: `expect:` here, or in every case; `expect: []` for nothing',
    },
  )
  .refine((test) => test.fixture === undefined || test.subscription === undefined, {
    message: 'a test starts from a fixture or from a subscription, not from both',
  });

/** A file of rule tests, in `rules/tests/`. */
export const ruleTestFileSchema = z.strictObject({
  $schema: schemaKey,
  fixtures: z
    .record(z.string(), factsSchema)
    .default({})
    .describe('Facts with a name, for tests of this file to start from.'),
  tests: z.array(testSchema).describe('Tests of the rule set beside which this folder stands.'),
});

export type RuleTestFile = z.infer<typeof ruleTestFileSchema>;
export type RuleTest = RuleTestFile['tests'][number];
export type ExpectedEffect = NonNullable<RuleTest['expect']>[number];
export type FactValues = z.infer<typeof factsSchema>;
