import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Command, Option } from 'commander';
import { explanationLines } from '../../rules/explain.js';
import { time } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { withTimes } from '../json-times.js';
import { addEngineReadFlags, type EngineFlags, settingsOf, withEngine } from '../open-engine.js';
import { partsInWords } from '../parts-not-in-use.js';
import { type ExplainedRisk, explanationOf } from '../remote-answers.js';
import { changeInWords } from '../risk-change.js';
import { askEngine } from '../running-engine.js';
import { harmless, print, printJson, printTable } from '../terminal.js';
import { wayInWords, wayOf } from '../way-to-band.js';
import { money, percent, riskText } from '../words.js';

interface Options extends EngineFlags {
  readonly asOf?: number;
  readonly toBand?: 'low' | 'medium' | 'high';
  readonly since?: number;
  readonly json?: boolean;
}

export function explainCommand({ terminal }: CommandContext): Command {
  return addEngineReadFlags(new Command('explain'))
    .description('explain the risk of one subscription, and how every rule came out')
    .argument('<subscription>', 'id of the subscription')
    .option('--as-of <time>', 'as of this time (default: now)', time)
    .option('--since <time>', 'what made it another one than at this earlier time', time)
    .addOption(
      new Option(
        '--to-band <band>',
        'the smallest change of what people can act on that brings it there',
      ).choices(['low', 'medium', 'high']),
    )
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
The points of all features sum to the computed risk. Below them every rule: + marks a condition that held, - one that did not.
--to-band offers what people can still change; features.yaml says of each feature whether they can (actionable).

Examples:
  perennial explain sub-000019-1
  perennial explain sub-000019-1 --as-of 2026-01-01 --json
  perennial explain sub-000019-1 --to-band low
  perennial explain sub-000019-1 --since 2026-01-01
`,
    )
    .action(async (subscription: string, options: Options) => {
      const settings = settingsOf(terminal, options);
      const { asOf, since } = options;
      const { risk, rules, rulesRevision, change, notInUse } = await askEngine<ExplainedRisk>(
        settings,
        async ({ risks }) =>
          explanationOf(
            await risks.explainRisk({
              subscriptionId: subscription,
              ...(asOf === undefined ? {} : { asOf: timestampFromMs(asOf) }),
              ...(since === undefined ? {} : { compareWith: timestampFromMs(since) }),
            }),
          ),
        () =>
          withEngine(settings, 'ask', async ({ questions }) => {
            const explanation = await questions.explain(subscription, asOf);
            if (since === undefined) return explanation;
            const change = await questions.change(subscription, since, explanation.risk.asOf);
            return { ...explanation, change };
          }),
      );
      const way = options.toBand === undefined ? undefined : wayOf(settings, risk, options.toBand);
      if (options.json === true) {
        printJson(terminal, {
          risk: {
            ...withTimes(risk, 'asOf', 'renewal'),
            override: risk.override === null ? null : withTimes(risk.override, 'setAt', 'until'),
          },
          ...(change === undefined ? {} : { change: withTimes(change, 'since', 'asOf') }),
          rules: rules.map(({ rule, description, priority, fired, conditions }) => ({
            rule,
            description,
            priority,
            fired,
            conditions,
          })),
          rulesRevision,
          notInUse: { share: notInUse.share, features: notInUse.features, missing: notInUse.missing },
          ...(way === undefined ? {} : { toBand: { band: options.toBand, ...way } }),
        });
        return;
      }
      const { colors } = terminal;
      print(
        terminal,
        `${colors.bold(risk.subscriptionId)} of ${risk.accountId}, as of ${new Date(risk.asOf).toISOString()}`,
      );
      print(
        terminal,
        `risk ${colors.bold(riskText(risk))} (${risk.band}), probability of renewal ${percent(risk.renewalProbability)}, ` +
          `coverage ${percent(risk.coverage)}, ARR ${money(risk.arrMinor, risk.currency) || 'not known'}`,
      );
      for (const sentence of partsInWords([notInUse])) print(terminal, sentence);
      if (risk.unknownReason !== '') print(terminal, risk.unknownReason);
      if (risk.override !== null) {
        const { author, reason, until } = risk.override;
        print(
          terminal,
          harmless(
            `computed ${risk.computedRisk.toFixed(1)}; ${author} said otherwise until ${new Date(until).toISOString()}: ${reason}`,
          ),
        );
      }
      if (change !== undefined) for (const line of changeInWords(change)) print(terminal, line);
      const idle = new Set(notInUse.features);
      print(terminal);
      printTable(
        terminal,
        ['points', 'feature', 'value', 'weight', 'in words'],
        risk.contributions.map((c) => [
          c.points.toFixed(2),
          c.feature,
          c.value === null
            ? idle.has(c.feature)
              ? 'not in use'
              : 'not known'
            : String(Number(c.value.toFixed(3))),
          c.weight,
          c.reason,
        ]),
      );
      if (way !== undefined) {
        print(terminal);
        for (const line of wayInWords(way, options.toBand!, risk)) print(terminal, line);
      }
      print(terminal);
      for (const rule of rules)
        for (const line of explanationLines(rule)) print(terminal, rule.fired ? line : colors.dim(line));
      print(
        terminal,
        `\nscorecard ${risk.scorecard}, scoring ${risk.scoringRevision}, rules ${rulesRevision}`,
      );
    });
}
