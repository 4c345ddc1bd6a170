import { z } from 'zod';

/** Names in rule files: what a person can type, sort and search. */
export const nameSchema = z
  .string()
  .regex(
    /^[a-z][a-z0-9_]{0,63}$/,
    'a name is 1 to 64 lower case letters, digits and underscores, and starts with a letter',
  );

/** Names a file's JSON Schema to editors; Perennial does not read it. */
export const schemaKey = z.string().optional().describe("The file's JSON Schema, for editors of JSON files.");

/** Free text for people. */
export const textSchema = z.string().min(1).max(2_000);

/** Further values for the service or person that acts on a decision; Perennial passes them on. */
export const detailsSchema = z
  .record(
    z.string().regex(/^[a-z][a-z0-9_]{0,63}$/),
    z.union([z.string().max(2_000), z.number(), z.boolean()]),
  )
  .default({})
  .describe(
    'Further values for the service or person that acts on it, such as a template id. Passed on as they are, under names of their own.',
  );
