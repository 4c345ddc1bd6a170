import type { Batch } from '../../columns/batch.js';
import { takeNumbers } from '../../columns/take-rows.js';
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
import { attributeNamed, overColumns } from './conversions.js';
import type { SignalColumns } from './signal-columns.js';

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

  /** Undefined: they come to more than `mostRows`, as signals about an account with thousands of subscriptions may. */
  static join(
    signals: SignalColumns,
    subscriptions: Batch,
    asOf: Millis,
    mostRows: number,
  ): JoinedSignals | undefined {
    const rows = join(signals, subscriptions, mostRows);
    return rows && new JoinedSignals(signals, subscriptions, asOf, rows);
  }

  private constructor(signals: SignalColumns, subscriptions: Batch, asOf: Millis, rows: Rows) {
    this.#signals = signals;
    this.#subscriptions = subscriptions;
    this.asOf = asOf;
    this.#signalOf = rows.signalOf;
    this.#subscriptionOf = rows.subscriptionOf;
    this.starts = rows.starts;
    this.length = rows.signalOf.length;
    this.at = this.#ofSignal(signals.at);
    this.age = this.at.map((at) => asOf - at);
  }

  /** The rows whose signals are of these types. */
  areOf({ types, categories }: TypeSet): readonly boolean[] {
    const key = JSON.stringify([types, categories]);
    let mask = this.#masks.get(key);
    if (mask === undefined) {
      const [wanted, wholes] = [new Set(types), new Set<string>(categories)];
      const isOf = this.#signals.kinds.map(({ type, category }) => wanted.has(type) || wholes.has(category));
      const { kindOf } = this.#signals;
      mask = this.#signalOf.map((i) => isOf[kindOf[i]!]!);
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
    return takeNumbers(numbersOf(this.#subscriptions.column(name)), this.#subscriptionOf);
  }

  texts(name: string): Texts {
    const attribute = attributeNamed(name);
    if (attribute !== undefined) return this.attribute(attribute).map((text) => (text === '' ? null : text));
    const textAt = textReader(this.#subscriptions, name);
    return this.#subscriptionOf.map((i) => {
      const text = textAt(i);
      return text === '' ? null : text;
    });
  }

  #ofSignal(column: Float64Array): Numbers {
    return takeNumbers(column, this.#signalOf);
  }
}

/** Signal and subscription of each row, and where the rows of a subscription begin. */
interface Rows {
  readonly signalOf: readonly number[];
  readonly subscriptionOf: readonly number[];
  readonly starts: readonly number[];
}

/** A signal speaks of the subscription that it names, of all of its account when it names none, and of an implicit one always. */
function join(signals: SignalColumns, subscriptions: Batch, mostRows: number): Rows | undefined {
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
      if (signalOf.length + same.length > mostRows) return undefined;
      for (const i of same) {
        signalOf.push(i);
        subscriptionOf.push(row);
      }
    }
    starts.push(signalOf.length);
  }
  return { signalOf, subscriptionOf, starts };
}
