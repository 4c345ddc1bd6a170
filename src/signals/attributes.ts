import { LIMITS } from '../core/limits.js';
import { Fault } from './fault.js';
import { isLonger } from './fields.js';

/**
 * Adds one attribute in its canonical text: texts as they are, numbers and booleans as JSON writes them, nested values as
 * JSON; null is left out. Throws a Fault for what can't be kept as it was meant.
 */
export function addAttribute(into: Record<string, string>, key: string, value: unknown): void {
  if (value === null || value === undefined) return;
  // Assigning it would set the prototype, and the protobuf decoder can't carry it.
  if (key === '__proto__') {
    throw new Fault('bad_attributes', key, 'An attribute can not be named `__proto__`: rename it.');
  }
  if (key === '' || isLonger(key, LIMITS.attributeKeyBytes)) {
    throw new Fault(
      'bad_attributes',
      key,
      `The name of an attribute must have 1 to ${LIMITS.attributeKeyBytes} bytes.`,
    );
  }
  const text = attributeText(key, value);
  if (isLonger(text, LIMITS.attributeValueBytes)) {
    throw new Fault('too_long', key, `An attribute is longer than ${LIMITS.attributeValueBytes} bytes.`);
  }
  if (Object.hasOwn(into, key)) {
    throw new Fault('bad_attributes', key, 'An attribute is given twice, in `attributes` and beside it.');
  }
  into[key] = text;
}

function attributeText(key: string, value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      checkExact(key, value);
      return String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      checkNumbers(key, value as object);
      return JSON.stringify(value);
    default:
      throw new Fault('bad_attributes', key, 'An attribute must be a JSON value.');
  }
}

/** A number that JSON's double can't hold would be stored as another one: long ids sent as numbers, above all. */
function checkExact(key: string, value: number): void {
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
    throw new Fault('bad_number', key, 'A number is too large to be kept exactly: send it as a text.');
  }
}

function checkNumbers(key: string, value: object): void {
  for (const member of Object.values(value)) {
    if (typeof member === 'number') checkExact(key, member);
    else if (typeof member === 'object' && member !== null) checkNumbers(key, member);
  }
}
