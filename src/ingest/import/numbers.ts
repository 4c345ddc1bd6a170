import { Fault } from '../../signals/fault.js';

/** How an export writes numbers. */
export interface NumberForm {
  readonly decimal: '.' | ',';
  /** Mark between groups of digits; undefined: none. */
  readonly group: string | undefined;
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

/** A number as an export writes it. Throws a Fault. */
export function readNumber(text: string, form: NumberForm, field: string): number {
  const plain = plainOf(text, form);
  const number = DECIMAL.test(plain) && /\d/.test(plain) ? Number(plain) : Number.NaN;
  if (!Number.isFinite(number))
    throw new Fault('bad_number', field, `\`${field}\`: the text is not a number.`);
  return number;
}

/** An amount of money as whole minor units, exactly: "29.85" EUR is 2985. Throws a Fault. */
export function readMoney(text: string, form: NumberForm, currency: string, field: string): number {
  const digits = minorDigits(currency);
  if (digits === undefined) {
    throw new Fault('bad_value', field, `\`${field}\`: the currency is not an ISO 4217 code such as EUR.`);
  }
  const match = DECIMAL.exec(plainOf(text, form));
  const [, sign = '', whole = '', fraction = '', exponent] = match ?? [];
  if (match === null || whole + fraction === '' || exponent !== undefined) {
    throw new Fault('bad_number', field, `\`${field}\`: the text is not an amount of money.`);
  }
  const kept = fraction.replace(/0+$/, '');
  if (kept.length > digits) {
    throw new Fault('bad_number', field, `\`${field}\`: the amount is finer than the currency's minor unit.`);
  }
  const minor = Number(`${whole}${kept.padEnd(digits, '0')}`);
  if (!Number.isSafeInteger(minor))
    throw new Fault('bad_number', field, `\`${field}\`: the amount is too large.`);
  return sign === '-' ? -minor : minor;
}

function plainOf(text: string, { decimal, group }: NumberForm): string {
  let plain = text.trim();
  if (group !== undefined) plain = plain.replaceAll(group, '');
  return decimal === ',' ? plain.replace(',', '.') : plain;
}

const known = new Map<string, number>();

/** Digits after the decimal mark in a currency; undefined when it is none. */
function minorDigits(currency: string): number | undefined {
  const cached = known.get(currency);
  if (cached !== undefined) return cached;
  if (!/^[A-Z]{3}$/.test(currency)) return undefined;
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  known.set(currency, digits);
  return digits;
}
