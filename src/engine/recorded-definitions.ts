import type { Clock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../telemetry/log.js';
import type { Definitions } from './definitions.js';
import { publishDefinitions } from './publish-definitions.js';
import { recordDefinitions } from './record-definitions.js';

/** Keeps the files in the store before anything is stored under their revisions, and lets SQL show what is active. */
export class RecordedDefinitions {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Revisions of the definitions that the store shows as active. */
  #shown: string | undefined;

  constructor(store: Store, clock: Clock, log: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  async record(definitions: Definitions): Promise<void> {
    const revisions = `${definitions.scoring.revision} ${definitions.plan.set.revision}`;
    if (this.#shown === revisions) return;
    await recordDefinitions(this.#store, definitions, this.#clock());
    try {
      await publishDefinitions(this.#store, definitions, this.#clock());
    } catch (thrown) {
      // Scoring does not wait for it: it is for people who ask in SQL.
      this.#log.warn(
        { error: PerennialError.from(thrown) },
        'SQL does not show the active definitions yet (features, rates, lineage); tried again with the next pass',
      );
      return;
    }
    this.#shown = revisions;
  }
}
