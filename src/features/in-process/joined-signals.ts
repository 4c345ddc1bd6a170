import type { Batch } from '../../columns/batch.js';
import { textReader } from '../../columns/text-reader.js';
import type { Millis } from '../../core/clock.js';
import type { Expression } from '../expression/expression.js';
import {
  expressionValues,
  type Numbers,
  type Texts,
  type ValueNames,
} from '../expression/expression-values.js';
import { numbersOf } from '../feature-values.js';
import type { TypeSet } from '../signal-types.js';
import { attributeName, overColumns } from './conversions.js';

/** Signals as they were read, as columns: NaN and '' where they have none. */
export interface SignalColumns {
  readonly length: number;
  readonly accounts: readonly string[];
  readonly subscriptions: readonly string[];
  readonly types: readonly string[];
  readonly categories: readonly string[];
  readonly at: Float64Array;
  readonly value: Float64Array;
  readonly attributes: ReadonlyMap<string, readonly string[]>;
  /** What was read of texts as numbers and times, by the SQL of it. */
  readonly converted: ReadonlyMap<string, Float64Array>;
}

/**
 * Signals joined to the subscriptions they speak of: a row for each pair, those of a subscription beside one another. What
 * expressions of measures name is there by row: the signal, and the contract of the subscription.
 */
export class JoinedSignals implements ValueNames {
  readonly length: number;
  /** The rows of subscription i: from `starts[i]` up to, not including, `starts[i + 1]`. */
  readonly starts: readonly number[];
  readonly at: Float64Array;
  /** Milliseconds from the signal to `asOf`. */
  readonly age: Float64Array;
  readonly asOf: Millis;
  readonly #signals: SignalColumns;
  readonly #subscriptions: Batch;
  /** Signal and subscription of each row. */
  readonly #signalOf: readonly number[];
  readonly #subscriptionOf: readonly number[];
  readonly #attributes = new Map<string, readonly string[]>();
  readonly #masks = new Map<string, readonly boolean[]>();

  constructor(signals: SignalColumns, subscriptions: Batch, asOf: Millis) {
    this.#signals = signals;
    this.#subscriptions = subscriptions;
    this.asOf = asOf;
    const { signalOf, subscriptionOf, starts } = join(signals, subscriptions);
    this.#signalOf = signalOf;
    this.#subscriptionOf = subscriptionOf;
    this.starts = starts;
    this.length = signalOf.length;
    this.at = this.#ofSignal(signals.at);
    this.age = this.at.map((at) => asOf - at);
  }

  /** The rows whose signals are of these types. */
  areOf({ types, categories }: TypeSet): readonly boolean[] {
    const key = JSON.stringify([types, categories]);
    let mask = this.#masks.get(key);
    if (mask === undefined) {
      const [wanted, wholes] = [new Set(types), new Set<string>(categories)];
      const { types: all, categories: of } = this.#signals;
      mask = this.#signalOf.map((i) => wanted.has(all[i]!) || (wholes.size > 0 && wholes.has(of[i]!)));
      this.#masks.set(key, mask);
    }
    return mask;
  }

  /** An attribute by row; '' where the signal lacks it. */
  attribute(name: string): readonly string[] {
    let texts = this.#attributes.get(name);
    if (texts === undefined) {
      const ofSignals = this.#signals.attributes.get(name)!;
      texts = this.#signalOf.map((i) => ofSignals[i]!);
      this.#attributes.set(name, texts);
    }
    return texts;
  }

  /** An expression of a measure by row. */
  valuesOf(expression: Expression): Numbers {
    return expressionValues(overColumns(expression), this);
  }

  numbers(name: string): Numbers {
    if (name === 'value') return this.#ofSignal(this.#signals.value);
    if (name === 'occurred_at') return this.at;
    if (name === 'as_of') return new Float64Array(this.length).fill(this.asOf);
    const converted = this.#signals.converted.get(name);
    if (converted !== undefined) return this.#ofSignal(converted);
    const contract = numbersOf(this.#subscriptions.column(name));
    return Float64Array.from(this.#subscriptionOf, (i) => contract[i]!);
  }

  texts(name: string): Texts {
    const attribute = [...this.#signals.attributes.keys()].find((key) => attributeName(key) === name);
    if (attribute !== undefined) return this.attribute(attribute).map((text) => (text === '' ? null : text));
    const textAt = textReader(this.#subscriptions, name);
    return this.#subscriptionOf.map((i) => {
      const text = textAt(i);
      return text === '' ? null : text;
    });
  }

  #ofSignal(column: Float64Array): Numbers {
    return Float64Array.from(this.#signalOf, (i) => column[i]!);
  }
}

/** A signal speaks of the subscription that it names, of all of its account when it names none, and of an implicit one always. */
function join(signals: SignalColumns, subscriptions: Batch) {
  const rows = new Map<string, Map<string, number[]>>();
  for (let i = 0; i < signals.length; i++) {
    const ofAccount = rows.get(signals.accounts[i]!) ?? new Map<string, number[]>();
    const same = ofAccount.get(signals.subscriptions[i]!) ?? [];
    same.push(i);
    rows.set(signals.accounts[i]!, ofAccount.set(signals.subscriptions[i]!, same));
  }
  const [account, subscription] = ['account_id', 'subscription_id'].map((name) =>
    textReader(subscriptions, name),
  );
  const implicit = numbersOf(subscriptions.column('implicit'));
  const signalOf: number[] = [];
  const subscriptionOf: number[] = [];
  const starts = [0];
  for (let row = 0; row < subscriptions.length; row++) {
    const ofAccount = rows.get(account!(row));
    const id = subscription!(row);
    for (const [named, same] of ofAccount ?? []) {
      if (implicit[row] !== 1 && named !== '' && named !== id) continue;
      for (const i of same) {
        signalOf.push(i);
        subscriptionOf.push(row);
      }
    }
    starts.push(signalOf.length);
  }
  return { signalOf, subscriptionOf, starts };
}
