import { Command } from 'commander';
import { explanationLines } from '../../rules/explain.js';
import { time } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { withTimes } from '../json-times.js';
import { addEngineFlags, type EngineFlags, settingsOf, withEngine } from '../open-engine.js';
import { print, printJson, printTable } from '../terminal.js';
import { money, percent } from '../words.js';

interface Options extends EngineFlags {
  readonly asOf?: number;
  readonly json?: boolean;
}

export function explainCommand({ terminal }: CommandContext): Command {
  return addEngineFlags(new Command('explain'))
    .description('explain the risk of one subscription, and how every rule came out')
    .argument('<subscription>', 'id of the subscription')
    .option('--as-of <time>', 'as of this time (default: now)', time)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
The points of all features sum to the risk. Below them every rule: + marks a condition that held, - one that did not.

Examples:
  perennial explain sub-000019-1
  perennial explain sub-000019-1 --as-of 2026-01-01 --json
`,
    )
    .action(async (subscription: string, options: Options) => {
      const { risk, rules, rulesRevision } = await withEngine(settingsOf(terminal, options), (engine) =>
        engine.questions.explain(subscription, options.asOf),
      );
      if (options.json === true) {
        printJson(terminal, { risk: withTimes(risk, 'asOf', 'renewal'), rules, rulesRevision });
        return;
      }
      const { colors } = terminal;
      print(
        terminal,
        `${colors.bold(risk.subscriptionId)} of ${risk.accountId}, as of ${new Date(risk.asOf).toISOString()}`,
      );
      print(
        terminal,
        `risk ${colors.bold(risk.risk.toFixed(1))} (${risk.band}), probability of renewal ${percent(risk.renewalProbability)}, ` +
          `coverage ${percent(risk.coverage)}, ARR ${money(risk.arrMinor, risk.currency) || 'not known'}`,
      );
      print(terminal);
      printTable(
        terminal,
        ['points', 'feature', 'value', 'weight', 'in words'],
        risk.contributions.map((c) => [
          c.points.toFixed(2),
          c.feature,
          c.value === null ? 'not known' : String(Number(c.value.toFixed(3))),
          c.weight,
          c.reason,
        ]),
      );
      print(terminal);
      for (const rule of rules)
        for (const line of explanationLines(rule)) print(terminal, rule.fired ? line : colors.dim(line));
      print(
        terminal,
        `\nscorecard ${risk.scorecard}, scoring ${risk.scoringRevision}, rules ${rulesRevision}`,
      );
    });
}
