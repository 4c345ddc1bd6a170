import { exponentOf } from '../../core/money.js';
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
    throw new Fault('bad_number', field, `\`${field}\`: the text is not a number.`, text);
  return number;
}

/** The decimals of a currency, whose code may be in any case. Throws a Fault for what is none. */
export function decimalsOf(currency: string, field: string): number {
  const digits = exponentOf(currency.trim().toUpperCase());
  if (digits === null)
    throw new Fault(
      'bad_value',
      field,
      `\`${field}\`: the currency is not an ISO 4217 code such as EUR.`,
      currency,
    );
  return digits;
}

/** An amount of money as whole minor units of ISO 4217, exactly: "29.85" EUR is 2985, "5000" HUF 500000. Throws a Fault. */
export function readMoney(text: string, form: NumberForm, currency: string, field: string): number {
  const digits = decimalsOf(currency, field);
  const match = DECIMAL.exec(plainOf(text, form));
  const [, sign = '', whole = '', fraction = '', exponent] = match ?? [];
  if (match === null || whole + fraction === '' || exponent !== undefined) {
    throw new Fault('bad_number', field, `\`${field}\`: the text is not an amount of money.`, text);
  }
  const kept = fraction.replace(/0+$/, '');
  if (kept.length > digits) {
    throw new Fault(
      'bad_number',
      field,
      `\`${field}\`: the amount is finer than the currency's minor unit.`,
      text,
    );
  }
  const minor = Number(`${whole}${kept.padEnd(digits, '0')}`);
  if (!Number.isSafeInteger(minor))
    throw new Fault('bad_number', field, `\`${field}\`: the amount is too large.`, text);
  return sign === '-' ? -minor : minor;
}

function plainOf(text: string, { decimal, group }: NumberForm): string {
  let plain = text.trim();
  if (group !== undefined) plain = plain.replaceAll(group, '');
  return decimal === ',' ? plain.replace(',', '.') : plain;
}
