import type { Fact } from '../columns/fact.js';
import { LIMITS } from '../core/limits.js';
import type { Problem } from '../core/problem.js';
import { checkComparison } from './check-comparison.js';
import { checkConditions, checkReferences } from './check-conditions.js';
import { checkMissing } from './check-missing.js';
import { checkRules } from './check-rules.js';
import type { Comparison } from './condition.js';
import { type Placed, type PlacedCondition, placeName } from './placed.js';
import type { FileContents } from './read-rule-files.js';
import { withOpenFacts, withoutFaulty } from './repaired-condition.js';
import type { Guardrail } from './rule-set.js';

/** Whether conditions can mean what their authors want: first every comparison by itself, then every rule as a whole. */
export function checkSet(contents: FileContents, facts: ReadonlyMap<string, Fact>): Problem[] {
  const { rules, damaged, unread } = contents;
  const shared = new Map(
    contents.shared.map(({ value: { name, condition }, file, path }) => [name, { condition, file, path }]),
  );
  const guarded = contents.guardrails.flatMap(({ value: { when }, file, path }): PlacedCondition[] =>
    when === undefined ? [] : [{ condition: when, file, path: [...path, 'when'] }],
  );
  const users = [...rules, ...damaged, ...guarded];
  const known = unread.includes('rules') ? null : new Set(shared.keys());
  const single = [...shared.values(), ...users].flatMap((placed) => checkConditions(placed, facts, known));
  const references = checkReferences(shared, users);
  // To follow the references of such a set comes to no end.
  if (references.length > 0 || rules.length > LIMITS.rules) return [...single, ...references];

  const isFaulty = (part: Comparison | { readonly condition: string }): boolean =>
    'condition' in part
      ? !shared.has(part.condition)
      : checkComparison(part, facts).some(({ severity }) => severity === 'error');
  const anyFaulty =
    single.some(({ severity }) => severity === 'error') || damaged.length > 0 || known === null;
  const sound = <T extends PlacedCondition>(placed: T): T =>
    anyFaulty
      ? { ...placed, condition: withoutFaulty(placed.condition, isFaulty, placeName(placed)) }
      : placed;
  const soundShared = new Map([...shared].map(([name, placed]) => [name, sound(placed)]));
  const open = withOpenFacts(facts);
  return [
    ...single,
    ...[...rules, ...damaged].flatMap((placed) => checkMissing(sound(placed), soundShared, open)),
    ...checkRules({
      rules: rules.map(sound),
      others: damaged.map(sound),
      shared: soundShared,
      guardrails: contents.guardrails.map((placed) => withSoundWhen(placed, sound)),
      offers: new Map(contents.offers.map(({ value }) => [value.name, value])),
      facts: open,
    }),
  ];
}

function withSoundWhen(
  placed: Placed<Guardrail>,
  sound: (placed: PlacedCondition) => PlacedCondition,
): Placed<Guardrail> {
  const { value, file, path } = placed;
  if (value.when === undefined) return placed;
  return { file, path, value: { ...value, when: sound({ condition: value.when, file, path }).condition } };
}
