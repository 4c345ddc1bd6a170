import { PerennialError } from '../core/errors.js';
import { byPlace, formatProblem, type Problem } from '../core/problem.js';
import type { Settings } from '../core/settings.js';
import { listFolder, readTextFiles } from '../core/text-files.js';
import { factCatalogue } from '../engine/facts.js';
import { problemOfSet, unreadProblem } from '../rule-tests/check-rules.js';
import { objectionTo } from '../rules/admission.js';
import { type LoadedRules, loadRuleSet, type RuleCatalogue } from '../rules/load.js';
import { compileRuleSet, type Plan } from '../rules/plan.js';
import { unreadFiles } from '../rules/rule-folder.js';
import { loadScoring } from '../scoring/load.js';
import type { Terminal } from './terminal.js';
import { print } from './terminal.js';

/** A rules folder as the rules commands need it: its files, and what became of them. */
export interface RulesFolder extends LoadedRules {
  readonly folder: string;
  readonly files: ReadonlyMap<string, string>;
  readonly catalogue: RuleCatalogue;
}

/** The facts that rules may name, by the scoring files of the settings. Throws `invalid_file` when those are wrong. */
export function readRuleCatalogue(settings: Settings): RuleCatalogue {
  const folder = settings.PERENNIAL_SCORING;
  const { scoring, problems } = loadScoring(readTextFiles(folder), folder);
  if (scoring !== undefined) return { facts: factCatalogue(scoring.catalogue) };
  throw new PerennialError('invalid_file', problems.map(formatProblem).join('\n'), {
    hint: `Rules are checked against the facts of ${folder}; fix it first.`,
  });
}

/** Reads and checks a rules folder, as far as that is possible without a store. Throws `not_found` when it can't be read. */
export function readRulesFolder(folder: string, catalogue: RuleCatalogue): RulesFolder {
  const files = readTextFiles(folder);
  const { set, problems } = loadRuleSet(files, catalogue);
  const objection = set === undefined ? undefined : objectionTo(set, null);
  const all = [
    ...problems,
    ...unreadFiles(listFolder(folder)).map(unreadProblem),
    ...(objection === undefined ? [] : [problemOfSet(objection)]),
  ];
  return {
    folder,
    files,
    catalogue,
    set: objection === undefined ? set : undefined,
    problems: all.sort(byPlace).map((problem) => inFolder(folder, problem)),
  };
}

/** The plan of a folder. Throws `invalid_file` with every problem when there is none. */
export function planOf({ set, problems, folder }: RulesFolder): Plan {
  if (set !== undefined) return compileRuleSet(set);
  const errors = problems.filter(({ severity }) => severity === 'error');
  throw new PerennialError('invalid_file', errors.map(formatProblem).join('\n'), {
    hint: `perennial rules check ${folder} says the same, and warns of more.`,
  });
}

/** A problem with its file as it is seen from where the command runs. */
export function inFolder(folder: string, problem: Problem): Problem {
  return { ...problem, file: pathIn(folder, problem.file) };
}

/** The path of a file of a folder, as it is seen from where the command runs. */
export function pathIn(folder: string, name: string): string {
  const base = folder.replace(/\/+$/, '');
  return name === '' ? base : `${base}/${name}`;
}

export function printProblems(terminal: Terminal, problems: readonly Problem[]): void {
  const { colors } = terminal;
  for (const problem of problems) {
    const line = formatProblem(problem);
    print(terminal, problem.severity === 'error' ? colors.red(line) : colors.yellow(line));
  }
}

/** "1 rule", "3 rules". */
export function countOf(count: number, what: string): string {
  return `${count.toLocaleString('en-US')} ${what}${count === 1 ? '' : 's'}`;
}
