import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { notProtobuf } from './protobuf-form.js';

/** A field 1 that holds this text: a map entry's key, or the id of a signal. */
const PROTO_TEXT = '\n\t__proto__';
/** Signal.attributes. */
const ATTRIBUTES_FIELD = 9;
const KEY_FIELD = 1;

/**
 * Whether a decodable protobuf Signal has an attribute `__proto__`, which the generated decoder can't hold and would drop
 * without a word. Only messages that have the text at all are walked through. Throws a Fault for bytes that the generated
 * decoder passes over and that are no protobuf (a tag 0 within an attribute).
 */
export function hasProtoAttribute(body: Uint8Array): boolean {
  if (!Buffer.from(body.buffer, body.byteOffset, body.byteLength).includes(PROTO_TEXT)) return false;
  try {
    return lengthDelimited(body, ATTRIBUTES_FIELD).some((entry) =>
      lengthDelimited(entry, KEY_FIELD).some((key) => Buffer.from(key).toString('latin1') === '__proto__'),
    );
  } catch {
    throw notProtobuf();
  }
}

/** The bytes of each field of that number. */
function lengthDelimited(message: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === wanted && wire === WireType.LengthDelimited) found.push(reader.bytes());
    else reader.skip(wire, field);
  }
  return found;
}
