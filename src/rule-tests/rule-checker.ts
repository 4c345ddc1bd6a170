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
  readonly #threads = new Piscina({
    filename: threadFile('check-thread', import.meta.url),
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_MS,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });

  /** Throws `cancelled` once the signal aborts, and `limit_exceeded` for a set that takes too long or too much memory. */
  async check(task: CheckTask, signal: AbortSignal): Promise<CheckedSet> {
    const late = AbortSignal.timeout(LIMITS.checkRulesMs);
    try {
      return await this.#threads.run(task, { signal: AbortSignal.any([signal, late]) });
    } catch (thrown) {
      signal.throwIfAborted();
      const outOfMemory = (thrown as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
      throw late.aborted || outOfMemory ? tooLarge() : thrown;
    }
  }
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
