import { watch } from 'chokidar';
import { PerennialError } from '../core/errors.js';
import { revisionOf } from '../core/identity.js';
import { readTextFiles } from '../core/text-files.js';
import { loadRuleSet, type RuleCatalogue } from './load.js';
import type { Plan } from './plan.js';
import { ruleSetFiles } from './rule-folder.js';
import { type Refusal, refusalError, verifiedPlan } from './verified-plan.js';

/** Told of every attempt to reload, for logs, metrics and health. */
export interface ReloadListener {
  /** Puts a good set in force before it counts as live. A set for which this fails is refused, and tried again at the next look. */
  activate?(plan: Plan): Promise<void>;
  /** A set went live. `plan` is what every evaluation from now on uses. */
  onActivated?(plan: Plan): void;
  /** What is in the folder can't go live; the last good set stays. */
  onRefused?(refusal: Refusal): void;
}

/** What runs and what does not, for health and `doctor`. */
export interface ReloadStatus {
  readonly revision: string;
  /** Null: what is in the folder is what runs. */
  readonly refusal: Refusal | null;
}

export interface WatchOptions {
  /** Quiet time after the last change: editors and `git checkout` touch many files in a row. @default 150 */
  readonly settleMs?: number;
  /**
   * How often the folder is compared by content, changes announced or not: network file systems and links above the
   * folder announce nothing. Longer than `settleMs`. @default 5000
   */
  readonly pollMs?: number;
}

/**
 * Watches a rules folder and keeps the plan current. States: *live* (the folder's set runs), *refused* (an older set
 * runs, and `status` says why). A change is entered into only after quiet; the whole folder is then read, checked,
 * compiled and verified beside json-rules-engine; only a set that passes everything replaces the plan, in one
 * assignment. Whoever took `plan` before keeps a whole old set, so no evaluation ever sees a mixture.
 *
 * Files that are replaced by renaming, folders that are swapped by a symbolic link (as Kubernetes mounts them), and files
 * that are still being written are all the same case: something changed, wait for quiet, read everything. A half-written
 * file is refused, and its completion is the next change.
 */
export class RuleWatcher {
  readonly #folder: string;
  readonly #catalogue: () => RuleCatalogue;
  readonly #listener: ReloadListener;
  readonly #watcher: ReturnType<typeof watch>;
  #plan: Plan;
  #refusal: Refusal | null = null;
  #timer: NodeJS.Timeout | undefined;
  readonly #poll: NodeJS.Timeout;
  readonly #settleMs: number;
  /** Revision of the files at the last attempt, good or not: the same files are not tried twice. */
  #seen: string;
  #reloading: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(
    folder: string,
    catalogue: () => RuleCatalogue,
    plan: Plan,
    listener: ReloadListener,
    options: WatchOptions,
  ) {
    this.#folder = folder;
    this.#catalogue = catalogue;
    this.#plan = plan;
    this.#listener = listener;
    this.#seen = plan.set.revision;
    this.#settleMs = options.settleMs ?? 150;
    // Like any other change: never in the middle of a write, of which events tell.
    this.#poll = setInterval(() => this.#changed(), options.pollMs ?? 5_000).unref();
    this.#watcher = watch(folder, {
      ignoreInitial: true,
      followSymlinks: true,
      // Editors write hidden and backup files beside; Kubernetes swaps the hidden link ..data, which must be seen.
      ignored: (path) => /(~|\.swp|\.tmp)$/.test(path),
    });
    this.#watcher.on('all', () => this.#changed());
    this.#watcher.on('error', (error) => {
      this.#refuse({
        reason: `The folder can't be watched: ${String(error)}`,
        problems: [],
        differences: [],
      });
    });
  }

  /** Reads the folder, which has to hold a good set, and starts to watch it. Throws `invalid_file` with every problem. */
  static async start(
    folder: string,
    catalogue: () => RuleCatalogue,
    listener: ReloadListener = {},
    options: WatchOptions = {},
  ): Promise<RuleWatcher> {
    const read = await verifiedPlan(loadRuleSet(readTextFiles(folder), catalogue()));
    if ('reason' in read) throw refusalError(read, folder);
    const watcher = new RuleWatcher(folder, catalogue, read, listener, options);
    await new Promise<void>((resolve) => watcher.#watcher.once('ready', resolve));
    return watcher;
  }

  /** The plan that runs. Take it once for each piece of work. */
  get plan(): Plan {
    return this.#plan;
  }

  get status(): ReloadStatus {
    return { revision: this.#plan.set.revision, refusal: this.#refusal };
  }

  /**
   * Looks at the folder now. `again`: also when its files are the same as at the last attempt, because the facts they are
   * checked against have changed. Resolves when they are live or refused; never rejects.
   */
  reload(again = false): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload(again));
    return this.#reloading;
  }

  /** Stops watching. The plan stays usable. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#poll);
    await this.#watcher.close();
    await this.#reloading;
  }

  #changed(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.reload(), this.#settleMs);
  }

  async #reload(again: boolean): Promise<void> {
    if (this.#closed) return;
    try {
      const files = ruleSetFiles(readTextFiles(this.#folder));
      const revision = revisionOf(files);
      if (revision === this.#seen && !again) return;
      this.#seen = revision;
      if (files.size === 0) {
        // In the middle of a swap a folder can be empty; nobody means to run without any rules.
        this.#refuse({ reason: 'The folder holds no rule files', problems: [], differences: [] });
        return;
      }
      const read = await verifiedPlan(loadRuleSet(files, this.#catalogue()));
      if ('reason' in read) this.#refuse(read);
      else await this.#activate(read);
    } catch (thrown) {
      this.#tryAgain(`The folder can't be read: ${PerennialError.from(thrown).message}`);
    }
  }

  async #activate(plan: Plan): Promise<void> {
    try {
      await this.#listener.activate?.(plan);
    } catch (thrown) {
      this.#tryAgain(`The set can't be put in force: ${PerennialError.from(thrown).message}`);
      return;
    }
    this.#plan = plan;
    this.#refusal = null;
    this.#listener.onActivated?.(plan);
  }

  /** Refuses for a reason that lies outside the files and may pass; said once. */
  #tryAgain(reason: string): void {
    if (this.#refusal?.reason !== reason) this.#refuse({ reason, problems: [], differences: [] });
    this.#seen = '';
  }

  #refuse(refusal: Refusal): void {
    this.#refusal = refusal;
    this.#listener.onRefused?.(refusal);
  }
}
