import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** Cost of a new hash: 16 MiB and some 50 ms, so that guessing is slow. Hashes name their own cost, so it can rise. */
const COST = { N: 16_384, r: 8, p: 1 } as const;
const KEY_BYTES = 32;
/** No hash may ask for more than this: a users file must not be able to stall the server. */
const MAX_MEMORY = 256 * 1_048_576;

/** `scrypt$N$r$p$salt$key`, salt and key in base64url, for a users file. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, COST);
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join('$');
}

/** Whether a text is a hash that `verifyPassword` can check: scrypt, or SHA-256 in hex as ClickHouse's own users have it. */
export function isPasswordHash(text: string): boolean {
  return /^[0-9a-fA-F]{64}$/.test(text) || parse(text) !== undefined;
}

/** Takes as long for a wrong password as for a right one. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  if (/^[0-9a-fA-F]{64}$/.test(hash)) {
    return timingSafeEqual(createHash('sha256').update(password).digest(), Buffer.from(hash, 'hex'));
  }
  const parts = parse(hash);
  if (parts === undefined) return false;
  return timingSafeEqual(await derive(password, parts.salt, parts.cost), parts.key);
}

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

function parse(text: string): { cost: Cost; salt: Buffer; key: Buffer } | undefined {
  const found = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([\w-]+)\$([\w-]{43})$/.exec(text);
  if (found === null) return undefined;
  const cost = { N: Number(found[1]), r: Number(found[2]), p: Number(found[3]) };
  const powerOfTwo = cost.N > 1 && (cost.N & (cost.N - 1)) === 0;
  if (!powerOfTwo || cost.r < 1 || cost.p < 1 || 128 * cost.N * cost.r * cost.p > MAX_MEMORY)
    return undefined;
  return { cost, salt: Buffer.from(found[4]!, 'base64url'), key: Buffer.from(found[5]!, 'base64url') };
}

function derive(password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, KEY_BYTES, { ...cost, maxmem: 2 * MAX_MEMORY }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
