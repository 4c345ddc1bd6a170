import type { Clock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import type { Logger } from '../telemetry/log.js';
import { parseAccessFile } from './access-file.js';
import { Authenticator } from './authenticator.js';
import { type Caller, MACHINE, type Peer } from './caller.js';
import { RateLimit } from './rate-limit.js';
import type { Scope } from './scope.js';
import { WatchedFiles } from './watched-file.js';

/** What a call needs: a scope, any accepted caller, or nothing at all. */
export type Need = Scope | 'any' | 'nothing';

/** Decides who may make a call. */
export interface AccessControl {
  /** Whether callers must say who they are. */
  readonly authenticates: boolean;
  /** The caller, where it may make a call that needs this. Throws `unauthenticated` or `permission_denied`. */
  authenticate(need: Need, authorization: string | undefined, peer: Peer): Caller | Promise<Caller>;
  /** The same, and counts the call. Throws `limit_exceeded`, too. */
  admit(need: Need, authorization: string | undefined, peer: Peer): Caller | Promise<Caller>;
  /** Why the access file as it is now is not what holds; undefined when it is. */
  fault(): string | undefined;
  close(): void;
}

/** Everyone who can reach the server may do everything: for this machine alone. */
export const OPEN_ACCESS: AccessControl = {
  authenticates: false,
  authenticate: () => MACHINE,
  admit: () => MACHINE,
  fault: () => undefined,
  close: () => {},
};

/** Access by a file, which is read again when it changes. A changed file that is wrong leaves the last good one active. */
export class FileAccess implements AccessControl {
  readonly authenticates = true;
  readonly #rates: RateLimit;
  #authenticator!: Authenticator;
  #files!: WatchedFiles;
  #fault: string | undefined;

  private constructor(clock: Clock) {
    this.#rates = new RateLimit(clock);
  }

  /** Throws `not_found` or `invalid_file`. */
  static async open(path: string, clock: Clock, log: Logger): Promise<FileAccess> {
    const access = new FileAccess(clock);
    try {
      access.#files = await WatchedFiles.open(
        [path],
        async ([bytes]) => {
          const file = parseAccessFile(path, bytes!.toString('utf8'));
          access.#authenticator = await Authenticator.open(file, path, clock);
          access.#fault = undefined;
          log.info(
            { tokens: file.tokens.length, certificates: file.certificates.length },
            'Access file read: it holds from now on',
          );
        },
        (thrown) => {
          access.#fault = `The access file ${path} can't be used; the last good one holds: ${PerennialError.from(thrown).message}`;
          log.error({ error: PerennialError.from(thrown) }, 'The changed access file is refused');
        },
      );
    } catch (thrown) {
      throw unreadable(path, thrown);
    }
    return access;
  }

  authenticate(need: Need, authorization: string | undefined, peer: Peer): Caller | Promise<Caller> {
    if (need === 'nothing') return MACHINE;
    const caller = this.#authenticator.caller(authorization, peer);
    return caller instanceof Promise ? caller.then((known) => allowed(need, known)) : allowed(need, caller);
  }

  admit(need: Need, authorization: string | undefined, peer: Peer): Caller | Promise<Caller> {
    if (need === 'nothing') return MACHINE;
    const caller = this.#authenticator.caller(authorization, peer);
    return caller instanceof Promise
      ? caller.then((known) => this.#counted(need, known))
      : this.#counted(need, caller);
  }

  fault(): string | undefined {
    return this.#fault;
  }

  /** Reads the file now, rather than at its next turn. */
  async look(): Promise<void> {
    await this.#files.look();
  }

  close(): void {
    this.#files.close();
  }

  /** A call that is refused for its scope counts, too. */
  #counted(need: Scope | 'any', caller: Caller): Caller {
    this.#rates.count(caller);
    return allowed(need, caller);
  }
}

function allowed(need: Scope | 'any', caller: Caller): Caller {
  if (need === 'any' || caller.scopes.has(need)) return caller;
  throw new PerennialError(
    'permission_denied',
    `${caller.name} may not do this: it needs the scope ${need}.`,
    {
      reason: 'SCOPE_MISSING',
      subject: { type: 'scope', name: need },
      hint: 'Ask those who run the server to give it to your token.',
    },
  );
}

function unreadable(path: string, thrown: unknown): PerennialError {
  if (thrown instanceof PerennialError) return thrown;
  return new PerennialError('not_found', `The access file ${path} can't be read.`, {
    hint: 'PERENNIAL_ACCESS names it; `perennial token` shows what is in it.',
    cause: thrown,
  });
}
