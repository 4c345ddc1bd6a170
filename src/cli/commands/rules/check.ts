import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { PerennialError } from '../../../core/errors.js';
import { formatProblem, type Problem } from '../../../core/problem.js';
import type { Settings } from '../../../core/settings.js';
import { junitXml } from '../../../rule-tests/junit.js';
import { loadRuleTests } from '../../../rule-tests/load-tests.js';
import type { RuleTestResult } from '../../../rule-tests/run-tests.js';
import { checkPresentValues, openTexts } from '../../../rules/check-present.js';
import { compileRuleSet } from '../../../rules/plan.js';
import { differenceInWords } from '../../../rules/refusal.js';
import type { RuleSet } from '../../../rules/rule-set.js';
import { type Difference, verifyPlan } from '../../../rules/verify.js';
import { readPresentValues } from '../../../store/present-values.js';
import type { CommandContext } from '../../command-context.js';
import { EXIT } from '../../exit-codes.js';
import { type EngineFlags, settingsOf, withStore } from '../../open-engine.js';
import {
  countOf,
  inFolder,
  pathIn,
  printProblems,
  type RulesFolder,
  readRuleCatalogue,
  readRulesFolder,
} from '../../rules-folder.js';
import { print, printJson } from '../../terminal.js';

interface Options extends EngineFlags {
  readonly strict?: boolean;
  readonly verify: boolean;
  readonly present: boolean;
  readonly junit?: string;
  readonly json?: boolean;
}

/** `perennial rules check`: everything that can be known of rule files without a store. */
export function rulesCheckCommand(context: CommandContext): Command {
  const { terminal } = context;
  return new Command('check')
    .description('check rules, offers, guardrails, currencies, experiments and rule tests')
    .argument('[folder]', 'rules folder (PERENNIAL_RULES, ./rules)')
    .option('--scoring <dir>', 'folder with features and scorecards (PERENNIAL_SCORING, ./scoring)')
    .option('--strict', 'warnings fail the check too')
    .option('--data <dir>', 'data directory of the embedded ClickHouse (PERENNIAL_DATA, ./data)')
    .option('--no-present', 'do not look into the store for values that no subscription has')
    .option('--no-verify', 'do not run json-rules-engine beside the compiled rules')
    .option(
      '--junit <file>',
      'also write JUnit XML into this file, one case for each file checked; - for standard output, in place of text',
    )
    .option('--json', 'as JSON')
    .action(async (folder: string | undefined, options: Options) => {
      const settings = settingsOf(terminal, options);
      const read = readRulesFolder(folder ?? settings.PERENNIAL_RULES, readRuleCatalogue(settings));
      const { set } = read;
      const tests = set === undefined ? [] : loadRuleTests(read.files, set).problems;
      const unknown = set === undefined || !options.present ? [] : await valuesOfNobody(settings, set);
      const problems = [
        ...read.problems,
        ...[...unknown, ...tests].map((problem) => inFolder(read.folder, problem)),
      ];
      const differences: readonly Difference[] =
        set === undefined || !options.verify ? [] : await verifyPlan(compileRuleSet(set));
      const errors = problems.filter(({ severity }) => severity === 'error').length;
      const warnings = problems.length - errors;
      const ok = errors === 0 && differences.length === 0 && (options.strict !== true || warnings === 0);
      if (!ok) context.exitCode = EXIT.check;
      const counts = {
        rules: set?.rules.length ?? 0,
        offers: set?.offers.size ?? 0,
        guardrails: set?.guardrails.length ?? 0,
        experiments: set?.experiments.length ?? 0,
      };
      if (options.junit !== undefined) {
        const xml = junitXml(resultsByFile(read, problems, differences, options.strict === true));
        if (options.junit === '-') terminal.stdout.write(xml);
        else writeFileSync(options.junit, xml);
      }
      if (options.json === true) {
        printJson(terminal, { ok, revision: set?.revision ?? null, ...counts, problems, differences });
        return;
      }
      if (options.junit === '-') return;
      printProblems(terminal, problems);
      for (const difference of differences)
        print(terminal, terminal.colors.red(differenceInWords(difference)));
      if (problems.length > 0 || differences.length > 0) {
        print(terminal, `${countOf(errors + differences.length, 'error')}, ${countOf(warnings, 'warning')}`);
      }
      if (set === undefined) return;
      const what = Object.entries(counts).map(([name, count]) => countOf(count, name.slice(0, -1)));
      const verified =
        options.verify && differences.length === 0 ? '; verified beside json-rules-engine' : '';
      if (ok) print(terminal, `ok: ${what.join(', ')}${verified}; revision ${set.revision}`);
    });
}

/**
 * Values that no subscription in the store has. Where there is no store, or another process has it, the rules are checked
 * without: they have to be checkable on any machine.
 */
async function valuesOfNobody(settings: Settings, { files, facts }: RuleSet): Promise<readonly Problem[]> {
  try {
    return await withStore(settings, async (store) =>
      checkPresentValues(files, await readPresentValues(store, openTexts(facts.values()))),
    );
  } catch (thrown) {
    const { code } = PerennialError.from(thrown);
    if (code === 'not_found' || code === 'failed_precondition' || code === 'unavailable') return [];
    throw thrown;
  }
}

/** Each file as a test that fails by its errors (with `strict` by its warnings too), and verification as one more. */
function resultsByFile(
  { files, folder }: RulesFolder,
  problems: readonly Problem[],
  differences: readonly Difference[],
  strict: boolean,
): RuleTestResult[] {
  const result = (file: string, name: string, failures: readonly string[]): RuleTestResult => ({
    file,
    line: 1,
    name,
    passed: failures.length === 0,
    failures,
  });
  const checked = [...files.keys()].map((name) => {
    const file = pathIn(folder, name);
    const own = problems.filter(
      (problem) => problem.file === file && (strict || problem.severity === 'error'),
    );
    return result(file, 'check', own.map(formatProblem));
  });
  return [
    ...checked,
    result(folder, 'verification beside json-rules-engine', differences.map(differenceInWords)),
  ];
}
