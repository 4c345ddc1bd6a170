import type { Batch } from '../columns/batch.js';
import { Bitset } from '../columns/bitset.js';
import type { BooleanColumn, Column, NumberColumn } from '../columns/column.js';
import { DAY_MS, type Millis } from '../core/clock.js';
import {
  expressionValues,
  type Numbers,
  type Texts,
  type ValueNames,
} from './expression/expression-values.js';
import type { Feature, FeatureCatalogue } from './feature.js';
import type { Measure } from './measures/measure.js';
import type { SentTypes } from './sent-types.js';
import { isApplicable, isSent, namesThere } from './usable.js';

/**
 * Makes features of measures: fills in what it means that a signal never came, computes the expressions, and puts every
 * number into the range that its feature states. Numbers, times and booleans are floats here, NaN where not known.
 */
export class FeatureValues implements ValueNames {
  readonly length: number;
  readonly #catalogue: FeatureCatalogue;
  readonly #measured: Batch;
  readonly #sent: SentTypes;
  readonly #asOf: Float64Array;
  /** The time that all rows are as of, where they have one in common. */
  readonly #onlyTime: Millis | undefined;
  readonly #observedDays: Float64Array;
  readonly #measures: ReadonlyMap<string, Measure>;
  readonly #numbers = new Map<string, Numbers>();
  readonly #texts = new Map<string, Texts>();

  /** @param measured What the feature query gave: identity, contract, and those measures that were asked for. */
  constructor(catalogue: FeatureCatalogue, measured: Batch, sent: SentTypes) {
    this.length = measured.length;
    this.#catalogue = catalogue;
    this.#measured = measured;
    this.#sent = sent;
    this.#measures = new Map(catalogue.measures.map((measure) => [measure.name, measure]));
    this.#asOf = numbersOf(measured.column('as_of'));
    this.#onlyTime = this.#asOf.every((at) => at === this.#asOf[0]) ? this.#asOf[0] : undefined;
    this.#observedDays = numbersOf(measured.column('observed_at')).map(
      (at, row) => Math.max(0, this.#asOf[row]! - at) / DAY_MS,
    );
    this.#numbers.set('as_of', this.#asOf);
    this.#numbers.set('observed_days', this.#observedDays);
  }

  numbers(name: string): Numbers {
    let numbers = this.#numbers.get(name);
    if (numbers === undefined) {
      numbers = this.#compute(name);
      this.#numbers.set(name, numbers);
    }
    return numbers;
  }

  texts(name: string): Texts {
    let texts = this.#texts.get(name);
    if (texts === undefined) {
      const column = this.#measured.column(name);
      if (column.kind !== 'string') throw new RangeError(`${name} is no text`);
      const { codes, dictionary, valid } = column;
      texts = Array.from(codes, (code, row) => (valid?.has(row) === false ? null : dictionary[code]!));
      this.#texts.set(name, texts);
    }
    return texts;
  }

  /** The features of the catalogue as columns, each with the rows for which it is applicable. */
  columns(): [string, Column][] {
    const applicable = this.#applicable();
    return this.#catalogue.features.map((feature): [string, Column] => [
      feature.name,
      this.#column(feature, applicable(feature)),
    ]);
  }

  #compute(name: string): Numbers {
    const value = this.#catalogue.values.get(name);
    if (value !== undefined) return expressionValues(value, this);
    const measure = this.#measures.get(name);
    if (measure === undefined) return numbersOf(this.#measured.column(name));
    const column = this.#measured.columns.get(name);
    // A measure that was not asked for is one that nobody sends.
    if (column === undefined) return new Float64Array(this.length).fill(Number.NaN);
    const values = numbersOf(column);
    this.#fillAbsent(measure, values);
    return values;
  }

  /** Where there is no signal, that says something if others send them and the subscription has been observed long enough. */
  #fillAbsent(measure: Measure, values: Numbers): void {
    const { absent, withinDays } = measure;
    if (absent === 'not_known') return;
    const sent = this.#forEachTime((asOf) => isSent(measure, this.#catalogue, this.#sent, asOf));
    const most = withinDays ?? this.#catalogue.lookbackDays;
    const { observeDays } = this.#catalogue;
    for (let row = 0; row < values.length; row++) {
      const value = values[row]!;
      if (!(Number.isNaN(value) || (absent === 'zero' && value === 0))) continue;
      const observed = this.#observedDays[row]!;
      const tells = observed >= observeDays && sent(row);
      values[row] = !tells ? Number.NaN : absent === 'zero' ? 0 : Math.min(most, observed);
    }
  }

  #column(feature: Feature, applicable: Bitset | null): Column {
    if (feature.value !== null && applicable?.isEmpty() === true) return this.#nowhere(feature, applicable);
    const values =
      feature.value === null
        ? numbersOf(this.#measured.column(feature.name))
        : expressionValues(feature.value, this);
    if (feature.knownIf !== null) {
      const known = expressionValues(feature.knownIf, this);
      for (let row = 0; row < values.length; row++) if (known[row] !== 1) values[row] = Number.NaN;
    }
    // What is older than the look-back is no value where nobody sends such signals any more, at whatever times it is asked for.
    if (feature.value !== null && applicable !== null)
      for (let row = 0; row < values.length; row++) if (!applicable.has(row)) values[row] = Number.NaN;
    const column = feature.type === 'boolean' ? booleanColumn(values) : numberColumn(values, feature.range);
    return applicable === null ? column : { ...column, applicable };
  }

  /** A feature that is applicable for nobody, and so known of nobody. */
  #nowhere({ type }: Feature, applicable: Bitset): Column {
    const valid = new Bitset(this.length);
    return type === 'boolean'
      ? { kind: 'boolean', values: new Bitset(this.length), valid, applicable }
      : { kind: 'number', values: new Float64Array(this.length).fill(Number.NaN), valid, applicable };
  }

  /** The rows for which a feature is applicable; null: all. */
  #applicable(): (feature: Feature) => Bitset | null {
    const there = new Map<Millis, (name: string) => boolean>();
    const thereAt = (asOf: Millis) => {
      const found = there.get(asOf) ?? namesThere(this.#catalogue, this.#sent, asOf);
      there.set(asOf, found);
      return found;
    };
    return (feature) => {
      if (this.#onlyTime !== undefined)
        return isApplicable(feature, this.#catalogue, thereAt(this.#onlyTime))
          ? null
          : new Bitset(this.length);
      const holds = this.#forEachTime((asOf) => isApplicable(feature, this.#catalogue, thereAt(asOf)));
      const rows = new Bitset(this.length);
      let all = true;
      for (let row = 0; row < this.length; row++) {
        if (holds(row)) rows.add(row);
        else all = false;
      }
      return all ? null : rows;
    };
  }

  /** Asks once a time, not once a row. */
  #forEachTime(question: (asOf: Millis) => boolean): (row: number) => boolean {
    if (this.#onlyTime !== undefined) {
      const answer = question(this.#onlyTime);
      return () => answer;
    }
    const answers = new Map<Millis, boolean>();
    let [lastTime, lastAnswer] = [Number.NaN, false];
    return (row) => {
      const asOf = this.#asOf[row]!;
      if (asOf === lastTime) return lastAnswer;
      const answer = answers.get(asOf) ?? question(asOf);
      answers.set(asOf, answer);
      [lastTime, lastAnswer] = [asOf, answer];
      return answer;
    };
  }
}

/** Numbers of a column, NaN where it has none, in an array of their own. */
export function numbersOf(column: Column): Numbers {
  const { valid } = column;
  if (column.kind === 'boolean')
    return Float64Array.from({ length: column.values.length }, (_, row) =>
      valid?.has(row) === false ? Number.NaN : column.values.has(row) ? 1 : 0,
    );
  if (column.kind !== 'number') throw new RangeError(`a ${column.kind} is no number`);
  const values = column.values.slice();
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!;
    if (value - value !== 0 || valid?.has(row) === false) values[row] = Number.NaN;
  }
  return values;
}

/** The values, each within the range, as a column. */
export function numberColumn(values: Numbers, [least, most]: Feature['range']): NumberColumn {
  const valid = Bitset.full(values.length);
  let all = true;
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!;
    if (value - value !== 0) {
      valid.remove(row);
      all = false;
    } else if (least !== null && value < least) values[row] = least;
    else if (most !== null && value > most) values[row] = most;
    // No negative zero: it would be another text in JSON, and another risk in a hash.
    else if (value === 0) values[row] = 0;
  }
  return { kind: 'number', values, valid: all ? null : valid };
}

function booleanColumn(numbers: Numbers): BooleanColumn {
  const values = new Bitset(numbers.length);
  const valid = Bitset.full(numbers.length);
  let all = true;
  numbers.forEach((number, row) => {
    if (Number.isNaN(number)) {
      valid.remove(row);
      all = false;
    } else if (number !== 0) values.add(row);
  });
  return { kind: 'boolean', values, valid: all ? null : valid };
}
