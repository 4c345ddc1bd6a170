import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { parseTime } from '../../signals/time.js';

/** Days that some months have not, and the hour 24. Most texts hold none, and need no second look. */
const DOUBTFUL = /-(?:02-(?:29|3\d)|(?:0[469]|11)-31)T|T24:/;

/**
 * Reads the JSON of one type of message, more strictly than the library: it takes bytes that are no UTF-8 for the character U+FFFD, so that
 * different ids become the same, and 30 February for the second of March.
 */
export class JsonText extends TextDecoder {
  readonly #type: DescMessage;

  constructor(type: DescMessage) {
    super('utf-8', { fatal: true });
    this.#type = type;
  }

  /** Throws, in the library's form, for what it should not take. */
  override decode(bytes?: Uint8Array): string {
    const text = super.decode(bytes);
    if (DOUBTFUL.test(text)) checkTimes(this.#type, JSON.parse(text));
    return text;
  }
}

function checkTimes({ fields }: DescMessage, value: unknown): void {
  // Whatever it is instead, the library refuses it.
  if (typeof value !== 'object' || value === null) return;
  const members = value as Readonly<Record<string, unknown>>;
  for (const field of fields) {
    if (field.message === undefined) continue;
    for (const name of new Set([field.name, field.jsonName])) {
      const member = Object.hasOwn(members, name) ? members[name] : undefined;
      if (field.message.typeName === 'google.protobuf.Timestamp') checkTime(field, member);
      else for (const one of Array.isArray(member) ? member : [member]) checkTimes(field.message, one);
    }
  }
}

function checkTime(field: DescField, value: unknown): void {
  if (typeof value === 'string' && DOUBTFUL.test(value) && Number.isNaN(parseTime(value)))
    throw new Error(
      `cannot decode field ${field.parent.typeName}.${field.name} from JSON: ${JSON.stringify(value)} is no time of the calendar`,
    );
}
