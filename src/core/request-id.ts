import { PerennialError } from './errors.js';

/** What a call with a request id asked for, by the field of its request. */
export type Asked = Readonly<Record<string, string | number | null>>;

/**
 * Throws `invalid_argument` when a request id comes again with another call than it came with first: the answer to the first
 * would hide that this one is not carried out.
 */
export function assertSameCall(first: Asked, again: Asked): void {
  const others = Object.keys(again).filter((field) => first[field] !== again[field]);
  if (others.length === 0) return;
  const what = `a call with another ${others.join(' and another ')}`;
  throw new PerennialError('invalid_argument', `\`request_id\` was used for ${what}.`, {
    reason: 'REQUEST_ID_REUSED',
    fields: [{ field: 'request_id', description: `was used for ${what}` }],
    hint: 'Make a new one for each call; only a call that is tried again keeps its own.',
  });
}
