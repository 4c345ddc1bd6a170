import { didYouMean } from '../core/nearest-name.js';
import { Fault } from './fault.js';
import { isObject, type JsonObject } from './json-body.js';
import { type Envelope, eitherOf } from './json-forms.js';
import { OUTCOME_FIELDS, outcomeOf } from './outcome-draft.js';
import type { ParseContext, Parsed } from './parsed.js';
import { RETRACTION_FIELDS, retractionOf } from './retraction-draft.js';
import { type Members, type SignalDraft, signalOf } from './signal-draft.js';
import { SUBSCRIPTION_FIELDS, subscriptionOf } from './subscription-draft.js';

/** What a transport takes a message for: a Kafka topic says which; a line of a file says it itself. */
export type Expected = 'signal' | 'subscription' | 'outcome' | 'any';

const NONE: ReadonlySet<string> = new Set();
/** What is no attribute within `data`. */
const SIGNAL_NAMES: ReadonlySet<string> = new Set(['subscription_id', 'value', 'attributes']);
const ENVELOPE_NAMES = ['id', 'source', 'category', 'type', 'account_id', 'subject', 'time', 'data'];
/** What is no attribute at the top of a plain signal. `kind` is one: meetings have it. */
export const PLAIN_SIGNAL_NAMES: ReadonlySet<string> = new Set([...ENVELOPE_NAMES, ...SIGNAL_NAMES]);
const PLAIN_SUBSCRIPTION_NAMES: ReadonlySet<string> = new Set(ENVELOPE_NAMES);
const PLAIN_OUTCOME_NAMES: ReadonlySet<string> = new Set([...ENVELOPE_NAMES, 'kind']);

const PLAIN_RETRACTION_NAMES: ReadonlySet<string> = new Set(ENVELOPE_NAMES);
const RETRACTED = 'retracted';

/** What an envelope holds. `type` decides, or in its absence what is expected here. Throws a Fault. */
export function recordOf(envelope: Envelope, expected: Expected, context: ParseContext): Parsed {
  const { category, name } = typeOf(envelope, expected);
  const family = category === 'subscription' || category === 'outcome' ? category : 'signal';
  const retracts = name === RETRACTED && (family !== 'signal' || category === 'signal');
  if (expected !== 'any' && family !== expected) {
    throw new Fault(
      'bad_category',
      'type',
      `Only ${expected === 'outcome' ? 'an' : 'a'} ${expected} belongs here: send other records where they belong.`,
    );
  }
  if (retracts) {
    const { source, accountId } = envelope;
    const fields = fieldsOf(envelope, RETRACTION_FIELDS, PLAIN_RETRACTION_NAMES);
    const retraction = retractionOf({ kind: family, source, accountId, fields }, context);
    return { kind: 'retraction', retraction };
  }
  switch (family) {
    case 'signal':
      return { kind: 'signal', signal: signalOf(signalDraft(envelope, category, name), context) };
    case 'subscription':
      if (name !== 'updated') {
        throw new Fault(
          'bad_type',
          'type',
          'The type of a subscription must be subscription.updated or subscription.retracted.',
        );
      }
      return {
        kind: 'subscription',
        subscription: subscriptionOf(
          {
            accountId: envelope.accountId,
            time: envelope.time,
            fields: fieldsOf(envelope, SUBSCRIPTION_FIELDS, PLAIN_SUBSCRIPTION_NAMES),
          },
          context,
        ),
      };
    case 'outcome':
      eitherOf(name, envelope.kind, 'kind');
      return {
        kind: 'outcome',
        outcome: outcomeOf(
          {
            id: envelope.id,
            source: envelope.source,
            accountId: envelope.accountId,
            kind: name,
            time: envelope.time,
            fields: fieldsOf(envelope, OUTCOME_FIELDS, PLAIN_OUTCOME_NAMES),
          },
          context,
        ),
      };
  }
}

/** Category and bare type, from `<category>.<type>`, from the two apart, or from what a topic implies. Throws a Fault. */
export function typeOf(
  envelope: Pick<Envelope, 'category' | 'type' | 'kind'>,
  expected: Expected,
): { category: string; name: string } {
  const { category, type, kind } = envelope;
  if (category !== undefined && category !== null && typeof category !== 'string') {
    throw new Fault('wrong_type', 'category', '`category` must be a text.');
  }
  if (type === undefined || type === null) {
    if (kind !== undefined && kind !== null) {
      if (typeof kind !== 'string') throw new Fault('wrong_type', 'kind', '`kind` must be a text.');
      return { category: category ?? 'outcome', name: kind };
    }
    if (expected === 'subscription') return { category: category ?? 'subscription', name: 'updated' };
    throw new Fault('missing_field', 'type', '`type` is missing: every message needs it.');
  }
  if (typeof type !== 'string') throw new Fault('wrong_type', 'type', '`type` must be a text.');
  const dot = type.indexOf('.');
  if (dot < 0) {
    if (typeof category === 'string') return { category, name: type };
    throw new Fault('bad_type', 'type', 'The type must be <category>.<type>, such as usage.feature_used.');
  }
  const prefix = type.slice(0, dot);
  if (typeof category === 'string' && category !== prefix) {
    throw new Fault('bad_category', 'category', '`category` and the start of `type` differ.');
  }
  return { category: prefix, name: type.slice(dot + 1) };
}

function signalDraft(envelope: Envelope, category: string, type: string): SignalDraft {
  const { id, source, accountId, time, top, data } = envelope;
  const inTop = membersOf(top, PLAIN_SIGNAL_NAMES);
  const inData = membersOf(data, SIGNAL_NAMES);
  const attributes = inData.length === 0 ? inTop : [...inTop, ...inData];
  const subscriptionId = eitherOf(top?.subscription_id, data?.subscription_id, 'subscription_id');
  const value = eitherOf(top?.value, data?.value, 'value');
  return { id, source, category, type, accountId, subscriptionId, time, value, attributes };
}

/** Where an object may have attributes: beside its other members, and within `attributes`. */
function membersOf(of: JsonObject | undefined, except: ReadonlySet<string>): readonly Members[] {
  if (of === undefined) return [];
  const listed = of.attributes;
  if (listed === undefined || listed === null) return [{ of, except }];
  if (!isObject(listed)) throw new Fault('bad_attributes', 'attributes', '`attributes` must be an object.');
  return [
    { of, except },
    { of: listed, except: NONE },
  ];
}

/** The fields of a subscription or an outcome. A name it does not have is refused: it may be a misspelt one. */
function fieldsOf<Field extends string>(
  { top, data }: Envelope,
  known: readonly Field[],
  envelopeNames: ReadonlySet<string>,
): Partial<Record<Field, unknown>> {
  const fields: Partial<Record<string, unknown>> = {};
  for (const [of, names] of [
    [top, envelopeNames],
    [data, NONE],
  ] as const) {
    if (of === undefined) continue;
    for (const key of Object.keys(of)) {
      if (names.has(key)) continue;
      if (!(known as readonly string[]).includes(key)) {
        const hint = didYouMean(key, known);
        throw new Fault(
          'unknown_field',
          key,
          `A field is not known here${hint === undefined ? '' : `: ${hint}`}; leave it out or correct its name.`,
        );
      }
      fields[key] = eitherOf(fields[key], of[key], key);
    }
  }
  return fields as Partial<Record<Field, unknown>>;
}
