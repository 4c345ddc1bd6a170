import { Command } from 'commander';
import type { CommandContext } from '../command-context.js';
import { answerCommands } from './decisions/answer.js';
import { decisionsListCommand } from './decisions/list.js';
import { decisionsShowCommand } from './decisions/show.js';

/** `perennial decisions`: what was opened, and what people do about it. */
export function decisionsCommand(context: CommandContext): Command {
  const command = new Command('decisions')
    .description('list decisions, show one with its history, and answer them')
    .addCommand(decisionsListCommand(context), { isDefault: true })
    .addCommand(decisionsShowCommand(context))
    .addHelpText(
      'after',
      `
A decision opens once and stays open until it is answered, runs out, or its condition has been false for long enough. Changing
rule files does not close it. docs/rules.md draws its life.

Examples:
  perennial decisions --limit 10
  perennial decisions list --status accepted --unconfirmed 7d
  perennial decisions show 3f2a…
  perennial decisions approve --waits-for brake --by olga --yes
`,
    );
  for (const answer of answerCommands(context)) command.addCommand(answer);
  return command;
}
