import { stableId } from '../../core/identity.js';
import { Fault } from '../../signals/fault.js';
import { outcomeOf } from '../../signals/outcome-draft.js';
import type { ParseContext, ParsedRecord } from '../../signals/parsed.js';
import { signalOf } from '../../signals/signal-draft.js';
import { subscriptionOf } from '../../signals/subscription-draft.js';
import type { Expressions } from './expressions.js';
import type { FileMapping, OutcomeMapping, SignalMapping, SubscriptionMapping } from './mapping-schema.js';
import type { Row } from './row.js';

const NONE: ReadonlySet<string> = new Set();

/** Turns rows of one file into records, checked by the same code that checks messages. */
export class RecordWriter {
  readonly #file: FileMapping;
  readonly #source: string;
  readonly #expressions: Expressions;

  constructor(file: FileMapping, source: string, expressions: Expressions) {
    this.#file = file;
    this.#source = source;
    this.#expressions = expressions;
  }

  /** Whether the mapping leaves the row out. Throws a Fault. */
  skips(row: Row): boolean {
    return this.#file.skip?.some((condition) => this.#expressions.holds(condition, row)) ?? false;
  }

  /**
   * Every record of a row, or a Fault for the first that fails: a row goes in whole or not at all. `leftOut` counts records whose type
   * or kind the mapping makes nothing of.
   */
  write(
    row: Row,
    content: readonly string[],
    context: ParseContext,
  ): { readonly records: readonly ParsedRecord[]; readonly leftOut: number } {
    const { signals, subscriptions, outcomes } = this.#file;
    const records: (ParsedRecord | undefined)[] = [];
    for (const [i, mapping] of signals.entries()) {
      if (this.#applies(mapping, row)) records.push(this.#signal(mapping, row, content, i, context));
    }
    for (const mapping of subscriptions) {
      if (this.#applies(mapping, row)) records.push(this.#subscription(mapping, row, context));
    }
    for (const [i, mapping] of outcomes.entries()) {
      if (this.#applies(mapping, row)) records.push(this.#outcome(mapping, row, content, i, context));
    }
    const written = records.filter((record) => record !== undefined);
    return { records: written, leftOut: records.length - written.length };
  }

  #applies({ when }: SignalMapping | SubscriptionMapping | OutcomeMapping, row: Row): boolean {
    return when?.every((condition) => this.#expressions.holds(condition, row)) ?? true;
  }

  #signal(
    mapping: SignalMapping,
    row: Row,
    content: readonly string[],
    index: number,
    context: ParseContext,
  ) {
    const of = this.#expressions;
    // First: of a row that is left out nothing else is read, so that nothing else can be wrong with it.
    const full = of.choice(mapping.type, row, 'type');
    if (full === undefined) return undefined;
    const attributes: Record<string, string> = {};
    for (const [key, expression] of Object.entries(mapping.attributes ?? {})) {
      const text = of.text(expression, row, key);
      if (text !== '') attributes[key] = text;
    }
    const dot = full.indexOf('.');
    if (dot < 0)
      throw new Fault('bad_type', 'type', '`type` must be <category>.<type>, such as usage.feature_used.');
    const signal = signalOf(
      {
        id: this.#id(mapping, row, content, `signal ${index}`),
        source: of.text(mapping.source, row, 'source') || this.#source,
        category: full.slice(0, dot),
        type: full.slice(dot + 1),
        accountId: of.text(mapping.account_id, row, 'account_id'),
        subscriptionId: of.text(mapping.subscription_id, row, 'subscription_id'),
        time: of.time(mapping.time, row, 'time'),
        value: of.number(mapping.value, row, 'value'),
        attributes: [{ of: attributes, except: NONE }],
      },
      context,
    );
    return { kind: 'signal', signal } as const;
  }

  #subscription(mapping: SubscriptionMapping, row: Row, context: ParseContext) {
    const of = this.#expressions;
    const text = (field: TextField) => of.text(mapping[field], row, field);
    const subscription = subscriptionOf(
      {
        accountId: text('account_id'),
        time: of.time(mapping.time, row, 'time'),
        fields: {
          subscription_id: text('subscription_id'),
          status: text('status'),
          product: text('product'),
          plan: text('plan'),
          tier: text('tier'),
          segment: text('segment'),
          region: text('region'),
          add_ons: mapping.add_ons
            ?.map((addOn) => of.text(addOn, row, 'add_ons'))
            .filter((name) => name !== ''),
          seats: of.number(mapping.seats, row, 'seats'),
          arr_minor: of.number(mapping.arr_minor, row, 'arr_minor'),
          currency: text('currency').toUpperCase(),
          start: of.date(mapping.start, row, 'start'),
          end: of.date(mapping.end, row, 'end'),
          renewal: of.date(mapping.renewal, row, 'renewal'),
          term_months: of.number(mapping.term_months, row, 'term_months'),
          auto_renew: of.boolean(mapping.auto_renew, row, 'auto_renew'),
          notice_days: of.number(mapping.notice_days, row, 'notice_days'),
          owner: text('owner'),
          plan_features: of.number(mapping.plan_features, row, 'plan_features'),
        },
      },
      context,
    );
    return { kind: 'subscription', subscription } as const;
  }

  #outcome(
    mapping: OutcomeMapping,
    row: Row,
    content: readonly string[],
    index: number,
    context: ParseContext,
  ) {
    const of = this.#expressions;
    const kind = of.choice(mapping.kind, row, 'kind');
    if (kind === undefined) return undefined;
    const outcome = outcomeOf(
      {
        id: this.#id(mapping, row, content, `outcome ${index}`),
        source: of.text(mapping.source, row, 'source') || this.#source,
        accountId: of.text(mapping.account_id, row, 'account_id'),
        kind,
        time: of.time(mapping.time, row, 'time'),
        fields: {
          subscription_id: of.text(mapping.subscription_id, row, 'subscription_id'),
          arr_before_minor: of.number(mapping.arr_before_minor, row, 'arr_before_minor'),
          arr_after_minor: of.number(mapping.arr_after_minor, row, 'arr_after_minor'),
          currency: of.text(mapping.currency, row, 'currency').toUpperCase(),
          term_start: of.date(mapping.term_start, row, 'term_start'),
          term_end: of.date(mapping.term_end, row, 'term_end'),
          reason: of.text(mapping.reason, row, 'reason'),
          voluntary: of.boolean(mapping.voluntary, row, 'voluntary'),
          decision_id: of.text(mapping.decision_id, row, 'decision_id'),
        },
      },
      context,
    );
    return { kind: 'outcome', outcome } as const;
  }

  /** The id that the mapping gives, else one from the row's content: the same row gives the same id in every import. */
  #id(mapping: SignalMapping | OutcomeMapping, row: Row, content: readonly string[], which: string): string {
    if (mapping.id !== undefined) return this.#expressions.text(mapping.id, row, 'id');
    return stableId('import', this.#file.name ?? this.#file.match, which, ...content);
  }
}

type TextField =
  | 'account_id'
  | 'subscription_id'
  | 'status'
  | 'product'
  | 'plan'
  | 'tier'
  | 'segment'
  | 'region'
  | 'currency'
  | 'owner';
