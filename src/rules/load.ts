import type { Fact } from '../columns/fact.js';
import { revisionOf } from '../core/identity.js';
import { byPlace, distinct, type Problem } from '../core/problem.js';
import { DEFAULT_BRAKE } from './brake.js';
import { checkDetails } from './check-details.js';
import { checkNames } from './check-names.js';
import { checkOffers } from './check-offers.js';
import { checkSet } from './check-set.js';
import { DEFAULT_CURRENCIES } from './currency-file.js';
import { DEFAULT_LIVES } from './life.js';
import { type FileContents, readRuleFiles } from './read-rule-files.js';
import { ruleSetFiles } from './rule-folder.js';
import type { RuleSet, SharedCondition } from './rule-set.js';

/** What rules may name. */
export interface RuleCatalogue {
  readonly facts: readonly Fact[];
}

/** `set` is there exactly when no problem is an error; warnings are in both. */
export interface LoadedRules {
  readonly set: RuleSet | undefined;
  /** By file, line and column. */
  readonly problems: readonly Problem[];
}

/**
 * Reads and checks a whole rule set. `files`: text by path relative to the rules folder, `/` between folders; `rule-folder.ts`
 * says which of them are what. Never throws: whatever is wrong with the files is a problem.
 */
export function loadRuleSet(files: ReadonlyMap<string, string>, catalogue: RuleCatalogue): LoadedRules {
  const own = ruleSetFiles(files);
  const facts = new Map(catalogue.facts.map((fact) => [fact.name, fact]));
  const contents = readRuleFiles(own);
  const problems = distinct([
    ...contents.problems,
    ...checkNames(contents),
    ...checkDetails(contents),
    ...checkOffers(contents),
    ...checkSet(contents, facts),
  ]).sort(byPlace);
  const wrong = problems.some(({ severity }) => severity === 'error');
  return { set: wrong ? undefined : ruleSetOf(own, facts, contents, problems), problems };
}

/** What files without errors amount to. */
function ruleSetOf(
  files: ReadonlyMap<string, string>,
  facts: ReadonlyMap<string, Fact>,
  contents: FileContents,
  warnings: readonly Problem[],
): RuleSet {
  const says = (what: 'rules' | 'guardrails') => contents.none.some(({ value }) => value === what);
  return {
    revision: revisionOf(files),
    files,
    facts,
    rules: contents.rules.map(({ rule }) => rule).sort((a, b) => b.priority - a.priority),
    conditions: new Map(contents.shared.map((shared) => [shared.value.name, sharedCondition(shared)])),
    offers: new Map(contents.offers.map(({ value }) => [value.name, value])),
    guardrails: contents.guardrails.map(({ value }) => value),
    experiments: contents.experiments.map(({ value }) => value),
    lives: contents.lives[0]?.value ?? DEFAULT_LIVES,
    brake: contents.brakes[0] === undefined ? DEFAULT_BRAKE : contents.brakes[0].value,
    currencies: contents.currencies[0]?.value ?? DEFAULT_CURRENCIES,
    saysNone: { rules: says('rules'), guardrails: says('guardrails') },
    warnings,
  };
}

function sharedCondition({ value, file, path }: FileContents['shared'][number]): SharedCondition {
  return { ...value, place: { file: file.path, ...file.locate(path, { key: true }) } };
}
