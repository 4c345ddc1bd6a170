import { kindsOf, type Side } from './comparison-side.js';

/** YAML 1.1 read yes and no as true and false, and spreadsheets quote numbers. */
const TRUTHS: ReadonlyMap<string, boolean> = new Map([
  ['yes', true],
  ['true', true],
  ['on', true],
  ['no', false],
  ['false', false],
  ['off', false],
]);

/** What a text that is compared with something else was probably meant to be. */
export function unquoted(named: Side, other: Side): string | undefined {
  if (other.form !== 'literal' || typeof other.literal !== 'string') return undefined;
  const text = other.literal.trim();
  const truth = TRUTHS.get(text.toLowerCase());
  if (kindsOf(named).includes('boolean') && truth !== undefined) return `write ${truth}, without quotes`;
  return kindsOf(named).includes('number') && isNumeric(text)
    ? `write ${Number(text)} without quotes`
    : undefined;
}

/** Whether a text is a number in quotes. */
export function isNumeric(text: string): boolean {
  return text !== '' && Number.isFinite(Number(text));
}
