import { type Document, visit } from 'yaml';

/** A number of a file that is not what was written. */
export interface MangledNumber {
  readonly offset: number;
  readonly source: string;
  /** What it would be read as. */
  readonly value: number;
}

/** Digits that every number keeps. One with more may be an id, and would be another one. */
const KEPT_DIGITS = 17;

/** Numbers that may be affected at all: most files have none, and large ones take long to walk. */
const SUSPICIOUS = /(?:^|[^\w.])[-+]?0\d|\d[\d.]{15}|\de[-+]?\d/im;

/**
 * Numbers that would be read as others: ids with more digits than a number keeps, and telephone numbers, postcodes and article
 * numbers that begin with 0.
 */
export function mangledNumbers(document: Document, text: string): MangledNumber[] {
  if (!SUSPICIOUS.test(text)) return [];
  const found: MangledNumber[] = [];
  visit(document, {
    Scalar: (_, { value, source, range }) => {
      if (typeof value !== 'number' || source === undefined || keepsItsValue(source, value)) return;
      found.push({ offset: range?.[0] ?? 0, source, value });
    },
  });
  return found;
}

function keepsItsValue(source: string, value: number): boolean {
  if (/^[-+]?0\d/.test(source)) return false;
  if (/^[-+]?\d+$/.test(source)) return Number.isFinite(value) && BigInt(source) === BigInt(value);
  if (!Number.isFinite(value)) return /inf|nan/i.test(source);
  const digits = source.replace(/e.*$/i, '').replaceAll(/[^\d]/g, '').replace(/^0+/, '');
  return digits.length <= KEPT_DIGITS;
}
