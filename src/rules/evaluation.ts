import { Bitset } from '../columns/bitset.js';
import type { Expression } from './expression.js';
import { wordsOf } from './program.js';
import type { Guardrail, Rule, RuleSet } from './rule-set.js';

/** What a plan found for a batch. Everything is computed; asking is cheap. */
export class Evaluation {
  /** Rows of the batch. */
  readonly length: number;
  readonly #set: RuleSet;
  readonly #rules: readonly Expression[];
  readonly #guardrails: readonly (Expression | null)[];
  readonly #slots: Int32Array;
  readonly #registers: Uint32Array;
  readonly #words: number;

  constructor(
    set: RuleSet,
    rules: readonly Expression[],
    guardrails: readonly (Expression | null)[],
    slots: Int32Array,
    length: number,
    registers: Uint32Array,
  ) {
    this.length = length;
    this.#set = set;
    this.#rules = rules;
    this.#guardrails = guardrails;
    this.#slots = slots;
    this.#registers = registers;
    this.#words = wordsOf(length);
  }

  /** The rows that the rule at this place of `set.rules` (priority order) fires for. */
  fired(rule: number): Bitset {
    return this.bitsOf(this.#rules[rule]!);
  }

  /** Whether that rule fires for that row. */
  hasFired(rule: number, row: number): boolean {
    return this.holds(this.#rules[rule]!, row);
  }

  /** The rules that fire for a row, in priority order. */
  rulesOf(row: number): Rule[] {
    const fired: Rule[] = [];
    for (let i = 0; i < this.#rules.length; i++) if (this.hasFired(i, row)) fired.push(this.#set.rules[i]!);
    return fired;
  }

  /** The guardrails that apply to a row: those without `when`, and those whose `when` holds. In the file's order. */
  guardrailsOf(row: number): Guardrail[] {
    return this.#set.guardrails.filter((_, i) => {
      const when = this.#guardrails[i]!;
      return when === null || this.holds(when, row);
    });
  }

  /** Whether an expression that was evaluated holds for a row. */
  holds(expression: Expression, row: number): boolean {
    const word = this.#registers[this.#slotOf(expression) * this.#words + (row >>> 5)]!;
    return ((word >>> (row & 31)) & 1) === 1;
  }

  /** The rows that an expression that was evaluated holds for. */
  bitsOf(expression: Expression): Bitset {
    const from = this.#slotOf(expression) * this.#words;
    const words = this.#registers.slice(from, from + this.#words);
    const spare = this.length & 31;
    if (spare !== 0) words[words.length - 1]! &= (1 << spare) - 1;
    return new Bitset(this.length, words);
  }

  #slotOf(expression: Expression): number {
    const slot = this.#slots[expression.id] ?? -1;
    if (slot < 0) throw new RangeError('That expression is not part of this evaluation.');
    return slot;
  }
}
