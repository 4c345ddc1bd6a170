import { Command } from 'commander';
import { PerennialError } from '../../core/errors.js';
import { nearest } from '../../core/nearest-name.js';
import type { FeatureCatalogue } from '../../features/catalogue.js';
import {
  definitionOf,
  type ExplainedFeature,
  explainFeatures,
} from '../../features/explain/explain-features.js';
import { typesOf } from '../../features/usable.js';
import { inWords } from '../../scoring/words.js';
import { readAccountOf } from '../../store/subscription-log.js';
import { time, wholeNumber } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { addEngineReadFlags, type EngineFlags, settingsOf, withStore } from '../open-engine.js';
import { scoringIn } from '../scoring-folder.js';
import { harmless, print, printJson, printTable, type Terminal } from '../terminal.js';

interface ListOptions extends EngineFlags {
  readonly json?: boolean;
}

interface ExplainOptions extends EngineFlags {
  readonly asOf?: number;
  readonly signals: number;
  readonly json?: boolean;
}

export function featuresCommand(context: CommandContext): Command {
  const command = new Command('features').description(
    'see what features there are, and what they are made of',
  );
  command
    .command('list')
    .description('list the features of scoring/features.yaml, with what each needs and weighs')
    .option('--scoring <dir>', 'folder with features and scorecards (PERENNIAL_SCORING, ./scoring)')
    .option('--json', 'one JSON object a line')
    .action((options: ListOptions) => list(context.terminal, options));
  addEngineReadFlags(
    command
      .command('explain')
      .description('show the features of a subscription: value, window, and the signals behind it'),
  )
    .argument('<subscription>', 'id of the subscription')
    .argument('[features...]', 'only these features')
    .option('--as-of <time>', 'as of this time (default: now)', time)
    .option('--signals <number>', 'signals to show of each measure, the latest first', wholeNumber, 3)
    .option('--json', 'one JSON object a line, one for each feature')
    .addHelpText(
      'after',
      `
Below each feature stand the measures that it is made of, and below those the signals that count. perennial signals explain
answers the other way round: which features count a signal, which do not, and why.

Examples:
  perennial features explain sub-000019-1
  perennial features explain sub-000019-1 ticket_backlog csat_90d --signals 10
  perennial features explain sub-000019-1 --as-of 2026-01-01 --json
`,
    )
    .action((subscription: string, names: string[], options: ExplainOptions) =>
      explain(context.terminal, subscription, names, options),
    );
  return command;
}

function list(terminal: Terminal, options: ListOptions): void {
  const { catalogue, scorecards } = scoringIn(settingsOf(terminal, options).PERENNIAL_SCORING);
  const all = catalogue.features.map((feature) => ({
    feature: feature.name,
    category: feature.category,
    unit: feature.unit,
    description: feature.description,
    ...definitionOf(feature, catalogue),
    signalTypes: typesOf(feature, catalogue),
    weights: Object.fromEntries(
      scorecards.map((card) => [
        card.name,
        card.features.find(({ name }) => name === feature.name)?.weight ?? 0,
      ]),
    ),
  }));
  if (options.json === true) {
    for (const one of all) printJson(terminal, one);
    return;
  }
  const cards = scorecards.map(({ name }) => name);
  printTable(
    terminal,
    ['feature', 'category', ...cards, 'needs', 'what it is'],
    all.map(({ feature, category, weights, signalTypes, description }) => [
      feature,
      category,
      ...cards.map((card) => weights[card]!),
      signalTypes.join(', '),
      description,
    ]),
  );
}

async function explain(
  terminal: Terminal,
  subscriptionId: string,
  names: readonly string[],
  options: ExplainOptions,
): Promise<void> {
  const settings = settingsOf(terminal, options);
  const { catalogue } = scoringIn(settings.PERENNIAL_SCORING);
  assertNames(catalogue, names);
  const asOf = options.asOf ?? terminal.clock();
  const found = await withStore(settings, async (store) => {
    // An account that sends no subscriptions is one subscription with its own id.
    const accountId = (await readAccountOf(store, subscriptionId)) ?? subscriptionId;
    return explainFeatures(store, catalogue, { accountId, subscriptionId, asOf }, names, options.signals);
  });
  if (found === undefined)
    throw new PerennialError(
      'not_found',
      `There is no subscription ${subscriptionId} that runs as of ${new Date(asOf).toISOString()}.`,
      { hint: 'Ids are case-sensitive; perennial risks lists who is there.' },
    );
  if (options.json === true) {
    for (const { measures, ...feature } of found)
      printJson(terminal, {
        ...feature,
        measures: measures.map(({ latest, count, kind, value, ...measure }) => ({
          ...measure,
          value: kind === 'time' && value !== null ? iso(value) : value,
          signals: count,
          latest: latest.map(({ occurredAt, ruling, ...signal }) => ({
            ...signal,
            occurredAt: iso(occurredAt),
            why: ruling.why,
          })),
        })),
      });
    return;
  }
  print(terminal, `${terminal.colors.bold(harmless(subscriptionId))}, as of ${iso(asOf)}`);
  for (const feature of found) show(terminal, catalogue, feature);
}

function show(terminal: Terminal, catalogue: FeatureCatalogue, feature: ExplainedFeature): void {
  const { colors } = terminal;
  const { reason } = catalogue.features.find(({ name }) => name === feature.feature)!;
  const value = feature.value === null ? null : Number(feature.value);
  const words = feature.applicable
    ? value === null
      ? 'not known'
      : `${short(value)} ${feature.unit}`.trimEnd()
    : 'not applicable: nobody sends what it needs';
  print(terminal);
  print(
    terminal,
    `${colors.bold(feature.feature)} = ${words}${value === null ? '' : colors.dim(`  ${inWords(reason, value)}`)}`,
  );
  print(
    terminal,
    colors.dim(`  ${feature.definition}${feature.knownIf === null ? '' : `, known if ${feature.knownIf}`}`),
  );
  for (const { measure, op, types, window, kind, value: measured, count, latest } of feature.measures) {
    const is = measured === null ? 'not known' : kind === 'time' ? iso(measured) : short(measured);
    print(terminal, `  ${measure} = ${is}: ${op} of ${types.join(', ')}, ${window}; ${signals(count)}`);
    for (const { source, id, type, occurredAt, value: of, ruling } of latest)
      print(
        terminal,
        harmless(
          `    ${iso(occurredAt)} ${type}${of === null ? '' : ` ${short(of)}`}  ${ruling.why}  ${source} ${id}`,
        ),
      );
  }
}

function assertNames({ features, file }: FeatureCatalogue, names: readonly string[]): void {
  const known = features.map(({ name }) => name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    throw new PerennialError('invalid_argument', `There is no feature \`${name}\` in ${file.path}.`, {
      hint:
        meant === undefined ? 'perennial features list shows what there is.' : `Did you mean \`${meant}\`?`,
    });
  }
}

const iso = (at: number) => new Date(at).toISOString();
const short = (value: number) => String(Number(value.toFixed(3)));
const signals = (count: number) => (count === 1 ? '1 signal' : `${count.toLocaleString('en')} signals`);
