import { Command } from 'commander';
import { factCatalogue } from '../../../engine/facts.js';
import { Questions } from '../../../engine/questions.js';
import { explanationLines } from '../../../rules/explain.js';
import { time } from '../../arguments.js';
import type { CommandContext } from '../../command-context.js';
import { addEngineFlags, type EngineFlags, settingsOf, withEngine } from '../../open-engine.js';
import { readStoredRules } from '../../rule-revision.js';
import { planOf } from '../../rules-folder.js';
import { print, printJson } from '../../terminal.js';

interface Options extends EngineFlags {
  readonly asOf?: number;
  readonly revision?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** `perennial rules explain`: why rules fire or do not, for one subscription, under the rules of now or of a past day. */
export function rulesExplainCommand({ terminal }: CommandContext): Command {
  return addEngineFlags(new Command('explain'))
    .description('say how every rule comes out for a subscription, with the values that its conditions met')
    .argument('<subscription>', 'id of the subscription')
    .option('--as-of <time>', 'as of this time (default: now)', time)
    .option('--revision <revision>', 'under a past rule set from the store; decisions name theirs')
    .option('--all', 'the rules that do not fire too')
    .option('--json', 'as JSON')
    .action(async (subscription: string, options: Options) => {
      const settings = settingsOf(terminal, options);
      const { rules, rulesRevision, risk } = await withEngine(
        settings,
        'ask',
        async ({ store, definitions, questions }) => {
          if (options.revision === undefined) return questions.explain(subscription, options.asOf);
          const catalogue = { facts: factCatalogue(definitions.scoring.catalogue) };
          const plan = planOf(await readStoredRules(store, catalogue, options.revision));
          const past = new Questions(store, () => ({ ...definitions, plan }), terminal.clock);
          return past.explain(subscription, options.asOf);
        },
      );
      const asOf = new Date(risk.asOf).toISOString();
      const shown = options.all === true ? rules : rules.filter(({ fired }) => fired);
      if (options.json === true) {
        printJson(terminal, { subscriptionId: subscription, asOf, revision: rulesRevision, rules: shown });
        return;
      }
      print(terminal, `${subscription} as of ${asOf}, rules ${rulesRevision}`);
      if (shown.length === 0) print(terminal, 'no rule fires; --all explains why');
      for (const rule of shown) for (const line of explanationLines(rule)) print(terminal, line);
    });
}
