import { didYouMean } from '../../core/nearest-name.js';
import type { Expression, Kind } from '../expression/expression.js';
import { ExpressionError, type Names, parseExpression } from '../expression/parse-expression.js';
import { type TypeSet, typeSetOf, union } from '../signal-types.js';
import { absentOf, type Conditions, type Measure } from './measure.js';
import type { MeasureDefinition } from './measure-schema.js';
import { daysOf } from './window.js';

/** What signals.yaml says of types and attributes; null: there is none, and anything goes. */
export interface KnownTypes {
  readonly types: readonly string[];
  /** Attributes of a type, its value's own name among them. */
  readonly attributesOf: (type: string) => readonly string[];
}

export interface Resolving {
  readonly lookbackDays: number;
  readonly known: KnownTypes | null;
  /** Fields of the contract that expressions may name. */
  readonly contract: ReadonlyMap<string, Kind>;
  /** Reports a mistake at a key of the definition. */
  readonly report: (path: readonly PropertyKey[], message: string, suggestion?: string) => void;
  /** Reports a mistake inside an expression. */
  readonly reportAt: (path: readonly PropertyKey[], error: ExpressionError) => void;
}

/** The measures that a definition makes: one, or one for each window. Mistakes are reported; then there are none. */
export function resolveMeasures(
  name: string,
  definition: MeasureDefinition,
  context: Resolving,
): readonly Measure[] {
  const { within } = definition;
  const windows: readonly (string | undefined)[] = Array.isArray(within) ? within : [within];
  const one = resolve(definition, context);
  if (one === undefined) return [];
  return windows.map((window): Measure => {
    const withinDays = daysBack(definition, window, context.lookbackDays);
    return { ...one, name: Array.isArray(within) ? `${name}_${window}` : name, withinDays };
  });
}

/** State is looked for as far back as there is anything: what was open does not close by growing old. */
const STATE: ReadonlySet<string> = new Set(['open_items', 'open_items_age']);

function daysBack(
  definition: MeasureDefinition,
  window: string | undefined,
  lookbackDays: number,
): number | null {
  if (window === 'ever' || (window === undefined && STATE.has(definition.op))) return null;
  return window === undefined ? lookbackDays : daysOf(window);
}

function resolve(
  definition: MeasureDefinition,
  context: Resolving,
): Omit<Measure, 'name' | 'withinDays'> | undefined {
  let good = true;
  const wrong = (path: readonly PropertyKey[], message: string, suggestion?: string) => {
    good = false;
    context.report(path, message, suggestion);
  };
  const types = (key: string, names: string | readonly string[]): TypeSet => {
    for (const [i, type] of [names].flat().entries()) {
      if (type.endsWith('.*') || context.known === null || context.known.types.includes(type)) continue;
      wrong(
        Array.isArray(names) ? [key, i] : [key],
        `There is no signal type \`${type}\` in signals.yaml. Describe it there if you send it.`,
        didYouMean(type, context.known.types),
      );
    }
    return typeSetOf(names);
  };
  const of = types('of', definition.of);
  const ends =
    'closed_by' in definition
      ? types('closed_by', definition.closed_by)
      : 'ended_by' in definition
        ? types('ended_by', definition.ended_by)
        : null;
  const starts =
    definition.op !== 'open_items_age'
      ? null
      : definition.started_by === undefined
        ? of
        : types('started_by', definition.started_by);

  const scope = scopeOf(of, starts, context);
  const attribute = (path: readonly PropertyKey[], name: string) => {
    if (scope.attributes?.has(name) === false)
      wrong(
        path,
        `None of its signal types has an attribute \`${name}\` in signals.yaml.`,
        didYouMean(name, scope.attributes.all),
      );
  };
  if ('attribute' in definition) attribute(['attribute'], definition.attribute);
  if ('item' in definition) attribute(['item'], definition.item);
  const conditions = (key: 'where' | 'having', given: Record<string, unknown> | undefined): Conditions =>
    Object.entries(given ?? {}).map(([name, values]) => {
      attribute([key, name], name);
      return { attribute: name, values: [values].flat().map(String) };
    });
  const expression = (key: string, text: string | undefined, kinds: readonly Kind[]): Expression | null => {
    if (text === undefined) return null;
    try {
      return parseExpression(text, scope, kinds);
    } catch (thrown) {
      if (!(thrown instanceof ExpressionError)) throw thrown;
      good = false;
      context.reportAt([key], thrown);
      return null;
    }
  };

  const where = conditions('where', definition.where);
  const having = conditions('having', 'having' in definition ? definition.having : undefined);
  const when = expression('when', definition.when, ['boolean']);
  const value = takenValue(definition, expression);
  const by = definition.op === 'at_max' ? expression('by', definition.by, ['number', 'time']) : null;
  if (definition.op === 'trend') checkStretches(definition, wrong);
  if (definition.op === 'covered_days' && definition.within === 'ever')
    wrong(['within'], 'It counts days of a window: give its length.');
  if (!good) return undefined;
  const takesTime = value?.kind === 'time' && KEEPS_KIND.has(definition.op);
  const kind = takesTime || TIMES.has(definition.op) ? 'time' : 'number';
  return { definition, of, ends, starts, where, having, when, value, by, kind, absent: absentOf(definition) };
}

const TIMES: ReadonlySet<string> = new Set(['last_at', 'first_at']);
const KEEPS_KIND: ReadonlySet<string> = new Set(['min', 'max', 'last', 'first', 'at_max']);
const DEFAULTS_TO_VALUE: ReadonlySet<string> = new Set([
  'total',
  'sum',
  'mean',
  'min',
  'max',
  'quantile',
  'last',
  'first',
  'at_max',
  'ewma',
]);

function takenValue(
  definition: MeasureDefinition,
  expression: (key: string, text: string | undefined, kinds: readonly Kind[]) => Expression | null,
): Expression | null {
  switch (definition.op) {
    case 'covered_days':
      return expression('until', definition.until, ['time']);
    case 'open_items_age':
      return expression('started_at', definition.started_at ?? 'occurred_at', ['time']);
    case 'last_at':
    case 'first_at':
      return expression('value', definition.value, ['number', 'time']);
    default: {
      const given = 'value' in definition ? definition.value : undefined;
      const text = given ?? (DEFAULTS_TO_VALUE.has(definition.op) ? 'value' : undefined);
      return expression('value', text, KEEPS_KIND.has(definition.op) ? ['number', 'time'] : ['number']);
    }
  }
}

/** A bound on memory: a stretch takes 8 bytes a subscription. */
const MOST_STRETCHES = 128;

function checkStretches(
  { within, every }: Extract<MeasureDefinition, { op: 'trend' }>,
  wrong: (path: readonly PropertyKey[], message: string) => void,
): void {
  if (within === undefined || within === 'ever') {
    wrong(['op'], 'A trend needs `within`.');
    return;
  }
  for (const window of [within].flat()) {
    const stretches = daysOf(window) / daysOf(every);
    if (!Number.isInteger(stretches) || stretches < 2 || stretches > MOST_STRETCHES)
      wrong(
        ['every'],
        `${window} has to be 2 to ${MOST_STRETCHES} times as long as ${every}, without a remainder.`,
      );
  }
}

function scopeOf(of: TypeSet, starts: TypeSet | null, { known, contract }: Resolving): Names {
  const names = new Map<string, Kind>([
    ...contract,
    ['value', 'number'],
    ['occurred_at', 'time'],
    ['as_of', 'time'],
  ]);
  const { types, categories } = starts === null ? of : union([of, starts]);
  if (known === null || categories.length > 0) return { names, attributes: { has: () => true, all: [] } };
  const all = new Set(types.flatMap((type) => known.attributesOf(type)));
  return { names, attributes: { has: (name) => all.has(name), all } };
}
