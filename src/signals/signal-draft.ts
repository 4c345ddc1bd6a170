import { LIMITS } from '../core/limits.js';
import { addAttribute } from './attributes.js';
import { Fault } from './fault.js';
import { eventTime, optionalId, optionalNumber, requiredId } from './fields.js';
import type { ParseContext } from './parsed.js';
import { attributeNumber, checkAttribute, checkRange } from './ranges.js';
import { CATEGORIES, type Category, type Signal } from './signal.js';

/** A signal as some form spelt it: nothing checked yet. Every form becomes one of these, so all are judged alike. */
export interface SignalDraft {
  readonly id: unknown;
  readonly source: unknown;
  readonly category: string;
  readonly type: string;
  readonly accountId: unknown;
  readonly subscriptionId: unknown;
  /** RFC 3339 text, or a Date. */
  readonly time: unknown;
  readonly value: unknown;
  /** Where the attributes are; a name may stand in one of these places only. */
  readonly attributes: readonly Members[];
}

/** An object, and the names of its members that mean something else here. */
export interface Members {
  readonly of: Readonly<Record<string, unknown>>;
  readonly except: ReadonlySet<string>;
}

const TYPE = /^[a-z0-9_]+$/;
const CATEGORY_SET: ReadonlySet<string> = new Set(CATEGORIES);

/** Checks a draft and brings it into its one canonical shape. Throws a Fault. */
export function signalOf(draft: SignalDraft, context: ParseContext): Signal {
  const { category, type } = kindOf(draft.category, draft.type);
  const attributes: Record<string, string> = {};
  for (const { of, except } of draft.attributes) {
    // Parsed and decoded objects have no members but their own. A list of their names would cost as much as their attributes.
    for (const key in of) {
      if (!except.has(key)) addAttribute(attributes, key, of[key]);
    }
  }
  const source = requiredId(draft.source, 'source');
  const id = requiredId(draft.id, 'id');
  const accountId = requiredId(draft.accountId, 'account_id');
  const subscriptionId = optionalId(draft.subscriptionId, 'subscription_id');
  const occurredAt = eventTime(draft.time, 'time', context.receivedAt);
  let value = optionalNumber(draft.value, 'value');
  const limits = context.catalogue.limits(category, type);
  const valueKey = limits.valueAttribute;
  let valueField = 'value';
  if (value === null && valueKey !== undefined) {
    const text = Object.hasOwn(attributes, valueKey) ? attributes[valueKey] : undefined;
    if (text !== undefined) {
      value = attributeNumber(valueKey, text);
      valueField = valueKey;
      delete attributes[valueKey];
    }
  }
  if (value !== null) checkRange(value, limits.valueRange, valueField);
  for (const check of limits.attributes) checkAttribute(attributes, check);
  if (Object.keys(attributes).length > LIMITS.attributes) {
    throw new Fault(
      'bad_attributes',
      'attributes',
      `A signal has more than ${LIMITS.attributes} attributes.`,
    );
  }
  return { source, id, category, type, accountId, subscriptionId, occurredAt, value, attributes };
}

/** The two as they may be. Throws a Fault. */
export function kindOf(category: string, type: string): Pick<Signal, 'category' | 'type'> {
  return { category: categoryOf(category), type: typeOf(type) };
}

function categoryOf(category: string): Category {
  if (CATEGORY_SET.has(category)) return category as Category;
  throw new Fault('bad_category', 'category', `The category must be one of ${CATEGORIES.join(', ')}.`);
}

function typeOf(type: string): string {
  if (type.length > LIMITS.typeBytes) {
    throw new Fault('too_long', 'type', `The type is longer than ${LIMITS.typeBytes} bytes.`);
  }
  if (TYPE.test(type)) return type;
  throw new Fault(
    'bad_type',
    'type',
    'The type must be lower case letters, digits and underscores, such as feature_used.',
  );
}
