import { DAY_MS } from '../../core/clock.js';
import { isoTime } from '../../core/iso-time.js';

const MISSING = new Set(['', 'na', 'n/a', 'nan', 'null', 'none', 'nil', '-', '?', '\\n', '#n/a']);

export function isMissing(cell: string): boolean {
  return MISSING.has(cell.trim().toLowerCase());
}

const PLAIN = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const THOUSANDS = /^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$/;
const DECIMAL_COMMA = /^[+-]?\d+,\d+$/;
const POINTS_AND_COMMA = /^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$/;
const IN_BRACKETS = /^\((.*)\)$/;

/** How a column writes its numbers: `1,234.5` or `1.234,5`. */
export type NumberStyle = 'point' | 'comma';

/** `comma` where a cell can't be read otherwise; a lone `1.234` or `1,234` does not say. */
export function numberStyleOf(cells: readonly string[]): NumberStyle {
  const isComma = (cell: string) => {
    const text = bare(cell);
    const points = text.split('.').length - 1;
    return POINTS_AND_COMMA.test(text) && (points > 1 || text.includes(','));
  };
  return cells.some(isComma) ? 'comma' : 'point';
}

/** A number as tables have it: with a currency's sign, a per cent sign, separators of thousands, a decimal comma, or in brackets below 0. */
export function numberIn(cell: string, style: NumberStyle = 'point'): number | null {
  const inner = IN_BRACKETS.exec(cell.trim())?.[1];
  if (inner !== undefined) {
    const value = /^[+-]/.test(inner.trim()) ? null : numberIn(inner, style);
    return value === null ? null : -value;
  }
  const text = bare(cell);
  if (style === 'comma') {
    if (POINTS_AND_COMMA.test(text)) return finite(Number(text.replaceAll('.', '').replace(',', '.')));
    if (DECIMAL_COMMA.test(text)) return finite(Number(text.replace(',', '.')));
  }
  if (PLAIN.test(text)) return finite(Number(text));
  if (THOUSANDS.test(text)) return finite(Number(text.replaceAll(',', '')));
  if (DECIMAL_COMMA.test(text)) return finite(Number(text.replace(',', '.')));
  return null;
}

/** Without sign of currency or per cent. */
function bare(cell: string): string {
  return cell
    .trim()
    .replace(/^([+-]?)\s*[$€£¥]\s*/, '$1')
    .replace(/\s*[%€$£¥]$/, '');
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

const DATE = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** With dots the day comes first, wherever they are written so; with slashes nobody knows. */
const DATE_WITH_DOTS = /^(\d{1,2})\.(\d{1,2})\.(\d{4})(?=$| )/;

/** A date or time, as days since 1970; without a zone it is UTC. */
export function daysIn(cell: string): number | null {
  const text = cell
    .trim()
    .replace(
      DATE_WITH_DOTS,
      (_, day: string, month: string, year: string) =>
        `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`,
    );
  if (!DATE.test(text)) return null;
  const millis = isoTime(text.replace(' ', 'T'), 'utc');
  return Number.isNaN(millis) ? null : millis / DAY_MS;
}
