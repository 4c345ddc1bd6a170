import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { PerennialError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { invalidFields } from './validate.js';

/** A request that brings records, its records undecoded: one that can't be read is refused alone, and kept as it came. */
export interface RecordsRequest {
  readonly records: readonly Uint8Array[];
  readonly validateOnly: boolean;
}

const RECORDS = 1;
const VALIDATE_ONLY = 2;

/** Reads `repeated <message> … = 1; bool validate_only = 2;`. Throws `invalid_argument`. */
export function recordsOf(request: Uint8Array, field: string): RecordsRequest {
  const records: Uint8Array[] = [];
  let validateOnly = false;
  try {
    const reader = new BinaryReader(request);
    while (reader.pos < reader.len) {
      const [number, wire] = reader.tag();
      if (number === RECORDS && wire === WireType.LengthDelimited) records.push(reader.bytes());
      else if (number === VALIDATE_ONLY && wire === WireType.Varint) validateOnly = reader.bool();
      else reader.skip(wire, number);
    }
  } catch (thrown) {
    throw new PerennialError('invalid_argument', 'The request is no protobuf message of this method.', {
      reason: 'REQUEST_MALFORMED',
      hint: 'Generate the client anew from the proto files.',
      cause: thrown,
    });
  }
  if (records.length === 0 || records.length > LIMITS.recordsOfRequest)
    throw invalidFields([
      { field, description: `holds ${records.length} records, and may hold 1 to ${LIMITS.recordsOfRequest}` },
    ]);
  return { records, validateOnly };
}
