import { dirname } from 'node:path';
import { pino } from 'pino';
import type { Caller, Peer } from '../access/caller.js';
import { PerennialError } from '../core/errors.js';
import { makeFolder } from '../core/make-folder.js';
import type { Logger } from '../telemetry/log.js';

/** A call that changed something, or showed what is personal. */
export interface AuditEntry {
  readonly kind: 'write' | 'personal';
  readonly method: string;
  readonly caller: Caller;
  readonly peer: Peer;
  /** Why, as the caller says in the metadata `x-perennial-reason`. */
  readonly reason: string;
  /** Accounts, subscriptions or decisions that the call is about. */
  readonly subjects: readonly string[];
  readonly requestId: string;
  /** "OK", or the name of the code it failed with. */
  readonly status: string;
}

/** Subjects of one line: a batch has thousands, and its request id leads to them. */
const SUBJECTS = 100;

/** Who did or saw what, and why: a line each. */
export class AuditLog {
  readonly #log: Logger;

  /** @param path File that lines are appended to. Empty: the process's own log. */
  constructor(log: Logger, path: string) {
    this.#log = path === '' ? log.child({ audit: true }) : toFile(path);
  }

  record({ kind, method, caller, peer, reason, subjects, requestId, status }: AuditEntry): void {
    this.#log.info(
      {
        kind,
        method,
        caller: caller.name,
        by: caller.by,
        address: peer.address,
        reason,
        subjects: subjects.slice(0, SUBJECTS),
        ...(subjects.length > SUBJECTS ? { moreSubjects: subjects.length - SUBJECTS } : {}),
        requestId,
        status,
      },
      'audit',
    );
  }
}

function toFile(path: string): Logger {
  try {
    makeFolder(dirname(path));
    return pino(
      {
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      pino.destination({ dest: path, append: true, sync: true, mode: 0o600 }),
    );
  } catch (thrown) {
    throw new PerennialError('failed_precondition', `The audit log ${path} can't be written.`, {
      hint: 'PERENNIAL_AUDIT_LOG names a file that this process may write.',
      cause: thrown,
    });
  }
}
