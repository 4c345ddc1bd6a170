import { describe, expect, it } from 'vitest';
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
});
