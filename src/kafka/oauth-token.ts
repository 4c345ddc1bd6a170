import * as oauth from 'oauth4webapi';
import type { Clock, Millis } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';

export interface OAuthClient {
  /** Where tokens are had, by the grant of client credentials. */
  readonly tokenUrl: URL;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Empty: what the issuer gives by itself. */
  readonly scope: string;
}

interface Token {
  readonly value: string;
  readonly renewAt: Millis;
  readonly uselessAt: Millis;
}

/** Longest wait for an answer of the issuer. */
const ANSWER_MS = 10_000;
/** A token is renewed when this share of its life is over: a connection authenticates anew before its token ends. */
const RENEWED_AT = 0.8;
/**
 * The client authenticates anew once less than this is left, so a token that has no more would have it do so with each request. Brokers
 * refuse that, as if they knew no SASL.
 */
const OF_NO_USE_MS = 10_000;
/** So long before a token is of no use it is renewed at the latest. */
const BEFORE_MS = 5_000;
/** Life of a token whose issuer does not say how long it lives. */
const UNKNOWN_LIFE_S = 300;

/**
 * Tokens for brokers that ask for OAUTHBEARER. One is asked for when the first connection wants it, and given to all until it nears
 * its end.
 */
export class OAuthTokens {
  readonly #client: OAuthClient;
  readonly #clock: Clock;
  #token: Token | undefined;
  #asking: Promise<Token> | undefined;

  constructor(client: OAuthClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /**
   * A token that is valid now. Throws `permission_denied` when the issuer refuses this client, and `unavailable` when it does not
   * answer as one; not as long as the token before can be used.
   */
  async current(): Promise<string> {
    if (this.#token !== undefined && this.#clock() < this.#token.renewAt) return this.#token.value;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    try {
      this.#token = await this.#asking;
    } catch (thrown) {
      if (this.#token === undefined || this.#clock() >= this.#token.uselessAt) throw thrown;
    }
    return this.#token.value;
  }

  /** Brokers did not accept it: however long it was to live, the next connection asks for another. */
  refused(value: string): void {
    if (this.#token?.value === value) this.#token = undefined;
  }

  async #ask(): Promise<Token> {
    const { tokenUrl, clientId, clientSecret, scope } = this.#client;
    const askedAt = this.#clock();
    const issuer = { issuer: tokenUrl.origin, token_endpoint: tokenUrl.href };
    const client = { client_id: clientId };
    try {
      const answer = await oauth.clientCredentialsGrantRequest(
        issuer,
        client,
        oauth.ClientSecretBasic(clientSecret),
        scope === '' ? {} : { scope },
        {
          // Settings allow http for this machine only.
          [oauth.allowInsecureRequests]: tokenUrl.protocol === 'http:',
          signal: AbortSignal.timeout(ANSWER_MS),
        },
      );
      if (answer.status >= 500) throw new Error(`it answers with status ${answer.status}`);
      const token = await oauth.processClientCredentialsResponse(issuer, client, answer);
      const lifeMs = (token.expires_in ?? UNKNOWN_LIFE_S) * 1_000;
      const uselessAt = askedAt + lifeMs - OF_NO_USE_MS;
      const renewAt = Math.min(askedAt + lifeMs * RENEWED_AT, uselessAt - BEFORE_MS);
      return { value: token.access_token, renewAt, uselessAt };
    } catch (cause) {
      throw tokenError(tokenUrl, cause);
    }
  }
}

function tokenError(url: URL, cause: unknown): PerennialError {
  if (cause instanceof oauth.ResponseBodyError || cause instanceof oauth.WWWAuthenticateChallengeError) {
    const said = cause instanceof oauth.ResponseBodyError ? cause.error : cause.message;
    const description = cause instanceof oauth.ResponseBodyError ? (cause.error_description ?? '') : '';
    return new PerennialError(
      'permission_denied',
      `${url.href} gave no token for Kafka: ${[said, description].filter((text) => text !== '').join(', ')}`,
      { hint: 'Check KAFKA_OAUTH_CLIENT_ID, KAFKA_OAUTH_CLIENT_SECRET and KAFKA_OAUTH_SCOPE.', cause },
    );
  }
  return new PerennialError('unavailable', `${url.href} gave no token for Kafka: ${messageOf(cause)}`, {
    hint: 'Check KAFKA_OAUTH_TOKEN_URL, and that the issuer of tokens answers.',
    cause,
  });
}

/** Of a call that did not reach its server Node says why one level below. */
function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const { message, cause } = thrown;
  return message === 'fetch failed' && cause instanceof Error ? cause.message : message;
}
