import { quoteText } from '../../core/sql-text.js';
import type { Expression } from './expression.js';
import { FUNCTIONS } from './functions.js';

/** Where the SQL of names and attributes comes from: numbers and times as Float64, booleans as UInt8, all of them nullable. */
export interface SqlNames {
  readonly name: (name: string) => string;
  readonly attribute: (name: string) => string;
}

/** The expression as ClickHouse SQL. It throws for no data, and its result is finite or NULL. */
export function expressionSql(expression: Expression, names: SqlNames): string {
  switch (expression.form) {
    case 'number':
      // As a float, so that no sum or product of numbers in the file is one of small integers, which wrap around.
      return `toFloat64(${expression.value})`;
    case 'boolean':
      return expression.value ? '1' : '0';
    case 'text':
      return quoteText(expression.value);
    case 'null':
      return 'NULL';
    case 'name':
      return names.name(expression.name);
    case 'attribute':
      return names.attribute(expression.name);
    case 'call': {
      const args = expression.args.map((arg) => expressionSql(arg, names));
      return FUNCTIONS[expression.name]!.sql(...args);
    }
  }
}
