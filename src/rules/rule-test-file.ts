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
    rule: z.string().optional().describe('The rule it comes from.'),
    type: z.enum(EVENT_TYPES).optional().describe('Its kind.'),
    offer: z.string().optional().describe('The offer.'),
    topic: z.string().optional().describe('The topic of the escalation or touchpoint.'),
  })
  .refine((effect) => Object.keys(effect).length > 0, {
    message: 'an expected effect names a rule, type, offer or topic',
  });
const effectsSchema = z.array(z.union([z.string(), effectSchema]));

const suppressionSchema = z.strictObject({
  rule: z.string().describe('The rule that was suppressed.'),
  by: z.string().describe('The guardrail, or one_open_offer.'),
});

/** What a test or a row of its table may expect. */
const expectations = {
  expect: effectsSchema
    .optional()
    .describe('The rules that fire, and no others: by name, or by what they propose. Empty: none.'),
  opens: effectsSchema
    .optional()
    .describe('What is opened after guardrails and the limit of one open offer, and nothing else.'),
  suppressed: z
    .array(suppressionSchema)
    .optional()
    .describe('What is suppressed, and by which guardrail, and nothing else.'),
};

/** How a decision of the past can have ended; docs/rules.md says what each means. */
export const PAST_ENDS = [
  'accepted',
  'declined',
  'expired',
  'lapsed',
  'cleared',
  'superseded',
  'rejected',
  'withdrawn',
  'resolved',
] as const;

const pastSchema = z
  .strictObject({
    type: z.enum(EVENT_TYPES).describe('What it was.'),
    action: z.string().describe('The offer, or the topic of the escalation or touchpoint.'),
    opened_days_ago: z.number().min(0).describe('When it was opened, in days before now.'),
    presented_days_ago: z
      .number()
      .min(0)
      .nullable()
      .optional()
      .describe(
        'When the customer saw it, or the owner of an escalation acknowledged it; null: never. Caps, gaps and cooldowns count from then. Default: when it was opened, and never for what was cleared, superseded, rejected or withdrawn, or lapsed.',
      ),
    closed_days_ago: z.number().min(0).optional().describe('When it was closed. Default: it is open.'),
    closed_as: z
      .enum(PAST_ENDS)
      .optional()
      .describe('How it ended. Default: an offer was declined, anything else resolved.'),
  })
  .refine(
    ({ opened_days_ago: opened, presented_days_ago: presented, closed_days_ago: closed }) =>
      (presented ?? 0) <= opened && (closed ?? 0) <= opened && (closed ?? 0) <= (presented ?? opened),
    { message: 'what was decided before is opened first, then presented, then closed' },
  );

const caseSchema = z.strictObject({
  name: textSchema.optional().describe('What this row of the table shows.'),
  facts: factsSchema.default({}).describe("Facts of this row; they win over the test's."),
  history: z.array(pastSchema).optional().describe("Default: the test's."),
  ...expectations,
});

const expectsSomething = (of: {
  readonly expect?: unknown;
  readonly opens?: unknown;
  readonly suppressed?: unknown;
}): boolean => of.expect !== undefined || of.opens !== undefined || of.suppressed !== undefined;

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
    now: z.iso
      .datetime({ offset: true })
      .default('2025-01-01T00:00:00Z')
      .describe('The time it happens at. Default: 2025-01-01T00:00:00Z.'),
    history: z.array(pastSchema).default([]).describe('What was opened for this subscription before.'),
    ...expectations,
    cases: z.array(caseSchema).min(1).optional().describe('A table: one test for each row.'),
  })
  .refine((test) => expectsSomething(test) || test.cases?.every(expectsSomething) === true, {
    message:
      'a test says what it expects: `expect:`, `opens:` or `suppressed:`, here or in every case; `expect: []` for nothing',
  })
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
export type ExpectedSuppression = NonNullable<RuleTest['suppressed']>[number];
export type PastDecision = RuleTest['history'][number];
export type FactValues = z.infer<typeof factsSchema>;
