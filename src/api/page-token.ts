import { z } from 'zod';
import { PerennialError } from '../core/errors.js';
import { stableId } from '../core/identity.js';
import { LIMITS } from '../core/limits.js';

/**
 * Page tokens: where the next page begins, tied to the query that it continues. Opaque to callers, and no secret: whoever
 * makes one up sees no more than the query itself would show. The page size may differ from page to page.
 */
export interface PageTokens<Position> {
  /** Where to go on; undefined for the first page. Throws `invalid_argument` for a token that is not this query's. */
  read(token: string, query: unknown): Position | undefined;
  write(position: Position, query: unknown): string;
}

/** A time in a position. Tokens are the callers': others than ours are none that the store and its messages can hold. */
export const timeInToken = z.int().min(LIMITS.earliestTime).max(LIMITS.latestDate);

/**
 * @param method Name of the call, so that one list's token is not another's.
 * @param field Name of the field that carries it. @default page_token
 */
export function pageTokens<Position>(
  method: string,
  position: z.ZodType<Position>,
  field = 'page_token',
): PageTokens<Position> {
  const schema = z.strictObject({ query: z.string(), position });
  const fingerprint = (query: unknown) => stableId(method, JSON.stringify(query)).slice(0, 16);
  return {
    read(token, query) {
      if (token === '') return undefined;
      const parsed = schema.safeParse(decode(token));
      if (!parsed.success || parsed.data.query !== fingerprint(query)) {
        throw new PerennialError('invalid_argument', `\`${field}\` is not one of this query's.`, {
          reason: 'TOKEN_OF_ANOTHER_QUERY',
          fields: [{ field, description: "is not one of this query's" }],
          hint: 'Send the token as it came, with the same filters; or none, to begin anew.',
        });
      }
      return parsed.data.position;
    },
    write: (at, query) =>
      Buffer.from(JSON.stringify({ query: fingerprint(query), position: at })).toString('base64url'),
  };
}

function decode(token: string): unknown {
  if (token.length > LIMITS.pageTokenBytes) return undefined;
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
