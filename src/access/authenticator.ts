import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import type { AccessFile } from './access-file.js';
import type { Caller, Peer } from './caller.js';
import { JwtVerifier } from './jwt-verifier.js';
import { tokenHash } from './token.js';

/** Callers whose credentials have been checked; each is checked again when it is not among them. */
const REMEMBERED = 10_000;
/** So that a key that its issuer has withdrawn is not trusted for longer. */
const REMEMBERED_MS = 300_000;
/** Longer ones are none of ours, and hashing them would be work for nothing. */
const LONGEST_TOKEN = 8_192;

/** Says who a caller is, by one access file. Immutable: a changed file makes a new one, and what was revoked ends with the old. */
export class Authenticator {
  readonly #tokens: ReadonlyMap<string, Caller>;
  readonly #certificates: ReadonlyMap<string, Caller>;
  readonly #jwt: JwtVerifier | undefined;
  readonly #clock: Clock;
  /** By the credentials as they came. */
  readonly #known = new LRUCache<string, Caller>({ max: REMEMBERED, ttl: REMEMBERED_MS });

  private constructor(file: AccessFile, jwt: JwtVerifier | undefined, clock: Clock) {
    const rate = (own: number | undefined) => own ?? file.calls_per_second ?? null;
    this.#tokens = new Map(
      file.tokens.map(({ name, sha256, scopes, expires, calls_per_second }) => [
        sha256,
        {
          name,
          by: 'token',
          scopes: new Set(scopes),
          callsPerSecond: rate(calls_per_second),
          expires: expires === undefined ? null : Date.parse(expires),
        },
      ]),
    );
    this.#certificates = new Map(
      file.certificates.map(({ name, subject, scopes, calls_per_second }) => [
        subject,
        {
          name,
          by: 'certificate',
          scopes: new Set(scopes),
          callsPerSecond: rate(calls_per_second),
          expires: null,
        },
      ]),
    );
    this.#jwt = jwt;
    this.#clock = clock;
  }

  /** @param path Of the file, for the keys beside it. */
  static async open(file: AccessFile, path: string, clock: Clock): Promise<Authenticator> {
    const rate = file.jwt?.calls_per_second ?? file.calls_per_second;
    const jwt =
      file.jwt === undefined
        ? undefined
        : await JwtVerifier.open(
            { ...file.jwt, ...(rate === undefined ? {} : { calls_per_second: rate }) },
            path,
            clock,
          );
    return new Authenticator(file, jwt, clock);
  }

  /**
   * The caller of a call; at once when it is known already. Throws `unauthenticated`.
   * @param authorization The call's `authorization` metadata.
   */
  caller(authorization: string | undefined, peer: Peer): Caller | Promise<Caller> {
    if (authorization === undefined) return this.#byCertificate(peer);
    const known = this.#known.get(authorization);
    if (known !== undefined) return this.#current(known);
    const [, token] = /^Bearer +(\S+)$/i.exec(authorization.slice(0, LONGEST_TOKEN)) ?? [];
    if (token === undefined)
      throw new PerennialError('unauthenticated', '`authorization` is not "Bearer <token>".', {
        reason: 'CREDENTIALS_MALFORMED',
      });
    const found = this.#tokens.get(tokenHash(token));
    if (found !== undefined) {
      this.#known.set(authorization, found);
      return this.#current(found);
    }
    if (this.#jwt !== undefined && token.split('.').length === 3)
      return this.#jwt.caller(token).then((caller) => {
        this.#known.set(authorization, caller);
        return caller;
      });
    throw new PerennialError('unauthenticated', 'The token is not one of this server.', {
      reason: 'TOKEN_INVALID',
      hint: 'It may have been revoked.',
    });
  }

  #byCertificate({ certificateNames }: Peer): Caller {
    for (const name of certificateNames) {
      const caller = this.#certificates.get(name);
      if (caller !== undefined) return caller;
    }
    throw new PerennialError('unauthenticated', 'The call has no credentials.', {
      reason: 'CREDENTIALS_MISSING',
      hint: 'Send the metadata `authorization: Bearer <token>`, or a client certificate that the server knows.',
    });
  }

  #current(caller: Caller): Caller {
    if (caller.expires === null || caller.expires > this.#clock()) return caller;
    throw new PerennialError('unauthenticated', 'The token has expired.', {
      reason: 'TOKEN_EXPIRED',
      hint: 'Get a new one.',
    });
  }
}
