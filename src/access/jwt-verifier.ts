import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import type { AccessFile } from './access-file.js';
import type { Caller } from './caller.js';
import { SCOPES } from './scope.js';

export type JwtSettings = NonNullable<AccessFile['jwt']>;
type Keys = Parameters<typeof jwtVerify>[1];

/** Asymmetric only: with a shared secret everyone who can check a token could make one. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
/** How much the clock of the issuer may differ. */
const SKEW_SECONDS = 30;

/** Checks the JSON Web Tokens of one issuer by its published keys. */
export class JwtVerifier {
  readonly #settings: JwtSettings;
  readonly #clock: Clock;
  readonly #keys: Keys;

  private constructor(settings: JwtSettings, clock: Clock, keys: Keys) {
    this.#settings = settings;
    this.#clock = clock;
    this.#keys = keys;
  }

  /** Reads the keys if they are in a file; from an address they are fetched with the first token, and again when a key is not known. */
  static async open(settings: JwtSettings, accessFile: string, clock: Clock): Promise<JwtVerifier> {
    const { jwks } = settings;
    if (/^https?:/.test(jwks)) {
      const url = new URL(jwks);
      if (url.protocol !== 'https:' && url.hostname !== 'localhost' && url.hostname !== '127.0.0.1')
        throw new PerennialError('invalid_file', `jwt.jwks is not an https address: ${jwks}`);
      return new JwtVerifier(
        settings,
        clock,
        createRemoteJWKSet(url, { timeoutDuration: 5_000, cooldownDuration: 10_000 }) as Keys,
      );
    }
    const path = resolve(dirname(accessFile), jwks);
    try {
      const keys = createLocalJWKSet(JSON.parse(await readFile(path, 'utf8')));
      return new JwtVerifier(settings, clock, keys as Keys);
    } catch (thrown) {
      throw new PerennialError(
        'invalid_file',
        `The keys of jwt.jwks can't be read: ${PerennialError.from(thrown).message}`,
        { hint: `${path} holds a JSON Web Key Set.`, cause: thrown },
      );
    }
  }

  /** Throws `unauthenticated`, or `unavailable` when the keys can't be had. */
  async caller(token: string): Promise<Caller> {
    const { issuer, audience } = this.#settings;
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['sub', 'exp'],
        clockTolerance: SKEW_SECONDS,
        currentDate: new Date(this.#clock()),
      });
      return this.#callerOf(payload);
    } catch (thrown) {
      throw refusal(thrown);
    }
  }

  #callerOf(payload: JWTPayload): Caller {
    const { scope_claim, scope_prefix, calls_per_second } = this.#settings;
    const { sub } = payload;
    // It counts calls and stands in logs and in what is decided: the library asks only that it is there.
    if (typeof sub !== 'string' || sub === '' || Buffer.byteLength(sub) > LIMITS.idBytes)
      throw new errors.JWTInvalid(`"sub" is not a text of 1 to ${LIMITS.idBytes} bytes`);
    const claim = payload[scope_claim];
    const named: readonly unknown[] = Array.isArray(claim) ? claim : String(claim ?? '').split(' ');
    return {
      name: sub,
      by: 'jwt',
      scopes: new Set(SCOPES.filter((scope) => named.includes(`${scope_prefix}${scope}`))),
      callsPerSecond: calls_per_second ?? null,
      expires: (payload.exp! + SKEW_SECONDS) * 1_000,
    };
  }
}

/** Keys that can't be had say nothing about the token. The general one: their address answered with an error, or with no JSON. */
const OF_THE_KEYS: ReadonlySet<string> = new Set([
  errors.JOSEError.code,
  errors.JWKSTimeout.code,
  errors.JWKSInvalid.code,
]);

function refusal(thrown: unknown): PerennialError {
  if (thrown instanceof errors.JWTExpired)
    return new PerennialError('unauthenticated', 'The token has expired.', {
      reason: 'TOKEN_EXPIRED',
      hint: 'Get a new one.',
    });
  if (!(thrown instanceof errors.JOSEError) || OF_THE_KEYS.has(thrown.code))
    return new PerennialError('unavailable', 'The keys that tokens are checked by cannot be had.', {
      reason: 'KEYS_UNAVAILABLE',
      cause: thrown,
    });
  return new PerennialError('unauthenticated', 'The token is not valid here.', {
    reason: 'TOKEN_INVALID',
    hint: 'Its signature, issuer, audience, subject or times are not what this server accepts.',
  });
}
