import { readFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { Command } from 'commander';
import { batchOf } from '../../../columns/batch-of.js';
import type { Fact } from '../../../columns/fact.js';
import { PerennialError } from '../../../core/errors.js';
import { formatProblem } from '../../../core/problem.js';
import { problemAt, readYaml } from '../../../core/yaml-file.js';
import { checkFacts } from '../../../rule-tests/check-facts.js';
import { explainRow, explanationLines } from '../../../rules/explain.js';
import type { CommandContext } from '../../command-context.js';
import { type EngineFlags, settingsOf } from '../../open-engine.js';
import { planOf, readRuleCatalogue, readRulesFolder } from '../../rules-folder.js';
import { print, printJson } from '../../terminal.js';

interface Options extends EngineFlags {
  readonly all?: boolean;
  readonly json?: boolean;
}

type Row = Readonly<Record<string, unknown>>;

/** `perennial rules try`: what would fire for facts written by hand. */
export function rulesTryCommand({ terminal }: CommandContext): Command {
  return new Command('try')
    .description('say which rules fire for facts in a file, and why')
    .argument(
      '<facts>',
      'JSON or YAML file with one object of facts, or a list of them; - reads standard input',
    )
    .option('--rules <dir>', 'rules folder (PERENNIAL_RULES, ./rules)')
    .option('--scoring <dir>', 'folder with features and scorecards (PERENNIAL_SCORING, ./scoring)')
    .option('--all', 'explain the rules that do not fire too')
    .option('--json', 'one JSON object for each object of facts')
    .action(async (path: string, options: Options) => {
      const settings = settingsOf(terminal, options);
      const plan = planOf(readRulesFolder(settings.PERENNIAL_RULES, readRuleCatalogue(settings)));
      const rows = await readRows(path, plan.set.facts);
      const batch = batchOf(plan.set.facts.values(), rows);
      const evaluation = plan.evaluate(batch);
      for (let row = 0; row < rows.length; row++) {
        const explained = explainRow(plan, batch, row);
        const guardrails = evaluation.guardrailsOf(row).map(({ name }) => name);
        if (options.json === true) {
          const rules = options.all === true ? explained : explained.filter(({ fired }) => fired);
          printJson(terminal, { rules, guardrails, revision: plan.set.revision });
          continue;
        }
        if (rows.length > 1) print(terminal, `${row === 0 ? '' : '\n'}facts ${row + 1} of ${rows.length}`);
        const shown = options.all === true ? explained : explained.filter(({ fired }) => fired);
        if (!explained.some(({ fired }) => fired)) print(terminal, 'no rule fires');
        for (const one of shown) for (const line of explanationLines(one)) print(terminal, line);
        print(terminal, `guardrails that apply: ${guardrails.join(', ') || 'none'}`);
      }
    });
}

async function readRows(path: string, facts: ReadonlyMap<string, Fact>): Promise<Row[]> {
  const text = path === '-' ? await readAll(process.stdin) : readInput(path);
  const file = readYaml(path, text);
  const many = Array.isArray(file.value);
  const rows: readonly unknown[] = many ? (file.value as unknown[]) : [file.value];
  const problems =
    file.problems.length > 0
      ? file.problems
      : rows.flatMap((row, i) => {
          const at = many ? [i] : [];
          return isRow(row) ? checkFacts(file, at, row, facts) : [problemAt(file, at, 'schema', NOT_FACTS)];
        });
  if (problems.length > 0) {
    throw new PerennialError('invalid_argument', problems.map(formatProblem).join('\n'));
  }
  return rows as Row[];
}

const NOT_FACTS = 'Facts are names with values, such as {"risk": 72, "band": "high"}.';

function isRow(row: unknown): row is Row {
  return typeof row === 'object' && row !== null && !Array.isArray(row);
}

function readInput(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new PerennialError('not_found', `There is no file ${path}.`, { cause: thrown });
  }
}
