import type { Problem } from '../core/problem.js';
import { checkYaml, readYaml, type YamlFile } from '../core/yaml-file.js';
import { isRuleTestFile } from '../rules/rule-folder.js';
import type { RuleSet } from '../rules/rule-set.js';
import {
  type ExpectedEffect,
  type ExpectedSuppression,
  type FactValues,
  type PastDecision,
  type RuleTest,
  ruleTestFileSchema,
} from '../rules/rule-test-file.js';
import { checkFacts, unknown } from './check-facts.js';

/** One test: a test without a table, or one row of a table. */
export interface RuleTestCase {
  readonly file: string;
  readonly line: number;
  /** The test's name, and the row's. */
  readonly name: string;
  /** Facts by hand and by fixture. */
  readonly facts: FactValues;
  /** The subscription whose facts it starts from, if any. */
  readonly subscription: { readonly id: string; readonly asOf: number } | null;
  readonly now: number;
  readonly history: readonly PastDecision[];
  readonly expect: readonly ExpectedEffect[] | undefined;
  readonly opens: readonly ExpectedEffect[] | undefined;
  readonly suppressed: readonly ExpectedSuppression[] | undefined;
}

/** Reads every test file of a rules folder and checks it against the rule set. Every mistake is a Problem with its place. */
export function loadRuleTests(
  files: ReadonlyMap<string, string>,
  set: RuleSet,
): { readonly cases: readonly RuleTestCase[]; readonly problems: readonly Problem[] } {
  const cases: RuleTestCase[] = [];
  const problems: Problem[] = [];
  for (const [path, text] of files) {
    if (!isRuleTestFile(path)) continue;
    const file = readYaml(path, text);
    const { data, problems: wrong } = checkYaml(file, ruleTestFileSchema);
    if (data === undefined) {
      problems.push(...wrong);
      continue;
    }
    for (const [name, facts] of Object.entries(data.fixtures)) {
      problems.push(...checkFacts(file, ['fixtures', name], facts, set.facts));
    }
    data.tests.forEach((test, i) => {
      const at = ['tests', i];
      problems.push(...checkTest(file, at, test, set, data.fixtures));
      cases.push(...casesOf(file, at, test, data.fixtures));
    });
  }
  return { cases, problems };
}

function casesOf(
  file: YamlFile,
  at: readonly PropertyKey[],
  test: RuleTest,
  fixtures: Readonly<Record<string, FactValues>>,
): RuleTestCase[] {
  const start = { ...(test.fixture === undefined ? {} : fixtures[test.fixture]), ...test.facts };
  const common = {
    file: file.path,
    line: file.locate(at).line,
    name: test.name,
    facts: start,
    subscription:
      test.subscription === undefined
        ? null
        : { id: test.subscription.id, asOf: Date.parse(test.subscription.as_of) },
    now: Date.parse(test.now),
    history: test.history,
    expect: test.expect,
    opens: test.opens,
    suppressed: test.suppressed,
  };
  if (test.cases === undefined) return [common];
  return test.cases.map((row, i) => ({
    ...common,
    line: file.locate([...at, 'cases', i]).line,
    name: `${test.name}: ${row.name ?? `row ${i + 1}`}`,
    facts: { ...start, ...row.facts },
    history: row.history ?? test.history,
    expect: row.expect ?? test.expect,
    opens: row.opens ?? test.opens,
    suppressed: row.suppressed ?? test.suppressed,
  }));
}

function checkTest(
  file: YamlFile,
  at: readonly PropertyKey[],
  test: RuleTest,
  set: RuleSet,
  fixtures: Readonly<Record<string, FactValues>>,
): Problem[] {
  const problems = checkFacts(file, [...at, 'facts'], test.facts, set.facts);
  if (test.fixture !== undefined && fixtures[test.fixture] === undefined) {
    problems.push(unknown(file, [...at, 'fixture'], 'fixture', test.fixture, Object.keys(fixtures)));
  }
  problems.push(...checkExpected(file, at, test, set));
  test.cases?.forEach((row, i) => {
    const path = [...at, 'cases', i];
    problems.push(...checkFacts(file, [...path, 'facts'], row.facts, set.facts));
    problems.push(...checkExpected(file, path, row, set));
  });
  return problems;
}

type Expectations = Pick<RuleTest, 'expect' | 'opens' | 'suppressed'>;

function checkExpected(
  file: YamlFile,
  at: readonly PropertyKey[],
  expected: Expectations,
  set: RuleSet,
): Problem[] {
  const rules = set.rules.map(({ name }) => name);
  const guardrails = [...set.guardrails.map(({ name }) => name), 'one_open_offer'];
  const problems: Problem[] = [];
  const known = (
    path: readonly PropertyKey[],
    what: string,
    name: string | undefined,
    names: readonly string[],
  ) => {
    if (name !== undefined && !names.includes(name)) {
      problems.push(unknown(file, [...at, ...path], what, name, names));
    }
  };
  for (const key of ['expect', 'opens'] as const) {
    expected[key]?.forEach((effect, i) => {
      if (typeof effect === 'string') {
        known([key, i], 'rule', effect, rules);
        return;
      }
      known([key, i, 'rule'], 'rule', effect.rule, rules);
      known([key, i, 'offer'], 'offer', effect.offer, [...set.offers.keys()]);
    });
  }
  expected.suppressed?.forEach(({ rule, by }, i) => {
    known(['suppressed', i, 'rule'], 'rule', rule, rules);
    known(['suppressed', i, 'by'], 'guardrail', by, guardrails);
  });
  return problems;
}
