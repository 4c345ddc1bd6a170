import type { Batch } from '../columns/batch.js';
import type { Column } from '../columns/column.js';
import type { Fact } from '../columns/fact.js';
import type { Expression } from './expression.js';
import { type Kernel, kernelOf } from './leaf-kernel.js';
import { NumberComparisons } from './number-comparisons.js';

/**
 * Some expressions as a straight list of steps. Each expression has a register: a row of bits, one for each row of the
 * batch. A step fills one register from columns or from registers filled before it.
 */
export interface Program {
  /** Facts whose columns it reads, sorted. */
  readonly facts: readonly string[];
  /** Register of each expression by its id; -1: not part of this program. */
  readonly slots: Int32Array;
  /** Fills all registers; bits past the batch's length are garbage. */
  run(batch: Batch): Uint32Array;
}

export function programOf(roots: Iterable<Expression>, facts: ReadonlyMap<string, Fact>): Program {
  const all = inOrder(roots);
  const names = [...new Set(all.flatMap(factsNamed))].sort();
  const columnOf = new Map(names.map((name, i) => [name, i]));
  const numbers = new NumberComparisons(all, columnOf, facts);
  // What compares numbers comes first: it needs nothing else, and one row runs it in a loop of its own.
  const order = [...numbers.leaves, ...all.filter((e) => !numbers.leaves.has(e))];
  const slots = new Int32Array(1 + order.reduce((most, { id }) => Math.max(most, id), 0)).fill(-1);
  order.forEach(({ id }, slot) => {
    slots[id] = slot;
  });
  const first = numbers.leaves.size;
  const steps = order.slice(first).map((e) => stepOf(e, slots, columnOf, facts));
  return {
    facts: names,
    slots,
    run(batch) {
      const columns = names.map((name) => batch.column(name));
      const words = wordsOf(batch.length);
      const registers = new Uint32Array(order.length * words);
      numbers.run(columns, registers, words, batch.length);
      for (let i = 0; i < steps.length; i++)
        runStep(steps[i]!, (first + i) * words, columns, registers, words);
      return registers;
    },
  };
}

/** 32-bit words for so many rows. */
export function wordsOf(rows: number): number {
  return (rows + 31) >>> 5;
}

/** Every expression once, parts before what they are parts of. */
function inOrder(roots: Iterable<Expression>): Expression[] {
  const seen = new Set<Expression>();
  const visit = (e: Expression): void => {
    if (seen.has(e)) return;
    if (e.kind === 'not') visit(e.part);
    else if (e.kind === 'all' || e.kind === 'any') for (const part of e.parts) visit(part);
    seen.add(e);
  };
  for (const root of roots) visit(root);
  return [...seen];
}

function factsNamed(expression: Expression): string[] {
  if (expression.kind !== 'leaf') return [];
  const { comparison, otherFact } = expression;
  return otherFact === null ? [comparison.fact] : [comparison.fact, otherFact];
}

/** What a step does. Steps are plain data of one shape, so that running them costs no calls through closures. */
interface Step {
  readonly kind: 'constant' | 'leaf' | 'not' | 'all' | 'any';
  /** Of a constant: all bits or none. */
  readonly word: number;
  /** Of a leaf: its columns, and what compares them. */
  readonly left: number;
  readonly right: number;
  readonly kernel: Kernel;
  /** Of the others: registers of the parts. */
  readonly parts: Int32Array;
}

/** Always the same keys in the same order: the JIT then reads every step alike, a third faster than otherwise. */
function step(kind: Step['kind'], of: Partial<Step>): Step {
  return {
    kind,
    word: of.word ?? 0,
    left: of.left ?? 0,
    right: of.right ?? 0,
    kernel: of.kernel ?? (() => undefined),
    parts: of.parts ?? new Int32Array(0),
  };
}

function stepOf(
  expression: Expression,
  slots: Int32Array,
  columnOf: ReadonlyMap<string, number>,
  facts: ReadonlyMap<string, Fact>,
): Step {
  const { kind } = expression;
  switch (kind) {
    case 'constant':
      return step(kind, { word: expression.value ? 0xffffffff : 0 });
    case 'leaf': {
      const { fact } = expression.comparison;
      const left = columnOf.get(fact)!;
      const right = expression.otherFact === null ? left : columnOf.get(expression.otherFact)!;
      return step(kind, { left, right, kernel: kernelOf(expression, facts.get(fact)!.kind) });
    }
    case 'not':
      return step(kind, { parts: Int32Array.of(slots[expression.part.id]!) });
    default:
      return step(kind, { parts: Int32Array.from(expression.parts, (part) => slots[part.id]!) });
  }
}

function runStep(
  todo: Step,
  to: number,
  columns: readonly Column[],
  registers: Uint32Array,
  words: number,
): void {
  const { parts } = todo;
  switch (todo.kind) {
    case 'leaf':
      todo.kernel(columns[todo.left]!, columns[todo.right]!, registers, to);
      break;
    case 'all':
      for (let w = 0; w < words; w++) {
        let word = 0xffffffff;
        for (let p = 0; p < parts.length; p++) word &= registers[parts[p]! * words + w]!;
        registers[to + w] = word;
      }
      break;
    case 'any':
      for (let w = 0; w < words; w++) {
        let word = 0;
        for (let p = 0; p < parts.length; p++) word |= registers[parts[p]! * words + w]!;
        registers[to + w] = word;
      }
      break;
    case 'not': {
      const from = parts[0]! * words;
      for (let w = 0; w < words; w++) registers[to + w] = ~registers[from + w]!;
      break;
    }
    case 'constant':
      registers.fill(todo.word, to, to + words);
      break;
  }
}
