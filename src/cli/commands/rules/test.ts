import { Command } from 'commander';
import { PerennialError } from '../../../core/errors.js';
import type { Settings } from '../../../core/settings.js';
import type { Coverage } from '../../../rule-tests/coverage.js';
import { junitXml } from '../../../rule-tests/junit.js';
import { loadRuleTests } from '../../../rule-tests/load-tests.js';
import { type FactsOf, type RuleTestReport, runRuleTests } from '../../../rule-tests/run-tests.js';
import type { CommandContext } from '../../command-context.js';
import { EXIT } from '../../exit-codes.js';
import { type EngineFlags, settingsOf, withEngine } from '../../open-engine.js';
import {
  countOf,
  inFolder,
  planOf,
  printProblems,
  readRuleCatalogue,
  readRulesFolder,
} from '../../rules-folder.js';
import { print, printJson, type Terminal } from '../../terminal.js';
import { writeFile } from '../../write-file.js';

interface Options extends EngineFlags {
  readonly coverage?: boolean;
  readonly junit?: string;
  readonly json?: boolean;
}

/** `perennial rules test`: the YAML tests beside the rules. */
export function rulesTestCommand(context: CommandContext): Command {
  const { terminal } = context;
  return new Command('test')
    .description('run the rule tests in <folder>/tests')
    .argument('[folder]', 'rules folder (PERENNIAL_RULES, ./rules)')
    .option('--scoring <dir>', 'folder with features and scorecards (PERENNIAL_SCORING, ./scoring)')
    .option(
      '--data <dir>',
      'data directory of the embedded ClickHouse, for tests that start from a subscription',
    )
    .option('--coverage', 'say which rules and comparisons no test made true and false')
    .option('--junit <file>', 'also write JUnit XML into this file; - for standard output, in place of text')
    .option('--json', 'as JSON')
    .action(async (folder: string | undefined, options: Options) => {
      const settings = settingsOf(terminal, options);
      const read = readRulesFolder(folder ?? settings.PERENNIAL_RULES, readRuleCatalogue(settings));
      const plan = planOf(read);
      const tests = loadRuleTests(read.files, plan.set);
      if (tests.problems.length > 0) {
        const problems = tests.problems.map((problem) => inFolder(read.folder, problem));
        if (options.json === true) printJson(terminal, { ok: false, problems });
        else printProblems(terminal, problems);
        context.exitCode = EXIT.check;
        return;
      }
      const needsStore = tests.cases.some(({ subscription }) => subscription !== null);
      const report = await withFacts(needsStore, settings, (factsOf) =>
        runRuleTests(plan, tests.cases, factsOf),
      );
      const failed = report.results.filter(({ passed }) => !passed);
      if (failed.length > 0) context.exitCode = EXIT.tests;
      const xml = junitXml(report.results);
      if (options.junit === '-') terminal.stdout.write(xml);
      else if (options.junit !== undefined) writeFile(options.junit, xml);
      if (options.json === true)
        printJson(terminal, { ok: failed.length === 0, revision: plan.set.revision, ...report });
      else if (options.junit !== '-') printReport(terminal, report, read.folder, options.coverage === true);
    });
}

/** Tests that start from a subscription need the store; others must not open it: another process may hold it. */
async function withFacts<T>(
  needsStore: boolean,
  settings: Settings,
  work: (factsOf: FactsOf) => Promise<T>,
): Promise<T> {
  if (!needsStore) {
    return work(() =>
      Promise.reject(new PerennialError('internal', 'A test asked for a store it did not name.')),
    );
  }
  return withEngine(settings, 'ask', ({ questions }) =>
    work((subscription, asOf) => questions.facts(subscription, asOf)),
  );
}

function printReport(
  terminal: Terminal,
  { results, coverage }: RuleTestReport,
  folder: string,
  withCoverage: boolean,
): void {
  const { colors } = terminal;
  for (const { file, line, name, passed, failures } of results) {
    if (passed) continue;
    print(terminal, colors.red(`failed: ${folder}/${file}:${line}: ${name}`));
    for (const failure of failures) print(terminal, `  ${failure}`);
  }
  if (withCoverage) printCoverage(terminal, coverage);
  const failed = results.filter(({ passed }) => !passed).length;
  print(
    terminal,
    `${countOf(results.length, 'test')}, ${failed} failed; ${coverage.covered} of ${countOf(coverage.rules, 'rule')} seen firing and silent`,
  );
}

function printCoverage(terminal: Terminal, { gaps }: Coverage): void {
  for (const { rule, neverFired, neverSilent, neverTrue, neverFalse } of gaps) {
    if (neverFired) print(terminal, `${rule}: no test makes it fire`);
    if (neverSilent) print(terminal, `${rule}: no test leaves it silent`);
    for (const words of neverTrue) print(terminal, `${rule}: no test makes it true that ${words}`);
    for (const words of neverFalse) print(terminal, `${rule}: no test makes it false that ${words}`);
  }
}
