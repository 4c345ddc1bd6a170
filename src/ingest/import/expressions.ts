import type { Millis } from '../../core/clock.js';
import { Fault } from '../../signals/fault.js';
import { parseTime } from '../../signals/time.js';
import { evaluateFormula } from './formula.js';
import type {
  Condition,
  DurationExpression,
  MappingData,
  NumberExpression,
  TextExpression,
  TimeExpression,
} from './mapping-schema.js';
import { decimalsOf, type NumberForm, readMoney, readNumber } from './numbers.js';
import type { Row } from './row.js';
import { renderTemplate } from './template.js';
import { type CalendarDuration, dateIn, nextAfter, shift, TimeReader } from './times.js';

type Defaults = Pick<MappingData, 'formats' | 'zone' | 'decimal' | 'group'>;

/** The times that a snapshot without times of its own may take. */
export interface SnapshotTimes {
  /** When the import began. */
  readonly import: Millis;
  /** When the file was last changed. */
  readonly file: Millis;
}

/** Evaluates the expressions of one mapping on the rows of one file. Every method throws a Fault that names the field. */
export class Expressions {
  readonly #defaults: Defaults;
  readonly #snapshot: SnapshotTimes;
  readonly #readers = new Map<TimeExpression, TimeReader>();
  readonly #defaultReader: TimeReader;
  readonly #form: NumberForm;

  constructor(defaults: Defaults, snapshot: SnapshotTimes) {
    this.#defaults = defaults;
    this.#snapshot = snapshot;
    this.#defaultReader = new TimeReader(defaults.formats, defaults.zone);
    this.#form = { decimal: defaults.decimal, group: defaults.group };
  }

  /** The text, after `map` and `default`; empty: nothing. */
  text(expression: TextExpression | undefined, row: Row, field: string): string {
    return this.choice(expression, row, field) ?? '';
  }

  /** The same, but undefined where the mapping makes nothing of the text, by `null`. */
  choice(expression: TextExpression | undefined, row: Row, field: string): string | undefined {
    if (expression === undefined) return '';
    const { value, map, otherwise, default: fallback } = expression;
    const text = renderTemplate(value, row);
    let chosen: string | undefined = text;
    if (map !== undefined) {
      if (Object.hasOwn(map, text)) chosen = map[text] === null ? undefined : String(map[text]);
      else if (otherwise !== undefined)
        chosen = otherwise === null ? undefined : renderTemplate(otherwise, row);
      else if (text !== '')
        throw new Fault('bad_value', field, `\`${field}\`: the text is not listed in its map.`, text);
    }
    if (chosen !== undefined && chosen !== '') return chosen;
    const rest = fallback === undefined || fallback === null ? '' : renderTemplate(fallback, row);
    return rest === '' ? chosen : rest;
  }

  number(expression: NumberExpression | undefined, row: Row, field: string): number | null {
    if (expression === undefined) return null;
    const { money, times = 1 } = expression;
    const form = {
      decimal: expression.decimal ?? this.#form.decimal,
      group: expression.group ?? this.#form.group,
    };
    const currency = money === undefined ? undefined : renderTemplate(money, row);
    if (expression.formula !== undefined) {
      const numberOf = (column: string) => {
        const cell = row.get(column);
        return cell.trim() === '' ? null : readNumber(cell, form, field);
      };
      const result = evaluateFormula(expression.formula, numberOf, field);
      if (result === null) return null;
      if (currency === undefined) return result * times;
      return roundedMinor(result * times, decimalsOf(currency, field));
    }
    const text = this.#valueOf(expression, row, field);
    if (text.trim() === '') return null;
    if (currency === undefined) return readNumber(text, form, field) * times;
    return Math.round(readMoney(text, form, currency, field) * times);
  }

  boolean(expression: TextExpression | undefined, row: Row, field: string): boolean | null {
    const text = this.text(expression, row, field).trim().toLowerCase();
    if (text === '') return null;
    if (YES.has(text)) return true;
    if (NO.has(text)) return false;
    throw new Fault(
      'bad_value',
      field,
      `\`${field}\`: the text means neither yes nor no; give it a \`map\`.`,
      text,
    );
  }

  /** The time as a Date, for the checks that every form of a record goes through; undefined: nothing. */
  time(expression: TimeExpression | undefined, row: Row, field: string): Date | undefined {
    const time = this.#time(expression, row, field);
    return time === undefined ? undefined : new Date(time);
  }

  /** The calendar date that the time has in its zone, such as 2025-01-31; undefined: nothing. */
  date(expression: TimeExpression | undefined, row: Row, field: string): string | undefined {
    const time = this.#time(expression, row, field);
    if (time === undefined || expression === undefined) return undefined;
    const { plus, minus, next, at } = expression;
    if (plus === undefined && minus === undefined && next === undefined && at === undefined) {
      // A time with a zone of its own has its date written in it.
      const text = this.#valueOf(expression, row, field).trim();
      if (!Number.isNaN(parseTime(text))) return text.slice(0, 10);
    }
    return dateIn(time, this.#readerOf(expression).zone);
  }

  holds(condition: Condition, row: Row): boolean {
    const text = renderTemplate(condition.value, row);
    const { is, is_not, empty, above, at_least, below, at_most } = condition;
    if (is !== undefined && !is.includes(text)) return false;
    if (is_not?.includes(text) === true) return false;
    if (empty !== undefined && (text.trim() === '') !== empty) return false;
    if (above === undefined && at_least === undefined && below === undefined && at_most === undefined)
      return true;
    // Nothing is neither above nor below anything.
    if (text.trim() === '') return false;
    const number = readNumber(text, this.#form, 'value');
    return !(
      (above !== undefined && !(number > above)) ||
      (at_least !== undefined && !(number >= at_least)) ||
      (below !== undefined && !(number < below)) ||
      (at_most !== undefined && !(number <= at_most))
    );
  }

  #time(expression: TimeExpression | undefined, row: Row, field: string): Millis | undefined {
    if (expression === undefined) return undefined;
    const reader = this.#readerOf(expression);
    const { at, plus, minus, next } = expression;
    let time: Millis;
    if (at !== undefined) time = this.#snapshot[at];
    else {
      const text = this.#valueOf(expression, row, field);
      if (text.trim() === '') return undefined;
      time = this.#readTime(reader, text, field);
    }
    if (plus !== undefined) time = shift(time, this.#duration(plus, row, field), 1, reader.zone);
    if (minus !== undefined) time = shift(time, this.#duration(minus, row, field), -1, reader.zone);
    if (next !== undefined) {
      const after = this.#readTime(reader, renderTemplate(next.after, row), field);
      time = nextAfter(time, this.#duration(next.every, row, field), after, reader.zone);
      if (Number.isNaN(time)) {
        throw new Fault(
          'bad_time',
          field,
          `\`${field}\`: the period of \`next\` never gets past its \`after\`.`,
        );
      }
    }
    return time;
  }

  #valueOf(expression: NumberExpression | TimeExpression, row: Row, field: string): string {
    const { value } = expression;
    return value === undefined ? '' : this.text({ ...expression, value }, row, field);
  }

  #readTime(reader: TimeReader, text: string, field: string): Millis {
    const time = reader.read(text);
    if (!Number.isNaN(time)) return time;
    throw new Fault(
      'bad_time',
      field,
      `\`${field}\`: the text has none of the formats of the mapping.`,
      text,
    );
  }

  #duration(expression: DurationExpression, row: Row, field: string): CalendarDuration {
    const entries = Object.entries(expression).map(([unit, amount]) => [
      unit,
      this.number(amount, row, field) ?? 0,
    ]);
    return Object.fromEntries(entries) as CalendarDuration;
  }

  #readerOf(expression: TimeExpression): TimeReader {
    const { formats, zone } = expression;
    if (formats === undefined && zone === undefined) return this.#defaultReader;
    let reader = this.#readers.get(expression);
    if (reader === undefined) {
      reader = new TimeReader(formats ?? this.#defaults.formats, zone ?? this.#defaults.zone);
      this.#readers.set(expression, reader);
    }
    return reader;
  }
}

const YES = new Set(['true', 'yes', 'y', 't', '1']);
const NO = new Set(['false', 'no', 'n', 'f', '0']);

/** Major units as whole minor ones. What a double adds to a sum in its last digits is no part of it. */
function roundedMinor(major: number, decimals: number): number {
  return Math.round(Number((major * 10 ** decimals).toPrecision(15)));
}
