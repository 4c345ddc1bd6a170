import { Engine, type RuleProperties, type TopLevelCondition } from 'json-rules-engine';
import type { Value } from '../columns/column.js';
import type { Condition } from './condition.js';

/**
 * json-rules-engine itself for one set of conditions: the reference that compiled plans are held against. It never runs
 * on the way of a request. Facts that are missing are given to it as null.
 */
export interface ReferenceEngine {
  /** Whether the conditions hold. Rejects where json-rules-engine throws. Calls on one engine must not overlap. */
  holds(facts: Readonly<Record<string, Value>>): Promise<boolean>;
}

export function referenceEngineOf(
  conditions: Condition,
  shared: ReadonlyMap<string, { readonly condition: Condition }>,
): ReferenceEngine {
  const engine = new Engine();
  for (const name of referencesOf(conditions, shared)) {
    engine.setCondition(name, plainCopy(shared.get(name)!.condition) as TopLevelCondition);
  }
  const rule: RuleProperties = {
    conditions: plainCopy(conditions) as TopLevelCondition,
    event: { type: 'held' },
  };
  engine.addRule(rule);
  return {
    async holds(facts) {
      const { events } = await engine.run({ ...facts });
      return events.length === 1;
    },
  };
}

/** Shared conditions that some conditions name, directly or through others. */
function referencesOf(
  conditions: Condition,
  shared: ReadonlyMap<string, { readonly condition: Condition }>,
): Set<string> {
  const names = new Set<string>();
  const visit = (condition: Condition): void => {
    for (const part of condition.all ?? condition.any ?? []) visit(part);
    if (condition.not !== undefined) visit(condition.not);
    const name = condition.condition;
    if (name !== undefined && !names.has(name)) {
      names.add(name);
      visit(shared.get(name)!.condition);
    }
  };
  visit(conditions);
  return names;
}

/** json-rules-engine writes into what it is given, and reads keys that are there but undefined. */
function plainCopy(condition: Condition): unknown {
  return JSON.parse(JSON.stringify(condition));
}
