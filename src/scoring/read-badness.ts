import type { BooleanColumn, Column, NumberColumn, StringColumn } from '../columns/column.js';
import { badnessOfNumber, badnessOfText, type Categories, type NumberShape, type Shape } from './shape.js';

/** Fills `out` with what a shape makes of a column, row by row, from 0 (good) to 1 (bad); NaN where the feature is not known. */
export function readBadness(shape: Shape, column: Column, out: Float64Array): void {
  if (shape.kind === 'categories') {
    if (column.kind !== 'string')
      throw new RangeError(`categories are for texts, and not for a ${column.kind}`);
    readTexts(shape, column, out);
  } else if (column.kind === 'number') readNumbers(shape, column, out);
  else if (column.kind === 'boolean') readBooleans(shape, column, out);
  else throw new RangeError(`curves and steps are for numbers, and not for a ${column.kind}`);
  const { valid } = column;
  if (valid === null) return;
  for (let row = 0; row < out.length; row++) if (!valid.has(row)) out[row] = Number.NaN;
}

function readTexts(shape: Categories, { dictionary, codes }: StringColumn, out: Float64Array): void {
  const byCode = Float64Array.from(dictionary, (text) => badnessOfText(shape, text) ?? Number.NaN);
  for (let row = 0; row < out.length; row++) out[row] = byCode[codes[row]!]!;
}

function readNumbers(shape: NumberShape, { values }: NumberColumn, out: Float64Array): void {
  for (let row = 0; row < out.length; row++) out[row] = badnessOfNumber(shape, values[row]!);
}

function readBooleans(shape: NumberShape, { values }: BooleanColumn, out: Float64Array): void {
  const [no, yes] = [badnessOfNumber(shape, 0), badnessOfNumber(shape, 1)];
  for (let row = 0; row < out.length; row++) out[row] = values.has(row) ? yes : no;
}
