import { Command } from 'commander';
import { PerennialError } from '../../../core/errors.js';
import { byPlace, formatProblem, type Problem } from '../../../core/problem.js';
import type { Settings } from '../../../core/settings.js';
import { listFolder, readTextFiles } from '../../../core/text-files.js';
import { checkRules, unreadProblem } from '../../../rule-tests/check-rules.js';
import { junitXml } from '../../../rule-tests/junit.js';
import type { RuleTestResult } from '../../../rule-tests/run-tests.js';
import { openTexts } from '../../../rules/check-present.js';
import type { RuleCatalogue } from '../../../rules/load.js';
import { differenceInWords } from '../../../rules/refusal.js';
import { unreadFiles } from '../../../rules/rule-folder.js';
import type { Difference } from '../../../rules/verify.js';
import { type PresentValues, readPresentValues } from '../../../store/present-values.js';
import type { CommandContext } from '../../command-context.js';
import { EXIT } from '../../exit-codes.js';
import { type EngineFlags, settingsOf, withStore } from '../../open-engine.js';
import { countOf, inFolder, pathIn, printProblems, readRuleCatalogue } from '../../rules-folder.js';
import { print, printJson } from '../../terminal.js';
import { writeFile } from '../../write-file.js';

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
      const checked = folder ?? settings.PERENNIAL_RULES;
      const catalogue = readRuleCatalogue(settings);
      const files = readTextFiles(checked);
      const present = options.present ? await presentValues(settings, catalogue) : undefined;
      const { set, differences, ...found } = await checkRules(files, catalogue, {
        live: null,
        verify: options.verify,
        ...(present === undefined ? {} : { present }),
      });
      const problems = [...found.problems, ...unreadFiles(listFolder(checked)).map(unreadProblem)]
        .sort(byPlace)
        .map((problem) => inFolder(checked, problem));
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
        const names = [...files.keys()];
        const xml = junitXml(resultsByFile(checked, names, problems, differences, options.strict === true));
        if (options.junit === '-') terminal.stdout.write(xml);
        else writeFile(options.junit, xml);
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
 * The values that subscriptions in the store have. Where there is no store, or another process has it, the rules are checked
 * without: they have to be checkable on any machine.
 */
async function presentValues(
  settings: Settings,
  { facts }: RuleCatalogue,
): Promise<PresentValues | undefined> {
  try {
    return await withStore(settings, (store) => readPresentValues(store, openTexts(facts)));
  } catch (thrown) {
    const { code } = PerennialError.from(thrown);
    if (code === 'not_found' || code === 'failed_precondition' || code === 'unavailable') return undefined;
    throw thrown;
  }
}

/** Each file as a test that fails by its errors (with `strict` by its warnings too), and verification as one more. */
function resultsByFile(
  folder: string,
  names: readonly string[],
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
  const checked = names.map((name) => {
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
