import { chunksOf } from '../core/chunks.js';
import type { StoredRisk } from '../store/risk-state.js';

/** Subscriptions that one query asks for. */
const AT_ONCE = 1_000;

interface Waiting {
  readonly subscriptionId: string;
  resolve(risk: StoredRisk | undefined): void;
  reject(reason: unknown): void;
}

/** Reads latest risks, those that are asked for in one turn of the event loop by one query. */
export class RiskReader {
  readonly #readMany: (subscriptionIds: readonly string[]) => Promise<readonly StoredRisk[]>;
  #waiting: Waiting[] = [];

  /** @param readMany Those that are not there are not in its answer. */
  constructor(readMany: (subscriptionIds: readonly string[]) => Promise<readonly StoredRisk[]>) {
    this.#readMany = readMany;
  }

  /** Undefined when the subscription was never scored. */
  read(subscriptionId: string): Promise<StoredRisk | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#ask());
      this.#waiting.push({ subscriptionId, resolve, reject });
    });
  }

  #ask(): void {
    const all = this.#waiting;
    this.#waiting = [];
    for (const some of chunksOf(all, AT_ONCE)) void this.#askFor(some);
  }

  async #askFor(waiting: readonly Waiting[]): Promise<void> {
    try {
      const risks = await this.#readMany([...new Set(waiting.map(({ subscriptionId }) => subscriptionId))]);
      const found = new Map(risks.map((risk) => [risk.subscriptionId, risk]));
      for (const { subscriptionId, resolve } of waiting) resolve(found.get(subscriptionId));
    } catch (thrown) {
      for (const { reject } of waiting) reject(thrown);
    }
  }
}
