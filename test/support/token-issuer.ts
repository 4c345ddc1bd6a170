import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A local issuer of OAuth tokens, by the grant of client credentials, for one client. */
export interface TokenIssuer {
  readonly url: string;
  /** How often a token was asked for, and with which scope. */
  readonly asked: (string | null)[];
  /** What it does next: give tokens, or fail. */
  mode: 'give' | 'fail';
  /** Of the tokens that it gives. */
  lifeSeconds: number;
  close(): void;
}

/** Tokens are unsigned JWTs, as Apache Kafka's own handler for development takes them. */
export async function tokenIssuer(
  client: { readonly id: string; readonly secret: string },
  lifeSeconds = 3_600,
): Promise<TokenIssuer> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const form = new URLSearchParams(body);
    issuer.asked.push(form.get('scope'));
    const answer = (status: number, value: object) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    if (issuer.mode === 'fail') answer(503, { error: 'temporarily_unavailable' });
    else if (loginOf(request) !== `${client.id}:${client.secret}`)
      answer(401, { error: 'invalid_client', error_description: 'unknown client' });
    else if (form.get('grant_type') !== 'client_credentials')
      answer(400, { error: 'unsupported_grant_type' });
    else
      answer(200, {
        access_token: unsignedToken(client.id, issuer.lifeSeconds, issuer.asked.length),
        token_type: 'Bearer',
        // As an issuer whose clock is wrong has it, where the token has ended.
        expires_in: Math.abs(issuer.lifeSeconds),
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer: TokenIssuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    asked: [],
    mode: 'give',
    lifeSeconds,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return issuer;
}

/** RFC 6749 2.3.1: both parts are form-encoded first. */
function loginOf({ headers }: IncomingMessage): string {
  const login = Buffer.from((headers.authorization ?? '').replace('Basic ', ''), 'base64').toString();
  return login
    .split(':')
    .map((part) => new URLSearchParams(`part=${part}`).get('part'))
    .join(':');
}

function unsignedToken(subject: string, lifeSeconds: number, count: number): string {
  const now = Math.floor(Date.now() / 1_000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: subject, jti: String(count), iat: now - 600, exp: now + lifeSeconds })}.`;
}
