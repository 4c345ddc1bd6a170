import type { DescMessage, Message } from '@bufbuild/protobuf';
import { type Path, pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import { type FieldFault, PerennialError } from '../core/errors.js';

const validator = createValidator();
/** Stops at the first fault: two million empty ids, which fit into one request, would else be three seconds of work. */
const firstFault = createValidator({ failFast: true });
/** Lists of so many items in all are checked to their end. */
const ITEMS_CHECKED = 2_000;

/** Holds a request to the rules that stand in the contract. Throws `invalid_argument` naming the fields at fault. */
export function validate(schema: DescMessage, request: Message): void {
  const checker = itemsOf(request) > ITEMS_CHECKED ? firstFault : validator;
  const result = checker.validate(schema, request);
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

/** Items of all lists and maps of a message and of the messages in its fields. */
function itemsOf(message: object): number {
  let items = 0;
  for (const value of Object.values(message)) {
    if (Array.isArray(value)) items += value.length;
    else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value))
      items += '$typeName' in value || 'case' in value ? itemsOf(value) : Object.keys(value).length;
  }
  return items;
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
