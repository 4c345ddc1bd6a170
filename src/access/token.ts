import { createHash, randomBytes } from 'node:crypto';

/** Recognisable, so that scanners for leaked secrets find it. */
const PREFIX = 'perennial_';

/** A new bearer token: 256 random bits, so that a plain hash of it is safe to keep. */
export function newToken(): string {
  return `${PREFIX}${randomBytes(32).toString('base64url')}`;
}

/** What the access file keeps of a token. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
