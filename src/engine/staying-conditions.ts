import { LRUCache } from 'lru-cache';
import type { Batch } from '../columns/batch.js';
import type { Decision } from '../decisions/decision.js';
import type { ConditionState } from '../decisions/settle.js';
import type { Evaluation } from '../rules/evaluation.js';
import { loadRuleSet } from '../rules/load.js';
import type { Plan } from '../rules/plan.js';
import type { RuleSet } from '../rules/rule-set.js';
import { compileStaying } from '../rules/staying.js';
import { readRevision } from '../store/revisions.js';
import type { Store } from '../store/store.js';

/** Revisions of which the conditions are kept compiled between pages. */
const REVISIONS = 64;

/** What the condition of a decision comes to in a row. */
export type StateOf = (decision: Decision, facts: Batch, row: number) => ConditionState;

/**
 * Whether the conditions that opened a decision still hold, by the rule that opened it at its revision: the files of each
 * revision are in the store. Editing or removing a rule changes nothing for what is open.
 */
export class StayingConditions {
  readonly #store: Store;
  /** One without rules stands for a revision that can't be read or compiled any more. */
  readonly #plans = new LRUCache<string, StayingPlan>({ max: REVISIONS });
  readonly #evaluations = new WeakMap<Batch, Map<string, Evaluation>>();
  #current: RuleSet;

  constructor(store: Store, current: RuleSet) {
    this.#store = store;
    this.#current = current;
  }

  /** The set that is active: it need not be read from the store, and its facts are those of the batches. */
  use(current: RuleSet): void {
    this.#current = current;
    this.#plans.clear();
  }

  /**
   * Reads and compiles the revisions that these decisions were opened under. However many they are, and whatever set is activated
   * meanwhile, the result answers for all of these decisions.
   */
  async prepare(decisions: Iterable<Decision>): Promise<StateOf> {
    const plans = new Map<string, StayingPlan>();
    for (const revision of new Set([...decisions].map(({ rulesRevision }) => rulesRevision)))
      plans.set(revision, await this.#planOf(revision));
    return (decision, facts, row) => {
      const staying = plans.get(decision.rulesRevision);
      const rule = staying?.places.get(decision.rule);
      if (staying === undefined || rule === undefined) return 'unknown';
      return this.#evaluate(staying.plan!, facts).hasFired(rule, row) ? 'holds' : 'false';
    };
  }

  async #planOf(revision: string): Promise<StayingPlan> {
    const known = this.#plans.get(revision);
    if (known !== undefined) return known;
    const current = this.#current;
    const plan = await this.#compile(revision, current);
    // Another set may have become active meanwhile, with other facts.
    if (current === this.#current) this.#plans.set(revision, plan);
    return plan;
  }

  async #compile(revision: string, current: RuleSet): Promise<StayingPlan> {
    if (revision === current.revision) return stayingPlan(current);
    const stored = await readRevision(this.#store, 'rules', revision);
    if (stored === undefined) return NOTHING;
    // A rule that names a feature that is gone can't be evaluated: nothing is concluded from it.
    const { set } = loadRuleSet(new Map(Object.entries(stored.files)), {
      facts: [...current.facts.values()],
    });
    return set === undefined ? NOTHING : stayingPlan(set);
  }

  #evaluate(plan: Plan, facts: Batch): Evaluation {
    let evaluations = this.#evaluations.get(facts);
    if (evaluations === undefined) {
      evaluations = new Map();
      this.#evaluations.set(facts, evaluations);
    }
    const { revision } = plan.set;
    let evaluation = evaluations.get(revision);
    if (evaluation === undefined) {
      evaluation = plan.evaluate(facts);
      evaluations.set(revision, evaluation);
    }
    return evaluation;
  }
}

const NOTHING: StayingPlan = { plan: undefined, places: new Map() };

interface StayingPlan {
  readonly plan: Plan | undefined;
  /** Rule to its place in the plan. */
  readonly places: ReadonlyMap<string, number>;
}

function stayingPlan(set: RuleSet): StayingPlan {
  const plan = compileStaying(set);
  return { plan, places: new Map(plan.set.rules.map(({ name }, place) => [name, place])) };
}
