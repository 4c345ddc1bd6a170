import { z } from 'zod';

/** Days of a text such as "28d" or "8w". */
export const daysSchema = z
  .string()
  .regex(/^[1-9]\d{0,3}[dw]$/, 'expected a number of days or weeks, such as 28d or 8w');

export function daysOf(text: string): number {
  const number = Number(text.slice(0, -1));
  return text.endsWith('w') ? number * 7 : number;
}
