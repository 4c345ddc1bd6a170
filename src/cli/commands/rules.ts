import { Command } from 'commander';
import type { CommandContext } from '../command-context.js';
import { rulesCheckCommand } from './rules/check.js';
import { rulesDiffCommand } from './rules/diff.js';
import { rulesExplainCommand } from './rules/explain.js';
import { rulesFmtCommand } from './rules/fmt.js';
import { rulesHistoryCommand } from './rules/history.js';
import { rulesTestCommand } from './rules/test.js';
import { rulesTryCommand } from './rules/try.js';

/** What growth teams do with their rule files. */
export function rulesCommand(context: CommandContext): Command {
  const command = new Command('rules').description('check, test, explain and compare rule files').addHelpText(
    'after',
    `
A safe change, made in a copy of the folder:
  perennial rules check my-change                     is every name, type and value right?
  perennial rules test my-change                      do the tests still hold?
  perennial rules diff rules my-change --affected     what changes, and who is affected?
A running engine picks the files up by itself once they are good. docs/rules.md explains it all.
`,
  );
  for (const build of [
    rulesCheckCommand,
    rulesTestCommand,
    rulesFmtCommand,
    rulesTryCommand,
    rulesExplainCommand,
    rulesDiffCommand,
    rulesHistoryCommand,
  ]) {
    command.addCommand(build(context));
  }
  return command;
}
