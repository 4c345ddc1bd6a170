import { LRUCache } from 'lru-cache';
import { PerennialError } from '../core/errors.js';
import { loadScoring, type Scoring } from '../scoring/load.js';
import { readRevision } from '../store/revisions.js';
import type { Store } from '../store/store.js';

/** The scoring by which stored risks were computed: the live one, or that of an earlier revision, read back from the store. */
export class ScoringRevisions {
  readonly #store: Store;
  readonly #live: () => Scoring;
  readonly #past = new LRUCache<string, Scoring>({ max: 16 });

  constructor(store: Store, live: () => Scoring) {
    this.#store = store;
    this.#live = live;
  }

  /** The one that is in memory; undefined when it has to be read. */
  known(revision: string): Scoring | undefined {
    const live = this.#live();
    return live.revision === revision ? live : this.#past.get(revision);
  }

  async of(revision: string): Promise<Scoring> {
    const known = this.known(revision);
    if (known !== undefined) return known;
    const record = await readRevision(this.#store, 'scoring', revision);
    const past =
      record === undefined ? undefined : loadScoring(new Map(Object.entries(record.files))).scoring;
    if (past === undefined) {
      throw new PerennialError('internal', `The scoring files of revision ${revision} are not in the store.`);
    }
    this.#past.set(revision, past);
    return past;
  }
}
