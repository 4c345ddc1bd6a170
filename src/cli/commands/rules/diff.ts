import { Command } from 'commander';
import { pagesOfAccounts } from '../../../engine/pages.js';
import { type RuleImpact, ruleImpact } from '../../../engine/rule-impact.js';
import { type Change, diffRuleSets } from '../../../rules/diff.js';
import type { Store } from '../../../store/store.js';
import { time } from '../../arguments.js';
import type { CommandContext } from '../../command-context.js';
import { type EngineFlags, settingsOf, withEngine } from '../../open-engine.js';
import { isRevision, readStoredRules } from '../../rule-revision.js';
import { countOf, planOf, type RulesFolder, readRuleCatalogue, readRulesFolder } from '../../rules-folder.js';
import { print, printJson, type Terminal } from '../../terminal.js';
import { money } from '../../words.js';

interface Options extends EngineFlags {
  readonly affected?: boolean;
  readonly asOf?: number;
  readonly json?: boolean;
}

/** `perennial rules diff`: what changes between two rule sets, in words, and who is affected. */
export function rulesDiffCommand({ terminal }: CommandContext): Command {
  return new Command('diff')
    .description('say in words what changes between two rule sets, and with a store who is affected')
    .argument('<old>', 'rules folder, or the revision of a set that the store has kept')
    .argument('<new>', 'rules folder or revision')
    .option('--affected', 'ask the store which subscriptions gain, lose or change something')
    .option('--as-of <time>', 'ask that as of this time (default: now)', time)
    .option('--data <dir>', 'data directory of the embedded ClickHouse (PERENNIAL_DATA, ./data)')
    .option('--scoring <dir>', 'folder with features and scorecards (PERENNIAL_SCORING, ./scoring)')
    .option('--json', 'as JSON')
    .action(async (oldName: string, newName: string, options: Options) => {
      const settings = settingsOf(terminal, options);
      // Who asks for a time asks about subscriptions: rule sets alone have none.
      const affected = options.affected === true || options.asOf !== undefined;
      const catalogue = readRuleCatalogue(settings);
      const compare = async (
        read: (name: string) => RulesFolder | Promise<RulesFolder>,
        impactOf: (plans: Parameters<typeof ruleImpact>[2]) => Promise<RuleImpact | null>,
      ): Promise<void> => {
        const before = planOf(await read(oldName));
        const after = planOf(await read(newName));
        const changes = diffRuleSets(before.set, after.set);
        const impact = await impactOf({ before, after });
        const revisions = { before: before.set.revision, after: after.set.revision };
        if (options.json === true) printJson(terminal, { ...revisions, changes, affected: impact });
        else printDiff(terminal, changes, impact);
      };
      if (!affected && !isRevision(oldName) && !isRevision(newName)) {
        await compare(
          (name) => readRulesFolder(name, catalogue),
          () => Promise.resolve(null),
        );
        return;
      }
      await withEngine(
        { ...settings, PERENNIAL_RULES: isRevision(newName) ? settings.PERENNIAL_RULES : newName },
        'ask',
        async (engine) => {
          const { store, definitions } = engine;
          const asOf = options.asOf ?? terminal.clock();
          await compare(
            (name) => readFrom(store, name),
            (plans) =>
              affected
                ? ruleImpact(
                    store,
                    definitions.scoring,
                    plans,
                    () => pagesOfAccounts(store, asOf),
                    asOf,
                    terminal.clock,
                  )
                : Promise.resolve(null),
          );
        },
      );

      function readFrom(store: Store, name: string): RulesFolder | Promise<RulesFolder> {
        return isRevision(name) ? readStoredRules(store, catalogue, name) : readRulesFolder(name, catalogue);
      }
    });
}

function printDiff(terminal: Terminal, changes: readonly Change[], impact: RuleImpact | null): void {
  const { colors } = terminal;
  const mark = {
    added: colors.green('added'),
    removed: colors.red('removed'),
    changed: colors.yellow('changed'),
  };
  for (const { kind, what, name, details, matters } of changes) {
    print(
      terminal,
      `${mark[kind]} ${what} ${colors.bold(name)}${matters ? '' : ' (decides nothing differently)'}`,
    );
    for (const detail of details) print(terminal, `  ${detail}`);
  }
  if (changes.length === 0) print(terminal, 'no difference');
  if (impact !== null) printImpact(terminal, impact);
}

function printImpact(terminal: Terminal, impact: RuleImpact): void {
  const arr = Object.entries(impact.arrMinor).map(([currency, minor]) => money(minor, currency));
  print(
    terminal,
    `\nas of ${new Date(impact.asOf).toISOString()}: ${impact.affected.toLocaleString('en-US')} of ${countOf(impact.subscriptions, 'subscription')} affected${arr.length === 0 ? '' : `, ARR ${arr.join(' and ')}`}`,
  );
  for (const [kind, { gain, lose, change }] of Object.entries(impact.byKind)) {
    if (gain + lose + change === 0) continue;
    print(terminal, `  ${kind}s: ${gain} gain one, ${lose} lose theirs, ${change} get another`);
  }
  for (const { rule, fires, opens, waits, costMinor, suppressed } of impact.rules) {
    const costs = Object.entries(costMinor).map(([currency, minor]) => money(minor, currency));
    const parts = [
      `opens ${opens}${waits === 0 ? '' : `, of which ${waits} wait for approval`}`,
      ...(costs.length === 0 ? [] : [`at a cost of ${costs.join(' and ')}`]),
      ...Object.entries(suppressed).map(([guardrail, times]) => `${times} suppressed by ${guardrail}`),
    ];
    print(terminal, `  ${rule} fires for ${fires}: ${parts.join(', ')}`);
  }
  for (const { subscriptionId, arrMinor, currency, before, after } of impact.examples) {
    const size = money(arrMinor, currency);
    print(
      terminal,
      `  ${subscriptionId}${size === '' ? '' : ` (${size})`}: ${before.join(', ') || 'nothing'} -> ${after.join(', ') || 'nothing'}`,
    );
  }
}
