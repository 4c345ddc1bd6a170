import type { Fact } from '../columns/fact.js';
import { didYouMean } from '../core/nearest-name.js';
import { byPlace, distinct, type Problem } from '../core/problem.js';
import { problemAt } from '../core/yaml-file.js';
import type { Condition } from './condition.js';
import { isFactReference } from './expression.js';
import type { PlacedCondition } from './placed.js';
import { readRuleFiles } from './read-rule-files.js';
import { ruleSetFiles } from './rule-folder.js';

/** For each fact the values that subscriptions have, and how many have each. */
type PresentValues = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** The texts of the contract that may have any value: what is there shows what rules may mean. */
export function openTexts(facts: Iterable<Fact>): string[] {
  return [...facts]
    .filter(
      ({ kind, values, origin }) =>
        origin === 'subscription' && kind !== 'number' && kind !== 'boolean' && values === null,
    )
    .map(({ name }) => name);
}

/**
 * Texts in conditions that no subscription has: `region` equal EU where regions are emea and amer. Warnings, since a value may
 * be ahead of the first customer who has it. Facts that `present` does not know are left alone.
 */
export function checkPresentValues(files: ReadonlyMap<string, string>, present: PresentValues): Problem[] {
  const { rules, shared, guardrails } = readRuleFiles(ruleSetFiles(files));
  const conditions: PlacedCondition[] = [
    ...rules,
    ...shared.map(({ value: { condition }, file, path }) => ({ condition, file, path })),
    ...guardrails.flatMap(({ value: { when }, file, path }) =>
      when === undefined ? [] : [{ condition: when, file, path: [...path, 'when'] }],
    ),
  ];
  return distinct(conditions.flatMap((placed) => valuesOfNobody(placed, present))).sort(byPlace);
}

function valuesOfNobody({ condition, file, path }: PlacedCondition, present: PresentValues): Problem[] {
  const inside = (part: Condition, ...steps: readonly PropertyKey[]) =>
    valuesOfNobody({ condition: part, file, path: [...path, ...steps] }, present);
  const { all, any, not, fact, value } = condition;
  if (all !== undefined) return all.flatMap((part, i) => inside(part, 'all', i));
  if (any !== undefined) return any.flatMap((part, i) => inside(part, 'any', i));
  if (not !== undefined) return inside(not, 'not');
  const values = fact === undefined ? undefined : present.get(fact);
  if (fact === undefined || values === undefined || isFactReference(value)) return [];
  return textsIn(value).flatMap(([text, steps]) => {
    if (text === '' || values.has(text)) return [];
    const suggestion = didYouMean(text, values.keys());
    const message = `No subscription has "${text}" as its \`${fact}\`. There is: ${inWords(values)}.`;
    return [
      problemAt(file, [...path, 'value', ...steps], 'nobody-has', message, {
        severity: 'warning',
        ...(suggestion === undefined ? {} : { suggestion }),
      }),
    ];
  });
}

/** Every text of a literal, with the way to it. */
function textsIn(value: unknown): [string, readonly PropertyKey[]][] {
  if (typeof value === 'string') return [[value, []]];
  if (!Array.isArray(value)) return [];
  return value.flatMap((item, i) =>
    textsIn(item).map(([text, steps]): [string, readonly PropertyKey[]] => [text, [i, ...steps]]),
  );
}

/** `emea (130), amer (20) and 3 more`, the most frequent first. */
function inWords(values: ReadonlyMap<string, number>): string {
  const shown = [...values]
    .slice(0, 8)
    .map(([value, count]) => `${value} (${count.toLocaleString('en-US')})`);
  const more = values.size - shown.length;
  return `${shown.join(', ')}${more === 0 ? '' : ` and ${more} more`}`;
}
