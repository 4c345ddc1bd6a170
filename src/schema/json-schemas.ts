import { z } from 'zod';
import { mappingSchema } from '../ingest/import/mapping-schema.js';
import { experimentFileSchema } from '../rules/experiment-file.js';
import { guardrailFileSchema } from '../rules/guardrail-file.js';
import { offerFileSchema } from '../rules/offer-file.js';
import { bareRuleFileSchema, ruleFileSchema } from '../rules/rule-file.js';
import { ruleTestFileSchema } from '../rules/rule-test-file.js';
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
    signals: { title: 'Signal catalogue of Perennial', schema: catalogueSchema },
    mapping: { title: 'Import mapping of Perennial', schema: mappingSchema },
    experiments: { title: 'Experiments of Perennial', schema: experimentFileSchema },
  };

/** Text of every file in `schema/`, by file name. */
export function jsonSchemaFiles(): Map<string, string> {
  return new Map(
    Object.entries(FILE_SCHEMAS).map(([name, { title, schema }]) => {
      const json = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' });
      return [`${name}.schema.json`, `${JSON.stringify({ title, ...json }, null, 2)}\n`];
    }),
  );
}
