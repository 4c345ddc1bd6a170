import { Batch } from '../columns/batch.js';
import { takeRows } from '../columns/take-rows.js';
import type { Evaluation } from '../rules/evaluation.js';
import { reasonsInWords } from '../rules/explain.js';
import type { Plan } from '../rules/plan.js';
import type { Rule } from '../rules/rule-set.js';

/**
 * What the reasons of decisions are made of: the facts of a slice. Most of what waits for the end of a pass is never opened, so reasons are made
 * late; until then only the rows that wait are kept, and of those only the facts that conditions read. A slice with all of its columns takes a
 * kilobyte a row, and a pass has as many rows as there are subscriptions.
 */
export class ReasonFacts {
  readonly #plan: Plan;
  #facts: Batch;
  /** Where the rows of the slice are in `#facts`; null: each at its own place. */
  #places: ReadonlyMap<number, number> | null = null;
  /** Every condition inside every rule is needed only to say why. */
  #full: Evaluation | undefined;

  constructor(plan: Plan, facts: Batch) {
    this.#plan = plan;
    this.#facts = facts;
  }

  /** Why a rule fired for a row of the slice. */
  of(rule: Rule, row: number): readonly string[] {
    this.#full ??= this.#plan.evaluateFully(this.#facts);
    const place = this.#places === null ? row : this.#places.get(row)!;
    return reasonsInWords(this.#plan, this.#facts, place, this.#full, rule.conditions);
  }

  /** Lets go of everything but these rows. */
  keepOnly(rows: readonly number[]): void {
    const read = this.#plan.factsOfAll.map((name) => [name, this.#facts.column(name)] as const);
    this.#facts = takeRows(new Batch(this.#facts.length, new Map(read)), Int32Array.from(rows));
    this.#places = new Map(rows.map((row, place) => [row, place]));
    this.#full = undefined;
  }
}
