import { z } from 'zod';
import { DECORATOR_NAMES, OPERATOR_NAMES } from './operator.js';

/** The plain values that a fact can be compared with. A list may hold lists, for operators such as `someValue:in`. */
export type Literal = string | number | boolean | null | readonly Literal[];

/** A comparison of one fact with a value or with another fact. */
export interface Comparison {
  readonly fact: string;
  readonly operator: string;
  readonly value: Literal | { readonly fact: string };
}

/**
 * json-rules-engine's conditions, as people write them: exactly one of `all`, `any`, `not`, `condition`, or the three of
 * a comparison. `priority` and `name` are read and kept but mean nothing: every condition is evaluated, in no order.
 */
export interface Condition {
  readonly all?: readonly Condition[] | undefined;
  readonly any?: readonly Condition[] | undefined;
  readonly not?: Condition | undefined;
  readonly condition?: string | undefined;
  readonly fact?: string | undefined;
  readonly operator?: string | undefined;
  readonly value?: unknown;
  readonly name?: string | undefined;
  readonly priority?: number | undefined;
}

const OPERATOR_PATTERN = `^((${DECORATOR_NAMES.join('|')}):)*(${OPERATOR_NAMES.join('|')})$`;

/** The form of conditions. What they mean (facts, operators, types) is checked in `check-conditions.ts`. */
const conditionSchema: z.ZodType<Condition> = z
  .strictObject({
    get all(): z.ZodOptional<z.ZodArray<typeof conditionSchema>> {
      return z.array(conditionSchema).optional().describe('Holds when every one of these conditions holds.');
    },
    get any(): z.ZodOptional<z.ZodArray<typeof conditionSchema>> {
      return z
        .array(conditionSchema)
        .min(1, 'an empty `any` would hold for everyone in json-rules-engine; write a condition or remove it')
        .optional()
        .describe('Holds when at least one of these conditions holds.');
    },
    get not(): z.ZodOptional<typeof conditionSchema> {
      return conditionSchema.optional().describe('Holds when this condition does not hold.');
    },
    condition: z.string().min(1).optional().describe('The name of a shared condition, from `conditions:`.'),
    fact: z
      .string()
      .min(1)
      .optional()
      .describe('What is looked at: a feature, a score, a subscription field or history.'),
    operator: z
      .string()
      .optional()
      .describe(
        `How the fact is compared: ${OPERATOR_NAMES.join(', ')}; before it any of ${DECORATOR_NAMES.join(', ')} and a colon.`,
      )
      .meta({ anyOf: [{ enum: [...OPERATOR_NAMES] }, { pattern: OPERATOR_PATTERN }] }),
    value: z
      .unknown()
      .optional()
      .describe(
        'What the fact is compared with: a number, text, true, false, null (no value), a list of these, or {fact: name}.',
      ),
    name: z.string().optional().describe('A name for this condition; for people only.'),
    priority: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe('Accepted for json-rules-engine; it cannot change what a rule says.'),
  })
  .superRefine((condition, context) => {
    const complain = (message: string): void => {
      context.addIssue({ code: 'custom', message, path: [], params: { code: 'condition-form' } });
    };
    const forms = (['all', 'any', 'not', 'condition'] as const).filter((key) => condition[key] !== undefined);
    const compared = (['fact', 'operator', 'value'] as const).filter((key) => Object.hasOwn(condition, key));
    if (forms.length === 1 && compared.length === 0) return;
    if (forms.length === 0 && compared.length === 3) return;
    if (forms.length > 1) {
      complain(`\`${forms.join('`, `')}\` stand side by side; a condition takes one of them, so nest them`);
    } else if (forms.length === 1) {
      complain(
        `\`${forms[0]}\` and a comparison (\`${compared.join('`, `')}\`) stand side by side; make the comparison an item of its own`,
      );
    } else if (compared.length === 0) {
      complain(
        'a condition needs `all`, `any`, `not`, `condition`, or a comparison with `fact`, `operator` and `value`',
      );
    } else {
      const missing = (['fact', 'operator', 'value'] as const).filter((key) => !compared.includes(key));
      complain(
        `a comparison needs \`fact\`, \`operator\` and \`value\`; \`${missing.join('`, `')}\` is missing`,
      );
    }
  })
  .meta({
    id: 'condition',
    oneOf: [
      { required: ['all'] },
      { required: ['any'] },
      { required: ['not'] },
      { required: ['condition'] },
      { required: ['fact', 'operator', 'value'] },
    ],
  });

/** What stands at the top of a rule: json-rules-engine wants `all`, `any`, `not` or `condition` there. */
export const topConditionSchema = conditionSchema
  .refine((condition) => condition.fact === undefined, {
    message: 'a rule starts with `all`, `any`, `not` or `condition`; put the comparison into `all:`',
  })
  .meta({
    id: 'conditions',
    oneOf: [{ required: ['all'] }, { required: ['any'] }, { required: ['not'] }, { required: ['condition'] }],
  });
