import { CONTRACT_FIELDS } from '../features/contract-fields.js';
import { namesIn } from '../features/expression/expression.js';
import type { Feature, FeatureCatalogue } from '../features/feature.js';
import { contractRead } from '../features/measures/measure.js';
import { measuresOf, typesOf } from '../features/usable.js';
import { factsOf } from '../rules/expression.js';
import type { LineageRow } from '../store/lineage.js';
import type { Definitions } from './definitions.js';

/** Where the features of definitions come from, and what uses them: signal types, fields of the contract, scorecards, rules, guardrails. */
export function lineageOf({ scoring, plan }: Definitions): readonly LineageRow[] {
  const { catalogue, scorecards } = scoring;
  const row = (
    feature: string,
    relation: LineageRow['relation'],
    name: string,
    weight: number | null = null,
  ): LineageRow => ({ feature, relation, name, weight });
  const names = new Set(catalogue.features.map(({ name }) => name));
  const used = (relation: 'in_rule' | 'in_guardrail', name: string, facts: readonly string[]) =>
    facts.filter((fact) => names.has(fact)).map((fact) => row(fact, relation, name));
  return [
    ...catalogue.features.flatMap((feature) => [
      ...typesOf(feature, catalogue).map((type) => row(feature.name, 'reads_signals', type)),
      ...contractFieldsOf(feature, catalogue).map((field) => row(feature.name, 'reads_contract', field)),
    ]),
    ...scorecards.flatMap((card) =>
      card.features.map(({ name, weight }) => row(name, 'in_scorecard', card.name, weight)),
    ),
    ...plan.set.rules.flatMap(({ name, conditions }) =>
      used('in_rule', name, factsOf(plan.expressionOf(conditions))),
    ),
    ...plan.set.guardrails.flatMap(({ name, when }) =>
      when === undefined ? [] : used('in_guardrail', name, factsOf(plan.expressionOf(when))),
    ),
  ];
}

/** Fields of the contract that a feature rests on, through shared values and measures too. */
function contractFieldsOf(feature: Feature, catalogue: FeatureCatalogue): readonly string[] {
  const seen = new Set<string>();
  const visit = (expression: Feature['value']): void => {
    if (expression === null) return;
    for (const name of namesIn(expression)) {
      if (seen.has(name)) continue;
      seen.add(name);
      visit(catalogue.values.get(name) ?? null);
    }
  };
  visit(feature.value);
  visit(feature.knownIf);
  for (const measure of measuresOf(feature, catalogue))
    for (const name of contractRead(measure)) seen.add(name);
  for (const word of feature.sql?.match(/[a-z_][a-z0-9_]*/g) ?? []) seen.add(word);
  return [...seen].filter((name) => CONTRACT_FIELDS.has(name)).sort();
}
