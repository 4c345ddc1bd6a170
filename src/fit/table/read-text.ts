import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { TextDecoder } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { PerennialError } from '../../core/errors.js';

/** A file as text, gzipped or not: UTF-8, or UTF-16 with a byte order mark; lines end in LF, CR LF or, as on a Mac, in CR alone. */
export function readText(file: string): string {
  const text = decoded(file, plainBytes(file));
  return text.includes('\n') ? text : text.replaceAll('\r', '\n');
}

function plainBytes(file: string): Buffer {
  try {
    const bytes = readFileSync(file);
    return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  } catch (thrown) {
    throw new PerennialError(
      'not_found',
      `Can't read ${file}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      { cause: thrown },
    );
  }
}

function decoded(file: string, bytes: Buffer): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  // Guessed letters would become categories that nothing later matches.
  if (!isUtf8(bytes))
    throw new PerennialError(
      'invalid_file',
      `${file}:${lineOfFirstFault(bytes)}: the text is neither UTF-8 nor UTF-16.`,
      { hint: `Convert it, for instance with: iconv -f windows-1252 -t utf-8 ${file}` },
    );
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
}

function lineOfFirstFault(bytes: Buffer): number {
  let line = 1;
  for (let from = 0; from < bytes.length; line++) {
    const end = bytes.indexOf(0x0a, from);
    const to = end < 0 ? bytes.length : end + 1;
    if (!isUtf8(bytes.subarray(from, to))) break;
    from = to;
  }
  return line;
}
