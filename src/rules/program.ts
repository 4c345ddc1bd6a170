import type { Batch } from '../columns/batch.js';
import type { Expression } from './expression.js';
import { kernelOf } from './leaf-kernel.js';

/**
 * Some expressions as a straight list of steps. Each expression has a register: a row of bits, one for each row of the
 * batch. A step fills one register from columns or from registers filled before it.
 */
export interface Program {
  readonly roots: ReadonlySet<Expression>;
  /** Register of each expression by its id; -1: not part of this program. */
  readonly slots: Int32Array;
  /** Fills all registers; bits past the batch's length are garbage. */
  run(batch: Batch): Uint32Array;
}

type Step = (registers: Uint32Array, words: number, batch: Batch) => void;

export function programOf(roots: Iterable<Expression>): Program {
  const wanted = new Set(roots);
  const order: Expression[] = [];
  const seen = new Set<Expression>();
  const visit = (e: Expression): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === 'not') visit(e.part);
    else if (e.kind === 'all' || e.kind === 'any') for (const part of e.parts) visit(part);
    order.push(e);
  };
  for (const root of wanted) visit(root);
  const slots = new Int32Array(1 + order.reduce((most, { id }) => Math.max(most, id), 0)).fill(-1);
  order.forEach(({ id }, slot) => {
    slots[id] = slot;
  });
  const steps = order.map((e) => stepOf(e, slots));
  return {
    roots: wanted,
    slots,
    run(batch) {
      const words = wordsOf(batch.length);
      const registers = new Uint32Array(steps.length * words);
      for (let i = 0; i < steps.length; i++) steps[i]!(registers, words, batch);
      return registers;
    },
  };
}

/** 32-bit words for so many rows. */
export function wordsOf(rows: number): number {
  return (rows + 31) >>> 5;
}

function stepOf(expression: Expression, slots: Int32Array): Step {
  const slot = slots[expression.id]!;
  switch (expression.kind) {
    case 'constant': {
      const word = expression.value ? 0xffffffff : 0;
      return (registers, words) => {
        registers.fill(word, slot * words, (slot + 1) * words);
      };
    }
    case 'leaf': {
      const kernel = kernelOf(expression);
      return (registers, words, batch) => kernel(batch, registers, slot * words);
    }
    case 'not': {
      const part = slots[expression.part.id]!;
      return (registers, words) => {
        const to = slot * words;
        const from = part * words;
        for (let w = 0; w < words; w++) registers[to + w] = ~registers[from + w]!;
      };
    }
    case 'all':
      return andOf(slot, partsOf(expression.parts, slots));
    case 'any':
      return orOf(slot, partsOf(expression.parts, slots));
  }
}

function partsOf(parts: readonly Expression[], slots: Int32Array): Int32Array {
  return Int32Array.from(parts, (part) => slots[part.id]!);
}

function andOf(slot: number, parts: Int32Array): Step {
  return (registers, words) => {
    const to = slot * words;
    for (let w = 0; w < words; w++) {
      let word = 0xffffffff;
      for (let p = 0; p < parts.length; p++) word &= registers[parts[p]! * words + w]!;
      registers[to + w] = word;
    }
  };
}

function orOf(slot: number, parts: Int32Array): Step {
  return (registers, words) => {
    const to = slot * words;
    for (let w = 0; w < words; w++) {
      let word = 0;
      for (let p = 0; p < parts.length; p++) word |= registers[parts[p]! * words + w]!;
      registers[to + w] = word;
    }
  };
}
