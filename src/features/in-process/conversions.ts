import { quoteText } from '../../core/sql-text.js';
import { type Expression, namesIn } from '../expression/expression.js';
import { expressionSql } from '../expression/expression-sql.js';
import { SIGNALS_ONLY } from '../expression/functions.js';
import { expressionsOf, type Measure } from '../measures/measure.js';

/**
 * Reading texts of signals as numbers and times, which ClickHouse does, here as everywhere: `number(attributes.quota)`. Each is
 * a column of the signals that are read, by its SQL.
 */
export function conversionsOf(measures: readonly Measure[]): readonly string[] {
  const found = new Set<string>();
  for (const expression of measures.flatMap(expressionsOf))
    for (const call of callsIn(expression)) found.add(conversionSql(call));
  return [...found];
}

/** Whether all that it reads as numbers and times comes from signals alone. */
export function readsSignalsAlone(measure: Measure): boolean {
  return expressionsOf(measure).every((expression) =>
    callsIn(expression).every((call) => namesIn(call).size === 0),
  );
}

/** The expression over columns: conversions and attributes stand in it as names, see `conversionSql` and `attributeNamed`. */
export function overColumns(expression: Expression): Expression {
  if (isConversion(expression))
    return { form: 'name', at: expression.at, kind: 'number', name: conversionSql(expression) };
  if (expression.form === 'attribute')
    return { form: 'name', at: expression.at, kind: 'text', name: ATTRIBUTE + expression.name };
  if (expression.form !== 'call') return expression;
  return { ...expression, args: expression.args.map(overColumns) };
}

/** No contract has a field whose name begins so. */
const ATTRIBUTE = 'attributes.';

/** The attribute that a name of an expression over columns stands for; undefined: it stands for a field of the contract. */
export function attributeNamed(name: string): string | undefined {
  return name.startsWith(ATTRIBUTE) ? name.slice(ATTRIBUTE.length) : undefined;
}

function isConversion(expression: Expression): boolean {
  return expression.form === 'call' && SIGNALS_ONLY.has(expression.name);
}

function callsIn(expression: Expression): readonly Expression[] {
  if (isConversion(expression)) return [expression];
  return expression.form === 'call' ? expression.args.flatMap(callsIn) : [];
}

function conversionSql(call: Expression): string {
  return expressionSql(call, {
    attribute: (name) => `nullIf(attributes[${quoteText(name)}], '')`,
    name: (name) => {
      throw new RangeError(`${name} is of the contract, which is not there yet`);
    },
  });
}
