import type { DescMessage } from '@bufbuild/protobuf';
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import { invalidFields } from './validate.js';

/** Fields of an answer that a caller wants (AIP-157), by their names in this language. */
export interface WantedFields {
  has(field: string): boolean;
  /** What is wanted of an answer. */
  of<T extends object>(answer: T): Partial<T>;
}

/**
 * Reads a mask of fields of a message itself: parts of parts can't be chosen. Absent, empty or `*`: everything. Throws
 * `invalid_argument` for a path that is no field.
 */
export function wantedFields(schema: DescMessage, mask: FieldMask | undefined): WantedFields {
  const paths = mask?.paths ?? [];
  const fields = new Map(schema.fields.map((field) => [field.name, field.localName]));
  const wrong = paths.filter((path) => path !== '*' && !fields.has(path));
  if (wrong.length > 0)
    throw invalidFields([
      {
        field: 'read_mask',
        description: `names ${wrong.map((path) => `"${path}"`).join(', ')}, and may name ${[...fields.keys()].join(', ')}`,
      },
    ]);
  if (paths.length === 0 || paths.includes('*')) return { has: () => true, of: (answer) => answer };
  const wanted = new Set(paths.map((path) => fields.get(path)!));
  const has = (field: string) => wanted.has(field);
  return {
    has,
    of: <T extends object>(answer: T) =>
      Object.fromEntries(Object.entries(answer).filter(([field]) => has(field))) as Partial<T>,
  };
}
