import { z } from 'zod';
import { accessFileSchema } from '../access/access-file.js';
import type { Fact } from '../columns/fact.js';
import { featuresFileSchema } from '../features/feature-schema.js';
import { mappingSchema } from '../ingest/import/mapping-schema.js';
import { currencyFileSchema } from '../rules/currency-file.js';
import { experimentFileSchema } from '../rules/experiment-file.js';
import { guardrailFileSchema } from '../rules/guardrail-file.js';
import { offerFileSchema } from '../rules/offer-file.js';
import { bareRuleFileSchema, ruleFileSchema } from '../rules/rule-file.js';
import { ruleTestFileSchema } from '../rules/rule-test-file.js';
import { scorecardFileSchema } from '../scoring/scorecard.js';
import { catalogueSchema } from '../signals/catalogue.js';

/**
 * The files that people write, and the zod schema that each is checked against: the one source of `schema/`. Add a file
 * here and run `npm run schema`; a test fails while `schema/` is not current.
 */
export const FILE_SCHEMAS: Readonly<Record<string, { readonly title: string; readonly schema: z.ZodType }>> =
  {
    rules: { title: 'Rules of Perennial', schema: z.union([ruleFileSchema, bareRuleFileSchema]) },
    'rule-tests': { title: 'Tests of rules of Perennial', schema: ruleTestFileSchema },
    offers: { title: 'Offers of Perennial', schema: offerFileSchema },
    guardrails: { title: 'Guardrails of Perennial', schema: guardrailFileSchema },
    currencies: { title: 'Currencies of Perennial', schema: currencyFileSchema },
    experiments: { title: 'Experiments of Perennial', schema: experimentFileSchema },
    features: { title: 'Features of Perennial', schema: featuresFileSchema },
    scorecard: { title: 'A scorecard of Perennial', schema: scorecardFileSchema },
    access: { title: 'Who may call the API of Perennial', schema: accessFileSchema },
    signals: { title: 'The signal catalogue of Perennial', schema: catalogueSchema },
    mapping: { title: 'A mapping of exports to signals of Perennial', schema: mappingSchema },
  };

/**
 * Text of every file in `schema/`, by file name. `facts`: what rules may name, so that editors complete facts, show what
 * they mean, and underline others.
 */
export function jsonSchemaFiles(facts: readonly Fact[]): Map<string, string> {
  return new Map(
    Object.entries(FILE_SCHEMAS).map(([name, { title, schema }]) => {
      const json = z.toJSONSchema(schema, {
        io: 'input',
        target: 'draft-7',
        override: ({ jsonSchema }) => {
          const { fact, operator } = jsonSchema.properties ?? {};
          if (fact !== undefined && operator !== undefined && typeof fact === 'object') {
            fact.oneOf = facts.map(({ name: fact, description, unit }) => ({
              const: fact,
              description: unit === '' ? description : `${description} Unit: ${unit}.`,
            }));
          }
        },
      });
      return [`${name}.schema.json`, `${JSON.stringify({ title, ...json }, null, 2)}\n`];
    }),
  );
}
