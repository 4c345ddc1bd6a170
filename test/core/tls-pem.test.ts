import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { checkTls } from '../../src/core/tls-pem.js';
import { testAuthority } from '../support/certificates.js';

const folder = mkdtempSync(join(tmpdir(), 'perennial-tls-pem-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const authority = testAuthority(folder);
const one = authority.issue('one');
const other = authority.issue('other');
const text = join(folder, 'text.pem');
writeFileSync(text, 'hello\n');

const check = (cert: string, key: string, clientCa?: string) => {
  const ca = clientCa === undefined ? {} : { ca: readFileSync(clientCa) };
  const paths = { cert, key, ...(clientCa === undefined ? {} : { clientCa }) };
  return checkTls({ cert: readFileSync(cert), key: readFileSync(key), ...ca }, paths);
};

it('files that belong together are taken', () => {
  expect(check(one.cert, one.key, authority.path).subject).toBe('CN=one');
});

// Bug: "error:05800074:x509 certificate routines::key values mismatch", with a stack; an authority that was none refused every client.
it.each([
  ['a key of another certificate', [one.cert, other.key], 'The key in KEY is not that of CERT.'],
  ['a certificate that is none', [text, one.key], 'CERT holds no certificate that can be read.'],
  ['a key that is none', [one.cert, text], 'KEY holds no private key that can be read.'],
  ['one file in the place of the other', [one.key, one.cert], 'CERT holds no certificate that can be read.'],
  ['an authority that is none', [one.cert, one.key, text], 'CA holds no certificate that can be read.'],
])('%s is named in a sentence', (_what, [cert, key, ca], message) => {
  const words = message
    .replace('CERT', cert!)
    .replace('KEY', key!)
    .replace('CA', ca ?? '');
  expect(() => check(cert!, key!, ca)).toThrow(
    expect.objectContaining({ code: 'invalid_file', message: words, hint: expect.any(String) }),
  );
});
