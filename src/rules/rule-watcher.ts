import { PerennialError } from '../core/errors.js';
import { type FolderListing, listFolder, readListed } from '../core/text-files.js';
import { cutFiles, liveNamesOf, lossesOf } from './admission.js';
import { loadRuleSet, type RuleCatalogue } from './load.js';
import type { Plan } from './plan.js';
import { type Refusal, refusal } from './refusal.js';
import { unreadFiles } from './rule-folder.js';
import { verifiedPlan } from './verified-plan.js';

/** Called at every turn, for logs, metrics and health. */
export interface ReloadListener {
  /** Makes a good set the one that decides, before it counts as live. A set for which this fails is refused, and tried again at the next look. */
  activate?(plan: Plan): Promise<void>;
  /** A set went live: every evaluation from now on uses `plan`. `before`: the one it replaces. */
  onActivated?(plan: Plan, before: Plan, unread: readonly string[]): void;
  /** A set in which nothing is wrong lacks something that the live one has; it goes live when nothing changes until then. */
  onHeld?(held: Held): void;
  /** What is in the folder can't go live; the last good set stays. */
  onRefused?(refusal: Refusal): void;
}

/** A set that waits because it has lost something. */
export interface Held {
  readonly revision: string;
  /** `rule x`, `guardrail y`, `the end of z.yaml`. */
  readonly losses: readonly string[];
  /** How long it has to stand still in all. */
  readonly holdMs: number;
}

/** What runs and what does not, for health and `doctor`. */
export interface ReloadStatus {
  readonly revision: string;
  /** Null: what is in the folder is what runs, or waits. */
  readonly refusal: Refusal | null;
  readonly held: Held | null;
}

export interface WatchOptions {
  /** The folder is looked at once in this time, and counts when two looks in a row found the same sizes and times. @default 1000 */
  readonly settleMs?: number;
  /** How long a set that has lost rules or guardrails has to stand still before it goes live. @default 30000 */
  readonly holdMs?: number;
}

/** What a watcher starts from. */
export interface WatchStart {
  readonly folder: string;
  readonly catalogue: () => RuleCatalogue;
  /** What runs now. */
  readonly plan: Plan;
  /** Why that is not what the folder holds; null: it is. */
  readonly refusal: Refusal | null;
  /** State of the folder when that was found. */
  readonly stamp: string;
}

/**
 * Watches a rules folder and keeps the plan current.
 *
 *     live ──changed──> settling ──the same twice──> read, checked, compiled, verified
 *      ^                   ^                             │            │            │
 *      │                   └────────changed──────────────┤            │            │
 *      ├── nothing lost ─────────────────────────────────┘            │            │
 *      ├── stood still for holdMs ── held <── lost rules or guardrails┘            │
 *      └── the older set goes on ── refused <── anything wrong ────────────────────┘
 *
 * Changes are found by looking, not by events: network file systems, and links above the folder, announce nothing. A file that
 * is being written changes between two looks; one that was left half written for longer lacks rules, and waits. Only a set that
 * passes everything replaces the plan, in one assignment: a caller that took `plan` before keeps a whole old set.
 */
export class RuleWatcher {
  readonly #start: WatchStart;
  readonly #listener: ReloadListener;
  readonly #settleMs: number;
  readonly #holdMs: number;
  readonly #timer: NodeJS.Timeout;
  #plan: Plan;
  #refusal: Refusal | null;
  #waiting: Waiting | null = null;
  /** State of the folder at the last look, and at the last one that was judged; null: it is to be judged. */
  #looked = '';
  #judged: string | null;
  #looks: Promise<void> = Promise.resolve();
  #busy = false;
  #closed = false;

  constructor(start: WatchStart, listener: ReloadListener = {}, options: WatchOptions = {}) {
    this.#start = start;
    this.#listener = listener;
    this.#plan = start.plan;
    this.#refusal = start.refusal;
    this.#judged = start.refusal === null ? null : start.stamp;
    this.#settleMs = options.settleMs ?? 1_000;
    this.#holdMs = options.holdMs ?? 30_000;
    this.#timer = setInterval(() => {
      if (!this.#busy) void this.look();
    }, this.#settleMs).unref();
  }

  /** The plan that runs. Take it once for each piece of work. */
  get plan(): Plan {
    return this.#plan;
  }

  get status(): ReloadStatus {
    return {
      revision: this.#plan.set.revision,
      refusal: this.#refusal,
      held: this.#waiting?.held ?? null,
    };
  }

  /** Looks at the folder as the timer does, one look after another. Never rejects. */
  look(): Promise<void> {
    this.#looks = this.#looks.then(() => this.#look());
    return this.#looks;
  }

  /** Stops watching. The plan stays usable. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#looks;
  }

  async #look(): Promise<void> {
    if (this.#closed) return;
    this.#busy = true;
    try {
      const listing = listFolder(this.#start.folder);
      const still = listing.stamp === this.#looked;
      this.#looked = listing.stamp;
      if (!still) this.#waiting = null;
      else if (listing.stamp !== this.#judged) await this.#judge(listing);
      else if (this.#waiting !== null) await this.#wait(this.#waiting);
    } catch (thrown) {
      this.#judged = null;
      this.#refuseOnce(`The folder can't be read: ${PerennialError.from(thrown).message}`);
    } finally {
      this.#busy = false;
    }
  }

  async #judge(listing: FolderListing): Promise<void> {
    const files = readListed(listing);
    if (files === undefined) return;
    this.#judged = listing.stamp;
    const loaded = loadRuleSet(files, this.#start.catalogue());
    const same = loaded.set?.revision === this.#plan.set.revision;
    if (same && this.#refusal === null) return;
    const live = liveNamesOf(this.#plan.set);
    const read = await verifiedPlan(loaded, live);
    if ('reason' in read) {
      this.#refuse(read);
      return;
    }
    const losses = [...lossesOf(read.set, live), ...cutFiles(read.set.files, this.#plan.set.files)];
    const held = losses.length === 0 ? null : { revision: read.set.revision, losses, holdMs: this.#holdMs };
    this.#waiting = { plan: read, unread: unreadFiles(listing), held, leftMs: held?.holdMs ?? 0 };
    if (held === null) await this.#activate(this.#waiting);
    else {
      this.#refusal = null;
      this.#listener.onHeld?.(held);
    }
  }

  async #wait(waiting: Waiting): Promise<void> {
    waiting.leftMs -= this.#settleMs;
    if (waiting.leftMs <= 0) await this.#activate(waiting);
  }

  async #activate(waiting: Waiting): Promise<void> {
    const { plan, unread } = waiting;
    try {
      await this.#listener.activate?.(plan);
    } catch (thrown) {
      // It stays good, and the next look tries again.
      this.#waiting = { ...waiting, held: null };
      this.#refuseOnce(`The set can't be activated: ${PerennialError.from(thrown).message}`);
      return;
    }
    const before = this.#plan;
    this.#plan = plan;
    this.#refusal = null;
    this.#waiting = null;
    this.#listener.onActivated?.(plan, before, unread);
  }

  /** Refuses for a reason that lies outside the files and may pass. */
  #refuseOnce(reason: string): void {
    if (this.#refusal?.reason === reason) return;
    this.#refusal = refusal(reason);
    this.#listener.onRefused?.(this.#refusal);
  }

  #refuse(refused: Refusal): void {
    this.#waiting = null;
    this.#refusal = refused;
    this.#listener.onRefused?.(refused);
  }
}

/** A set that is good and not live yet. */
interface Waiting {
  readonly plan: Plan;
  readonly unread: readonly string[];
  /** Null: it waits for nothing but its activation. */
  readonly held: Held | null;
  leftMs: number;
}
