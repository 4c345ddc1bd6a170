import type { Kind } from './expression/expression.js';

/** The fields of the contract that expressions may name. */
export const CONTRACT_FIELDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['status', 'text'],
  ['product', 'text'],
  ['plan', 'text'],
  ['tier', 'text'],
  ['segment', 'text'],
  ['region', 'text'],
  ['currency', 'text'],
  ['owner', 'text'],
  ['seats', 'number'],
  ['arr_minor', 'number'],
  ['start', 'time'],
  ['renewal', 'time'],
  ['auto_renew', 'boolean'],
  ['notice_days', 'number'],
  ['plan_features', 'number'],
]);

/** What expressions of features may name beside measures and values. */
export const FEATURE_NAMES: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ...CONTRACT_FIELDS,
  ['as_of', 'time'],
  ['observed_days', 'number'],
]);

/** A field as the expressions of measures see it: a number, a text or NULL. `p` is the subscription. */
export function contractFieldSql(name: string): string {
  switch (CONTRACT_FIELDS.get(name)) {
    case 'text':
      return `nullIf(p.${name}, '')`;
    case 'time':
      return `toFloat64(toUnixTimestamp64Milli(toDateTime64(p.${name}, 3, 'UTC')))`;
    case 'number':
      return `toFloat64(p.${name})`;
    default:
      return `p.${name}`;
  }
}
