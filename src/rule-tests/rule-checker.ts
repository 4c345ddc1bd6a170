import { Worker } from 'node:worker_threads';
import { Mutex } from 'async-mutex';
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
  readonly #turns = new Mutex();
  #thread: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;

  /** Throws `cancelled` once the signal aborts, and `limit_exceeded` for a set that takes too long or too much memory. */
  check(task: CheckTask, signal: AbortSignal): Promise<CheckedSet> {
    return this.#turns.runExclusive(() => {
      signal.throwIfAborted();
      return this.#run(task, signal);
    });
  }

  #run(task: CheckTask, signal: AbortSignal): Promise<CheckedSet> {
    clearTimeout(this.#idle);
    this.#thread ??= new Worker(threadFile('check-thread', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    const thread = this.#thread;
    // It keeps no process alive.
    thread.unref();
    return new Promise<CheckedSet>((resolve, reject) => {
      const over = () => {
        clearTimeout(late);
        signal.removeEventListener('abort', onAbort);
        thread.off('message', onChecked).off('error', onError);
        this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref();
      };
      const failed = (reason: unknown) => {
        over();
        // What it was at can't be stopped in any other way.
        this.#end();
        reject(reason);
      };
      const onChecked = (checked: CheckedSet) => {
        over();
        resolve(checked);
      };
      const onError = (thrown: NodeJS.ErrnoException) =>
        failed(thrown.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooLarge() : thrown);
      const onAbort = () => failed(signal.reason);
      const late = setTimeout(() => failed(tooLarge()), LIMITS.checkRulesMs);
      signal.addEventListener('abort', onAbort, { once: true });
      thread.on('message', onChecked).on('error', onError).postMessage(task);
    });
  }

  #end(): void {
    const thread = this.#thread;
    this.#thread = undefined;
    // An error of a thread that nobody waits for any more concerns nobody.
    thread?.on('error', () => {});
    void thread?.terminate();
  }
}

function tooLarge(): PerennialError {
  return new PerennialError('limit_exceeded', 'The rule set is too large to be checked here.', {
    reason: 'RULES_TOO_LARGE',
    hint: '`perennial rules check` checks files of any size, on the machine that has them.',
  });
}
