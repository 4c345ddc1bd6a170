import { FloatBuilder, Int32Builder, TextBuilder } from '../columns/arrow-builder.js';
import { currencyExponents, type Rates } from '../core/money.js';
import { column, encodeRows, insertRows } from './encoded-rows.js';
import type { Store } from './store.js';

/** What the others are worth in the currency that sums over everyone are made in. */
export interface ReportingRates {
  /** Empty: not known yet. */
  readonly reporting: string;
  readonly rates: Rates;
  /** Share of revenue left after the cost of serving customers. @default not given */
  readonly grossMargin?: number | null;
}

interface Row {
  readonly currency: string;
  readonly exponent: number;
  readonly rate: number | null;
  readonly reporting: string;
  readonly gross_margin: number;
}

/** Lists the currencies in a store that has none yet: until definitions with rates are loaded, amounts have at least their decimals. */
export async function listCurrencies(store: Store): Promise<void> {
  const [row] = await store.rows<{ n: number }>('SELECT count() AS n FROM currencies');
  if (row!.n === 0) await recordCurrencies(store, { reporting: '', rates: new Map() });
}

/** Makes `currencies` say what the program and the loaded definitions say. Writes only what differs. */
export async function recordCurrencies(
  store: Store,
  { reporting, rates, grossMargin = null }: ReportingRates,
): Promise<void> {
  const stored = await store.rows<Row>(
    'SELECT currency, exponent, rate, reporting, gross_margin FROM currency_state FINAL',
  );
  const known = new Map(stored.map((row) => [row.currency, row]));
  const rows = [...currencyExponents()].map(
    ([currency, exponent]): Row => ({
      currency,
      exponent,
      rate: rates.get(currency) ?? null,
      reporting,
      gross_margin: grossMargin ?? 1,
    }),
  );
  const changed = rows.filter((row) => !isSame(row, known.get(row.currency)));
  if (changed.length === 0) return;
  await insertRows(
    store,
    encodeRows<Row>(
      'currency_state',
      [
        column('currency', new TextBuilder(), (r: Row) => r.currency),
        column('exponent', new Int32Builder(), (r: Row) => r.exponent),
        column('rate', new FloatBuilder(), (r: Row) => r.rate),
        column('reporting', new TextBuilder(), (r: Row) => r.reporting),
        column('gross_margin', new FloatBuilder(), (r: Row) => r.gross_margin),
      ],
      changed,
    ),
  );
}

function isSame(row: Row, stored: Row | undefined): boolean {
  return (
    stored !== undefined &&
    row.exponent === stored.exponent &&
    row.rate === stored.rate &&
    row.reporting === stored.reporting &&
    row.gross_margin === stored.gross_margin
  );
}
