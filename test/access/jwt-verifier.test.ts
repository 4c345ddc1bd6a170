import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { JwtVerifier } from '../../src/access/jwt-verifier.js';

const NOW = Date.parse('2026-06-01T00:00:00Z');
const issuer = 'https://login.example.com/';

/** What the address of the keys answers. */
let answer: { readonly status: number; readonly body: string };
let server: Server;
let keys: string;
let sign: (header?: object, sub?: unknown) => Promise<string>;

beforeAll(async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'one' }] });
  sign = (header = {}, sub = 'ana') =>
    new SignJWT({ scope: 'read', sub: sub as string })
      .setProtectedHeader({ alg: 'ES256', kid: 'one', ...header })
      .setIssuer(issuer)
      .setAudience('perennial')
      .setExpirationTime(NOW / 1_000 + 600)
      .sign(privateKey);
  server = createServer((_request, response) => response.writeHead(answer.status).end(answer.body));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

/** A verifier that has fetched no keys yet. */
const verifier = (port = (server.address() as AddressInfo).port) =>
  JwtVerifier.open(
    {
      ...{ jwks: `http://127.0.0.1:${port}/jwks.json`, issuer, audience: 'perennial' },
      ...{ scope_claim: 'scope', scope_prefix: '' },
    },
    '/etc/access.yaml',
    () => NOW,
  );

it('accepts a token whose key is published, and refuses one of a key that is not', async () => {
  answer = { status: 200, body: keys };
  const jwt = await verifier();
  expect(await jwt.caller(await sign())).toMatchObject({ name: 'ana', by: 'jwt' });
  await expect(jwt.caller(await sign({ kid: 'other' }))).rejects.toMatchObject({
    code: 'unauthenticated',
    reason: 'TOKEN_INVALID',
  });
});

// Bug: a number was the name of a caller, and an object that of another with each call, which no limit held.
it.each([7, { a: 1 }, '', 'x'.repeat(257), null])('refuses a token whose subject is %j', async (sub) => {
  answer = { status: 200, body: keys };
  await expect((await verifier()).caller(await sign({}, sub))).rejects.toMatchObject({
    code: 'unauthenticated',
    reason: 'TOKEN_INVALID',
  });
});

// Bug: whoever had a valid token was told that it was not valid here, and not to try again.
it.each([
  ['answers with an error', () => ({ status: 503, body: 'come again' })],
  ['answers with no JSON', () => ({ status: 200, body: '<html>' })],
  ['answers with no key set', () => ({ status: 200, body: '{"keys": 1}' })],
])(
  'says that keys cannot be had where their address %s, and accepts the token once they can',
  async (_what, bad) => {
    answer = bad();
    const jwt = await verifier();
    await expect(jwt.caller(await sign())).rejects.toMatchObject({
      code: 'unavailable',
      reason: 'KEYS_UNAVAILABLE',
      retryable: true,
    });
    answer = { status: 200, body: keys };
    expect(await jwt.caller(await sign())).toMatchObject({ name: 'ana' });
  },
);

it('says the same where nobody answers', async () => {
  const away = createServer();
  away.listen(0, '127.0.0.1');
  await once(away, 'listening');
  const { port } = away.address() as AddressInfo;
  away.close();
  await once(away, 'close');
  await expect((await verifier(port)).caller(await sign())).rejects.toMatchObject({ code: 'unavailable' });
});
