import type { DescMessage, Message } from '@bufbuild/protobuf';
import { type Path, pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import { type FieldFault, PerennialError } from '../core/errors.js';

const validator = createValidator();

/** Holds a request to the rules that stand in the contract. Throws `invalid_argument` naming every field at fault. */
export function validate(schema: DescMessage, request: Message): void {
  const result = validator.validate(schema, request);
  if (result.kind === 'valid') return;
  if (result.kind === 'error') throw result.error;
  throw invalidFields(
    result.violations.map(({ field, message, ruleId }) => ({
      // A rule of a whole message is named after its fields: `files_or_revision`.
      field: field.length === 0 ? ruleId.replaceAll('_or_', ' or ') : fieldName(field),
      description: message,
    })),
  );
}

/** The error for fields of a request that are wrong. */
export function invalidFields(fields: readonly FieldFault[], hint?: string): PerennialError {
  const words = fields.map(({ field, description }) => `\`${field}\`: ${description}`).join('; ');
  return new PerennialError('invalid_argument', `The request is wrong: ${words}.`, {
    reason: 'FIELD_INVALID',
    fields,
    ...(hint === undefined ? {} : { hint }),
  });
}

function fieldName(path: Path): string {
  const last = path.at(-1);
  if (last?.kind !== 'oneof') return pathToString(path);
  const names = last.fields.map(({ name }) => name).join(' or ');
  return path.length === 1 ? names : `${pathToString(path.slice(0, -1))}.${names}`;
}
