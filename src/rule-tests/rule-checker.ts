import { Piscina } from 'piscina';
import { PerennialError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { threadFile } from '../core/thread-file.js';
import type { CheckedSet, CheckTask } from './check-thread.js';

/** The thread ends when nothing was checked for so long: it holds some ten megabytes. */
const IDLE_MS = 60_000;
/** Memory of the thread: what a set of the largest size needs, several times. */
const HEAP_MB = 512;

/**
 * Checks rule sets on a thread of its own, one after another: to read megabytes of YAML takes seconds, and on the event loop nobody
 * else would be answered meanwhile. A check ends with its caller, and after `LIMITS.checkRulesMs`.
 */
export class RuleChecker {
  readonly #file: string;
  #threads: Threads | undefined;

  /** @param file What the thread runs. */
  constructor(file = threadFile('check-thread', import.meta.url)) {
    this.#file = file;
  }

  /**
   * Throws `cancelled` once the signal aborts, `limit_exceeded` for a set that takes too long or too much memory, and `unavailable` where no
   * thread can be had.
   */
  async check(task: CheckTask, signal: AbortSignal): Promise<CheckedSet> {
    const { pool, failed } = this.#begun();
    const late = AbortSignal.timeout(LIMITS.checkRulesMs);
    try {
      return await pool.run(task, { signal: AbortSignal.any([signal, late, failed]) });
    } catch (thrown) {
      signal.throwIfAborted();
      if (failed.aborted) throw noThread(failed.reason);
      const outOfMemory = (thrown as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
      throw late.aborted || outOfMemory ? tooLarge() : thrown;
    }
  }

  #begun(): Threads {
    if (this.#threads !== undefined) return this.#threads;
    const failed = new AbortController();
    const pool = new Piscina({
      filename: this.#file,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: IDLE_MS,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    // A thread that can't begin, or fails between checks, would end the process. What waits for it would wait on, and no other begins.
    pool.on('error', (thrown) => {
      this.#threads = undefined;
      failed.abort(thrown);
      void pool.destroy();
    });
    this.#threads = { pool, failed: failed.signal };
    return this.#threads;
  }
}

interface Threads {
  readonly pool: Piscina;
  readonly failed: AbortSignal;
}

function noThread(cause: unknown): PerennialError {
  return new PerennialError('unavailable', 'The thread that checks rules could not be had.', {
    hint: 'Try again. Where the files of Perennial were replaced under it, start it anew.',
    cause,
  });
}

function tooLarge(): PerennialError {
  return new PerennialError(
    'limit_exceeded',
    'The rule set could not be checked here in time: it is too large, or others are checked before it.',
    {
      reason: 'RULES_TOO_LARGE',
      hint: '`perennial rules check` checks files of any size, on the machine that has them.',
    },
  );
}
