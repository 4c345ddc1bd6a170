import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hashPassword } from '../../../src/store/http-server/password.js';
import { testServer } from './support.js';

it('speaks TLS on a public address, to users only', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'perennial-tls-'));
  const [certFile, keyFile] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '1',
      '-keyout',
      keyFile,
      '-out',
      certFile,
      ...subject,
    ],
    { stdio: 'pipe' },
  );
  const [cert, key] = [readFileSync(certFile, 'utf8'), readFileSync(keyFile, 'utf8')];
  const users = [{ name: 'ana', kind: 'full' as const, passwordHash: await hashPassword('pw') }];
  const t = await testServer({ host: '0.0.0.0', tls: { cert, key }, users });
  try {
    expect(t.server.url).toMatch(/^https:/);
    const ask = (auth: string) =>
      new Promise<string>((resolve, reject) => {
        const options = { host: '127.0.0.1', port: t.server.port, path: '/?query=SELECT+1', ca: cert, auth };
        request(options, async (answer) => {
          let text = '';
          for await (const part of answer) text += part;
          resolve(`${answer.statusCode} ${text}`);
        })
          .once('error', reject)
          .end();
      });
    expect(await ask('ana:pw')).toBe('200 1\n');
    expect(await ask('ana:wrong')).toMatch(/^403 Code: 516/);
  } finally {
    await t.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
