import type { Mechanism } from 'kafkajs';
import { PerennialError } from '../core/errors.js';
import type { OAuthTokens } from './oauth-token.js';

/**
 * OAUTHBEARER (RFC 7628) in place of kafkajs's own, which does not look at the answer: a broker that does not accept the token says so in
 * one and waits for more, and then cuts the connection, which looked like brokers that are away.
 */
export function bearerMechanism(tokens: OAuthTokens, issuer: URL): Mechanism {
  return {
    mechanism: 'oauthbearer',
    authenticationProvider: ({ saslAuthenticate }) => ({
      authenticate: async () => {
        const token = await tokens.current();
        const message = sized(Buffer.from(`n,,\u0001auth=Bearer ${token}\u0001\u0001`));
        const answer = await saslAuthenticate({
          request: { encode: () => message },
          response: { decode: unsized, parse: (text) => text.toString() },
        });
        if (answer === undefined || answer === '') return;
        tokens.refused(token);
        throw new PerennialError(
          'permission_denied',
          `Kafka does not accept the token that ${issuer.href} gave: ${statusOf(answer)}`,
          {
            hint: 'Compare KAFKA_OAUTH_SCOPE and the issuer with what the brokers ask for, and the clocks of issuer and brokers.',
          },
        );
      },
    }),
  };
}

/** The length comes first, as the protocol has it. */
function sized(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function unsized(bytes: Buffer): Buffer {
  return bytes.subarray(4);
}

/** An answer looks like `{"status":"invalid_token"}`. */
function statusOf(answer: string): string {
  try {
    return String((JSON.parse(answer) as { status?: unknown }).status ?? 'refused');
  } catch {
    return 'refused';
  }
}
