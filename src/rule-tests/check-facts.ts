import type { Fact } from '../columns/fact.js';
import { didYouMean } from '../core/nearest-name.js';
import type { Problem } from '../core/problem.js';
import { kindInWords, kindOf } from '../core/schema-words.js';
import { problemAt, type YamlFile } from '../core/yaml-file.js';
import { rangeOf } from '../rules/comparison-side.js';

/** Facts that a person gave by hand, against the catalogue: known names, values of the right kind that occur. */
export function checkFacts(
  file: YamlFile,
  at: readonly PropertyKey[],
  values: Readonly<Record<string, unknown>>,
  facts: ReadonlyMap<string, Fact>,
): Problem[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const fact = facts.get(name);
    if (fact === undefined) return [unknown(file, [...at, name], 'fact', name, facts.keys(), true)];
    const fault = faultOf(fact, value);
    if (fault === undefined) return [];
    const { code, message, suggestion } = fault;
    return [problemAt(file, [...at, name], code, message, suggestion === undefined ? {} : { suggestion })];
  });
}

function faultOf(
  fact: Fact,
  value: unknown,
): { code: string; message: string; suggestion?: string | undefined } | undefined {
  const { name, kind, range, values } = fact;
  if (value === null) {
    if (fact.optional) return undefined;
    return { code: 'never-missing', message: `\`${name}\` always has a value, so it can't be null.` };
  }
  const given = kindOf(value) === 'array' ? 'list' : kindOf(value);
  if (given !== kind || (Array.isArray(value) && value.some((item) => typeof item !== 'string'))) {
    const wanted = kind === 'list' ? 'a list of texts' : kindInWords(kind);
    return {
      code: 'wrong-kind',
      message: `\`${name}\` is ${wanted}, and this is ${kindInWords(kindOf(value))}.`,
    };
  }
  if (typeof value === 'string' && values !== null && !values.includes(value)) {
    return {
      code: 'never-holds',
      message: `\`${name}\` is never "${value}". It is one of: ${values.join(', ')}.`,
      suggestion: didYouMean(value, values),
    };
  }
  const [low, high] = range;
  if (typeof value === 'number' && ((low !== null && value < low) || (high !== null && value > high))) {
    return { code: 'never-holds', message: `\`${name}\` is never ${value}: it lies ${rangeOf(fact)}.` };
  }
  return undefined;
}

/** A name that is not among those that there are. */
export function unknown(
  file: YamlFile,
  at: readonly PropertyKey[],
  what: string,
  name: string,
  names: Iterable<string>,
  key = false,
): Problem {
  const suggestion = didYouMean(name, names);
  return problemAt(file, at, `unknown-${what}`, `There is no ${what} \`${name}\`.`, {
    key,
    ...(suggestion === undefined ? {} : { suggestion }),
  });
}
