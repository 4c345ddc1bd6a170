import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Clock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { formatProblem } from '../../core/problem.js';
import { checkYaml, readYaml } from '../../core/yaml-file.js';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import { LoginThrottle } from './login-throttle.js';
import { isPasswordHash, verifyPassword } from './password.js';

/**
 * `full` may do what the process may, but reach files of the machine only if `files` says so. `writer` may change its databases and
 * look at the others. `reader` may look at the data and at nothing else.
 */
export type UserKind = 'full' | 'writer' | 'reader';

export interface User {
  readonly name: string;
  readonly kind: UserKind;
  /** Of a writer. */
  readonly databases?: readonly string[] | undefined;
  /** Whether a full user may reach files and programs of the machine. @default false */
  readonly files?: boolean | undefined;
  /** As `hashPassword` makes it, or SHA-256 in hex. */
  readonly passwordHash: string;
}

/** A user as far as requests care. */
export type Caller = Omit<User, 'passwordHash'>;

const usersFile = z.strictObject({
  users: z
    .record(
      z.string().regex(/^[\w.@-]{1,64}$/, 'a user name has letters, digits and . _ @ -, at most 64'),
      z
        .strictObject({
          kind: z.enum(['full', 'writer', 'reader']),
          databases: z
            .array(z.string().regex(/^\w+$/, 'a database has letters, digits and _'))
            .min(1)
            .optional(),
          files: z.boolean().optional(),
          password: z
            .string()
            .refine(isPasswordHash, 'expected a hash, as `perennial clickhouse hash-password` prints it'),
        })
        .refine(({ kind, databases }) => (kind === 'writer') === (databases !== undefined), {
          path: ['kind'],
          error: 'a writer has `databases`, and nobody else has',
        })
        .refine(({ kind, files }) => kind === 'full' || files === undefined, {
          path: ['kind'],
          error: '`files` is for users of kind full',
        }),
    )
    .refine((users) => Object.keys(users).length > 0, 'name at least one user'),
});

/** Reads a users file. Throws `invalid_file` naming every problem with its place. */
export function readUsers(file: string): User[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (thrown) {
    throw new PerennialError('not_found', `Can't read the users file ${file}.`, { cause: thrown });
  }
  return parseUsers(file, text);
}

/** The users in the text of a file. Throws `invalid_file` naming every problem with its place. */
export function parseUsers(file: string, text: string): User[] {
  const { data, problems } = checkYaml(readYaml(file, text), usersFile);
  if (data === undefined) {
    throw new PerennialError('invalid_file', problems.map(formatProblem).join('\n'), {
      hint: 'docs/clickhouse-http.md shows a users file.',
    });
  }
  return Object.entries(data.users).map(([name, { password: passwordHash, ...user }]) => ({
    name,
    passwordHash,
    ...user,
  }));
}

/** Finds out who asks. Without users everyone is `default` and may do everything: for loopback only. */
export class Users {
  #byName: ReadonlyMap<string, User>;
  readonly #everyone: Caller;
  readonly #throttle: LoginThrottle;
  readonly #secret = randomBytes(32);
  /** What was verified lately, as keyed digests: scrypt costs 50 ms, too much for every request of a connection. */
  readonly #verified = new LRUCache<string, true>({ max: 1_000, ttl: 300_000 });

  /** `files`: whether everyone may reach files of the machine, where there are no users. */
  constructor(users: readonly User[] | undefined, clock: Clock, files = false) {
    this.#throttle = new LoginThrottle(clock);
    this.#everyone = { name: 'default', kind: 'full', files };
    this.#byName = new Map((users ?? []).map((user) => [user.name, user]));
  }

  /** Takes other users from the next request on. Logins of before count no more: a password may have changed. */
  replace(users: readonly User[]): void {
    this.#byName = new Map(users.map((user) => [user.name, user]));
    this.#verified.clear();
  }

  get open(): boolean {
    return this.#byName.size === 0;
  }

  /** Throws REQUIRED_PASSWORD or AUTHENTICATION_FAILED. The answer does not tell whether the user exists. */
  async authenticate(request: IncomingMessage, url: URLSearchParams): Promise<Caller> {
    if (this.open) return this.#everyone;
    const given = credentials(request, url);
    if (given === undefined) {
      throw new ClickHouseException(
        CODE.requiredPassword,
        'REQUIRED_PASSWORD',
        'Authentication is required: give user and password as HTTP Basic, or as X-ClickHouse-User and X-ClickHouse-Key.',
      );
    }
    const user = this.#byName.get(given.name);
    const proof = createHmac('sha256', this.#secret).update(`${given.name}\0${given.password}`).digest('hex');
    if (user !== undefined && this.#verified.has(proof)) return user;
    const right = await this.#throttle.verify(request.socket.remoteAddress ?? '', () =>
      verifyPassword(given.password, user?.passwordHash ?? NOBODY),
    );
    if (user === undefined || !right) {
      throw new ClickHouseException(
        CODE.authenticationFailed,
        'AUTHENTICATION_FAILED',
        'Authentication failed: the password is wrong, or there is no such user.',
      );
    }
    this.#verified.set(proof, true);
    return user;
  }
}

/** Checked for users who do not exist, so that they take as long as others. No password has it. */
const NOBODY = `scrypt$16384$8$1$${randomBytes(16).toString('base64url')}$${randomBytes(32).toString('base64url')}`;

function credentials(
  request: IncomingMessage,
  url: URLSearchParams,
): { name: string; password: string } | undefined {
  const header = (name: string): string | undefined => {
    const value = request.headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const user = header('x-clickhouse-user');
  const key = header('x-clickhouse-key');
  if (user !== undefined || key !== undefined) return { name: user ?? 'default', password: key ?? '' };
  const basic = /^Basic\s+([A-Za-z0-9+/=_-]+)$/i.exec(header('authorization') ?? '')?.[1];
  if (basic !== undefined) {
    const text = Buffer.from(basic, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    return colon < 0
      ? { name: text, password: '' }
      : { name: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  if (url.has('user') || url.has('password')) {
    return { name: url.get('user') ?? 'default', password: url.get('password') ?? '' };
  }
  return undefined;
}
