import { PerennialError } from '../../core/errors.js';
import { isMissing, numberIn } from './parse-cell.js';

/** Which cells of a label mean "not renewed". */
export interface LabelMeaning {
  /** As the table has it. */
  readonly value: string;
  is(cell: string): boolean;
}

const POSITIVE_WORDS = new Set([
  '1',
  'yes',
  'true',
  'y',
  't',
  'churned',
  'churn',
  'left',
  'lost',
  'bad',
  'cancelled',
  'canceled',
]);

/**
 * Throws `invalid_argument` where it is not clear which value is meant, or no row has it, or every row.
 *
 * @param said The value as a person named it; undefined: the one that says so itself.
 */
export function labelMeaning(
  labels: readonly string[],
  column: string,
  said: string | undefined,
): LabelMeaning {
  const values = [...new Set(labels.map((text) => text.trim()))].filter((text) => !isMissing(text));
  const shown = `${values
    .slice(0, 6)
    .map((text) => `"${text}"`)
    .join(', ')}${values.length > 6 ? ', …' : ''}`;
  if (values.length < 2)
    throw new PerennialError(
      'invalid_argument',
      values.length === 0
        ? `No row of \`${column}\` says what happened.`
        : `All rows of \`${column}\` are ${shown}: there is nothing to tell apart.`,
      { hint: 'A label has rows that renewed and rows that did not.' },
    );
  const meant = values.filter((text) =>
    said === undefined ? POSITIVE_WORDS.has(plain(text).toLowerCase()) : plain(text) === plain(said),
  );
  const [value] = meant;
  if (said !== undefined && value === undefined)
    throw new PerennialError('invalid_argument', `No row of ${column} is "${said}".`, {
      hint: `It has ${shown}. Name the one that means: not renewed.`,
    });
  if (value === undefined || (said === undefined && (values.length !== 2 || meant.length !== 1)))
    throw new PerennialError(
      'invalid_argument',
      `It is not clear which value of \`${column}\` means "not renewed".`,
      { hint: `Say it with --positive; the column has ${shown}.` },
    );
  return { value, is: (cell) => plain(cell) === plain(value) };
}

/** Data frames write the whole numbers of a column with gaps as 0.0 and 1.0. */
function plain(cell: string): string {
  const number = numberIn(cell);
  return number === null ? cell.trim() : String(number);
}
