import type { ServerIdentity } from './answer.js';

/**
 * clickhouse-go (and Grafana's data source with it) begins over HTTP with this question, and reads the answer as the protocol
 * version has it that it sends as `client_protocol_version`. From then on it reads at the revision that the answer names.
 * The engine can only write Native of revision 0, so that is the revision it gets; all else is then read right.
 */
const HELLO = /^\s*SELECT\s+displayName\(\),\s*version\(\),\s*revision\(\),\s*timezone\(\)\s*;?\s*$/i;
/** From these on a block begins with its info, and a column says whether it is written in a special way. */
const WITH_BLOCK_INFO = 1;
const WITH_CUSTOM_SERIALIZATION = 54_454;

export function isNativeHello(sql: string, format: string, protocolVersion: number): boolean {
  return protocolVersion > 0 && format === 'Native' && HELLO.test(sql);
}

/** One block of one row. */
export function nativeHello(identity: ServerIdentity, protocolVersion: number): Uint8Array {
  const revision = Buffer.alloc(4);
  const columns: readonly [name: string, type: string, value: Buffer][] = [
    ['displayName()', 'String', text(identity.displayName)],
    ['version()', 'String', text(identity.version)],
    ['revision()', 'UInt32', revision],
    ['timezone()', 'String', text(identity.timezone)],
  ];
  const parts: Buffer[] = [];
  // Not an overflow, no bucket, no more fields.
  if (protocolVersion >= WITH_BLOCK_INFO) parts.push(Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0]));
  parts.push(Buffer.from([columns.length, 1]));
  for (const [name, type, value] of columns) {
    parts.push(text(name), text(type));
    if (protocolVersion >= WITH_CUSTOM_SERIALIZATION) parts.push(Buffer.from([0]));
    parts.push(value);
  }
  return Buffer.concat(parts);
}

/** With its length, as a number of seven bits a byte. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length: number[] = [];
  let left = bytes.length;
  for (; left > 127; left >>= 7) length.push((left & 127) | 128);
  length.push(left);
  return Buffer.concat([Buffer.from(length), bytes]);
}
