import { DAY_MS } from '../../core/clock.js';

const MISSING = new Set(['', 'na', 'n/a', 'nan', 'null', 'none', 'nil', '-', '?', '\\n', '#n/a']);

export function isMissing(cell: string): boolean {
  return MISSING.has(cell.trim().toLowerCase());
}

const PLAIN = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const THOUSANDS = /^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$/;
const DECIMAL_COMMA = /^[+-]?\d+,\d+$/;

/** A number as tables have it: with a currency's sign, a per cent sign, separators of thousands, or a decimal comma. */
export function numberIn(cell: string): number | null {
  const text = cell
    .trim()
    .replace(/^([+-]?)\s*[$€£¥]\s*/, '$1')
    .replace(/\s*%$/, '');
  if (PLAIN.test(text)) return finite(Number(text));
  if (THOUSANDS.test(text)) return finite(Number(text.replaceAll(',', '')));
  if (DECIMAL_COMMA.test(text)) return finite(Number(text.replace(',', '.')));
  return null;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

const DATE = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** A date or time, as days since 1970; without a zone it is UTC. */
export function daysIn(cell: string): number | null {
  const text = cell.trim();
  if (!DATE.test(text)) return null;
  const iso = text.replace(' ', 'T');
  const millis = Date.parse(iso.length > 10 && !/(Z|[+-]\d{2}:?\d{2})$/.test(iso) ? `${iso}Z` : iso);
  return Number.isNaN(millis) ? null : millis / DAY_MS;
}
