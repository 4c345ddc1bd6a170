import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/**
 * The bytes of the Signal inside an IngestSignalsRequest, undecoded, so that a signal that can't be read is refused and
 * kept as it came instead of breaking the stream. Undefined when there is none in it, or when it is no protobuf at all.
 */
export function signalBytesOf(request: Uint8Array): Uint8Array | undefined {
  try {
    const reader = new BinaryReader(request);
    const parts: Uint8Array[] = [];
    while (reader.pos < reader.len) {
      const [field, wire] = reader.tag();
      if (field === SIGNAL_FIELD && wire === WireType.LengthDelimited) parts.push(reader.bytes());
      else reader.skip(wire, field);
    }
    // Protobuf merges a message field that comes more than once, and merging is what putting the bytes in a row does.
    return parts.length <= 1 ? parts[0] : Buffer.concat(parts);
  } catch {
    return undefined;
  }
}

const SIGNAL_FIELD = 1;
