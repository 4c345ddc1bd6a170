import { setTimeout as pause } from 'node:timers/promises';
import type { Clock, Millis } from '../core/clock.js';
import { Doorway } from '../core/doorway.js';
import { PerennialError } from '../core/errors.js';
import type { Logger } from '../telemetry/log.js';

/** Where changes are read from. */
export interface ChangeSource<T> {
  /** Changes stored at this time or later, the earliest first; as many as `limit` from a place on. */
  read(from: Millis, limit: number, offset: number): Promise<readonly T[]>;
  /** When a change was stored. */
  at(change: T): Millis;
  /** Identity: a change that is read twice is one. */
  key(change: T): string;
  /** Whether it differs from the one before it of the same thing; asked once of each, in their order. @default always */
  differs?(change: T): boolean;
}

/** Changes, and where to go on after them. Without changes: nothing happened, and the feed is alive. */
export interface Changes<T> {
  readonly changes: readonly T[];
  readonly cursor: Millis;
}

export interface ChangeFeedOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** How often the store is looked at while anyone watches. @default 500 */
  readonly lookMs?: number;
  /** How long nothing has to happen until a watcher hears that. @default 20000 */
  readonly quietMs?: number;
}

/** Rows get their time before they can be read: so much is read again, so that a slow writer's are not passed by. */
const OVERLAP_MS = 30_000;
const PAGE = 2_000;
/** Changes that wait for one watcher. One that reads more slowly goes on later, by its cursor. */
const MOST_WAITING = 20_000;

/**
 * Changes as they are stored, for any number of watchers: one look at the store serves them all, and none is made while nobody watches. It looks at
 * the store, and not at this process's own work, so that it shows what other processes store, too. Each change comes at least once.
 */
export class ChangeFeed<T> {
  readonly #source: ChangeSource<T>;
  readonly #options: ChangeFeedOptions;
  readonly #watchers = new Set<Watcher<T>>();
  /** A thousand watchers hear of one change; what each makes of it must not hold up what others ask. */
  readonly #doorway = new Doorway();
  /** Keys of what was read within the overlap, with their times. */
  readonly #seen = new Map<string, Millis>();
  #cursor: Millis = 0;
  #looking = false;
  /** While the first watchers wait for it. */
  #beginning: Promise<void> | undefined;

  constructor(source: ChangeSource<T>, options: ChangeFeedOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** @param from Cursor of the last changes that were received. Undefined: what is stored from now on. */
  async *watch(from: Millis | undefined, signal: AbortSignal): AsyncGenerator<Changes<T>> {
    const watcher = new Watcher<T>(signal);
    // One beginning serves all who come before it is over: a thousand may, after a restart.
    if (this.#watchers.size === 0) {
      this.#beginning ??= this.#begin();
      await this.#beginning;
    }
    // In before the past is read, so that nothing falls between the two.
    this.#watchers.add(watcher);
    try {
      let cursor = this.#cursor;
      await this.#doorway.pass();
      yield { changes: [], cursor };
      if (from !== undefined)
        for await (const changes of this.#since(from, signal)) yield { changes, cursor: from };
      void this.#look();
      for (;;) {
        const changes = await watcher.next(this.#options.quietMs ?? 20_000);
        await this.#doorway.pass();
        for (const change of changes) cursor = Math.max(cursor, this.#source.at(change));
        yield { changes, cursor };
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  /** What is stored already is not news. */
  async #begin(): Promise<void> {
    try {
      this.#cursor = this.#options.clock();
      this.#seen.clear();
      for await (const page of this.#pages(this.#cursor - OVERLAP_MS))
        for (const change of page) this.#isNews(change);
    } finally {
      this.#beginning = undefined;
    }
  }

  async *#since(from: Millis, signal: AbortSignal): AsyncGenerator<readonly T[]> {
    for await (const page of this.#pages(from - OVERLAP_MS)) {
      signal.throwIfAborted();
      yield page;
    }
  }

  async *#pages(from: Millis): AsyncGenerator<readonly T[]> {
    for (let offset = 0; ; offset += PAGE) {
      const page = await this.#source.read(from, PAGE, offset);
      if (page.length > 0) yield page;
      if (page.length < PAGE) return;
    }
  }

  /** Looks while anyone watches. Never rejects: a store that is away is looked at again. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      while (this.#watchers.size > 0) {
        await this.#lookOnce().catch((thrown) =>
          this.#options.log.debug(
            { error: PerennialError.from(thrown).message },
            'changes can not be read now',
          ),
        );
        await pause(this.#options.lookMs ?? 500, undefined, { ref: false });
      }
    } finally {
      this.#looking = false;
    }
  }

  async #lookOnce(): Promise<void> {
    // Where the clock was set back, what is stored now is older than what was stored before.
    const from = Math.min(this.#cursor, this.#options.clock()) - OVERLAP_MS;
    for await (const page of this.#pages(from)) {
      const news = page.filter((change) => this.#isNews(change));
      if (news.length > 0) for (const watcher of this.#watchers) watcher.push(news);
    }
    for (const [key, at] of this.#seen) if (at < from) this.#seen.delete(key);
  }

  #isNews(change: T): boolean {
    const key = this.#source.key(change);
    const at = this.#source.at(change);
    if (this.#seen.has(key)) return false;
    this.#seen.set(key, at);
    this.#cursor = Math.max(this.#cursor, at);
    return this.#source.differs?.(change) ?? true;
  }
}

/** One who watches, and what waits for it. */
class Watcher<T> {
  readonly #signal: AbortSignal;
  #waiting: T[] = [];
  #slow = false;
  #wake: () => void = () => {};

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  push(changes: readonly T[]): void {
    if (this.#waiting.length + changes.length > MOST_WAITING) {
      this.#slow = true;
      this.#waiting = [];
    } else for (const change of changes) this.#waiting.push(change);
    this.#wake();
  }

  /** What has come; empty when nothing did for so long. */
  async next(quietMs: number): Promise<readonly T[]> {
    if (this.#waiting.length === 0 && !this.#slow && !this.#signal.aborted)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, quietMs);
        timer.unref();
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    this.#signal.throwIfAborted();
    if (this.#slow)
      throw new PerennialError('limit_exceeded', `More than ${MOST_WAITING} changes wait to be read.`, {
        reason: 'READER_SLOW',
        retryable: true,
        retryAfterMs: 0,
        hint: 'Watch again, with the last resume_token.',
      });
    const changes = this.#waiting;
    this.#waiting = [];
    return changes;
  }
}
