import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code, ConnectError } from '@connectrpc/connect';
import { expect, it } from 'vitest';
import { TlsFiles } from '../../src/api/transport/tls-files.js';
import { fromServer } from '../../src/cli/running-engine.js';
import { systemClock } from '../../src/core/clock.js';
import { createLogger, silentLogger } from '../../src/telemetry/log.js';
import { testAuthority } from '../support/certificates.js';

// Bug: a certificate that had expired was "read", and neither health nor the log said that no client takes it.
it('a certificate that has expired is named by health', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-tls-files-'));
  const { cert, key } = testAuthority(folder).issue('localhost');
  const tls = await TlsFiles.open({ cert, key }, silentLogger());
  try {
    expect(tls.fault()).toBeUndefined();
    expect(tls.fault(systemClock() + 3 * 86_400_000)).toMatch(/^The TLS certificate expired at 20/);
  } finally {
    tls.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

// Bug: the log had a stack, and the words of OpenSSL.
it('a changed key that is not that of the certificate is logged as a sentence, and what was before is served', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-tls-files-'));
  const authority = testAuthority(folder);
  const { cert, key } = authority.issue('localhost');
  const lines: string[] = [];
  const tls = await TlsFiles.open({ cert, key }, createLogger('info', { write: (line) => lines.push(line) }));
  try {
    const before = tls.context;
    copyFileSync(authority.issue('other').key, key);
    await tls.look();
    const { error } = JSON.parse(lines.at(-1)!);
    expect(error).toMatchObject({
      code: 'invalid_file',
      message: `The key in ${key} is not that of ${cert}.`,
    });
    expect(error.stack).toBeUndefined();
    expect(tls.context).toBe(before);
    expect(tls.fault()).toContain('is not that of');
  } finally {
    tls.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

// Bug: commands called it a defect of Perennial, with a stack.
it('a certificate that a command does not accept is no defect, and names the setting', () => {
  const refused = Object.assign(new Error('certificate has expired'), { code: 'CERT_HAS_EXPIRED' });
  const thrown = new ConnectError(refused.message, Code.Internal, undefined, undefined, refused);
  expect(fromServer(thrown)).toMatchObject({
    code: 'unavailable',
    hint: expect.stringContaining('PERENNIAL_SERVER_CA'),
  });
});

// Bug: "http/2 stream closed with error code CANCEL (0x8)" was all that a command said.
it('a server of TLS that is asked without is said with what to set', () => {
  const thrown = new ConnectError('http/2 stream closed with error code CANCEL (0x8)', Code.Canceled);
  expect(fromServer(thrown)).toMatchObject({
    code: 'unavailable',
    hint: expect.stringContaining('asks for TLS'),
  });
});

// Bug: it was a defect of Perennial, in the words of OpenSSL.
it('a server that asks for a client certificate is said with what to do', () => {
  const code = 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED';
  const refused = Object.assign(new Error('tlsv13 alert certificate required'), { code });
  expect(
    fromServer(new ConnectError(refused.message, Code.Internal, undefined, undefined, refused)),
  ).toMatchObject({ code: 'unauthenticated', message: expect.stringContaining('client certificate') });
});
