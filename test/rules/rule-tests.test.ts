import { describe, expect, it } from 'vitest';
import { PerennialError } from '../../src/core/errors.js';
import { formatProblem } from '../../src/core/problem.js';
import { readTextFiles } from '../../src/core/text-files.js';
import { factCatalogue } from '../../src/engine/facts.js';
import { loadRuleTests } from '../../src/rule-tests/load-tests.js';
import { runRuleTests } from '../../src/rule-tests/run-tests.js';
import { loadRuleSet } from '../../src/rules/load.js';
import { compileRuleSet } from '../../src/rules/plan.js';
import { loadScoring } from '../../src/scoring/load.js';
import { projectFile } from '../support/project.js';

const { scoring } = loadScoring(readTextFiles(projectFile('scoring')), 'scoring');
const facts = factCatalogue(scoring!.catalogue);
const files = readTextFiles(projectFile('rules'));
const noStore = () => Promise.reject(new Error('no store'));

describe('the rules that come with Perennial', () => {
  const { set, problems } = loadRuleSet(files, { facts });

  it('have no problems under the facts that the engine has', () => {
    expect(problems.map(formatProblem)).toEqual([]);
  });

  it('pass their own tests, which leave no rule and no comparison untried', async () => {
    const plan = compileRuleSet(set!);
    const tests = loadRuleTests(files, set!);
    expect(tests.problems.map(formatProblem)).toEqual([]);
    const report = await runRuleTests(plan, tests.cases, noStore);
    expect(report.results.filter(({ passed }) => !passed)).toEqual([]);
    expect(report.coverage.gaps).toEqual([]);
    expect(report.results.length).toBeGreaterThan(40);
  });

  const testsOf = (text: string) => loadRuleTests(new Map([['tests/a.yaml', text]]), set!);

  // Bug: a test whose subscription was not in the store ended the run, and no other test was told of.
  it('fail where a subscription is not in the store, and leave the other tests be', async () => {
    const { cases } = testsOf(`tests:
  - name: of somebody
    subscription: { id: nobody, as_of: "2025-03-01T00:00:00Z" }
    facts: { champion_left_90d: true }
    expect: []
  - name: by hand
    facts: { band: low }
    expect: []
`);
    const factsOf = () => Promise.reject(new PerennialError('not_found', 'There is no subscription nobody.'));
    const { results, coverage } = await runRuleTests(compileRuleSet(set!), cases, factsOf);
    expect(results).toEqual([
      {
        file: 'tests/a.yaml',
        line: 2,
        name: 'of somebody',
        passed: false,
        failures: ['There is no subscription nobody.'],
      },
      { file: 'tests/a.yaml', line: 6, name: 'by hand', passed: true, failures: [] },
    ]);
    // What was not run shows nothing of the rules.
    const seen = coverage.gaps.find(({ rule }) => rule === 'champion_left');
    expect(seen?.neverTrue).toContain('champion_left_90d is true');
  });

  it('refuse facts that never occur, each with its place', () => {
    const text = `tests:
  - name: a
    facts: { risk: 120, band: hihg, seat_utilisation: "0.5", rsk: 1 }
    expect: []
`;
    expect(testsOf(text).problems.map(formatProblem)).toEqual([
      'tests/a.yaml:3:20: error: `risk` is never 120: it lies between 0 and 100. [never-holds]',
      'tests/a.yaml:3:31: error: `band` is never "hihg". It is one of: low, medium, high, critical, unknown. (did you mean `high`?) [never-holds]',
      'tests/a.yaml:3:55: error: `seat_utilisation` is a number, and this is text. [wrong-kind]',
      'tests/a.yaml:3:62: error: There is no fact `rsk`. (did you mean `risk`?) [unknown-fact]',
    ]);
  });
});
