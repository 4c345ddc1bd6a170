import { z } from 'zod';
import { exponentOf, type Rates } from '../core/money.js';
import { schemaKey } from './names.js';

/** In which currency budgets and sums over everyone are counted, and what the other currencies are worth in it. */
export interface Currencies {
  readonly reporting: string;
  /** Units of the reporting currency for one major unit of each. The reporting currency itself has the rate 1. */
  readonly rates: Rates;
}

/** What currencies.yaml says. */
export interface CurrencySettings extends Currencies {
  /** Share of revenue that is left after the cost of serving customers, for customer lifetime value; null: not given. */
  readonly grossMargin: number | null;
}

/** What holds where a folder has no currencies.yaml. */
export const DEFAULT_CURRENCIES: CurrencySettings = {
  reporting: 'EUR',
  rates: new Map([['EUR', 1]]),
  grossMargin: null,
};

/** A currency by its code. */
export const currencySchema = z
  .string()
  .regex(/^[A-Z]{3}$/, {
    error: 'an ISO 4217 currency is three capital letters, such as EUR',
    abort: true,
  })
  .refine((code) => exponentOf(code) !== null, { message: 'ISO 4217 lists no such currency' });

export const currencyFileSchema = z
  .strictObject({
    $schema: schemaKey,
    reporting: currencySchema.describe('The currency that budgets and sums over everyone are counted in.'),
    as_of: z.iso.date().optional().describe('The day that the rates are of; for people.'),
    rates: z
      .record(
        currencySchema,
        z.number().positive('a rate is above 0; leave a currency without one out').max(1e12),
      )
      .default({})
      .describe(
        'By currency: units of the reporting currency for one unit of it. `USD: 0.92` under `reporting: EUR` means that a dollar is worth 92 cents. Major units, whatever their decimals.',
      ),
    gross_margin: z
      .number()
      .positive('a gross margin is above 0 and at most 1: 0.78 for 78 %')
      .max(1, 'a gross margin is above 0 and at most 1: 0.78 for 78 %')
      .optional()
      .describe(
        'Share of revenue that is left after the cost of serving customers: customer lifetime value (`clv`) is counted after it. Left out: 1, and `clv` is before margin.',
      ),
  })
  .refine(({ reporting, rates }) => (rates[reporting] ?? 1) === 1, {
    message: 'the reporting currency is worth exactly 1 of itself; leave it out',
    path: ['rates'],
  });

export function currenciesOf(file: z.infer<typeof currencyFileSchema>): CurrencySettings {
  const { reporting, rates, gross_margin: grossMargin = null } = file;
  return { reporting, rates: new Map([...Object.entries(rates), [reporting, 1]]), grossMargin };
}
