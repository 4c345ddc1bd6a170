import { Command, Option } from 'commander';
import { riskFilterMessage } from '../../api/risk-filter.js';
import { each, RiskView } from '../../client/index.js';
import { systemClock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import { loadDefinitions } from '../../engine/definitions.js';
import { Questions } from '../../engine/questions.js';
import type { Risk } from '../../engine/risk.js';
import { BANDS, type Band } from '../../scoring/scorecard.js';
import { RISK_ORDERS, type RiskFilter, type RiskOrder } from '../../store/risk-list.js';
import { amount, time, wholeNumber } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { withTimes } from '../json-times.js';
import { addEngineReadFlags, type EngineFlags, settingsOf, settling, withStore } from '../open-engine.js';
import { riskOf } from '../remote-answers.js';
import { askEngine } from '../running-engine.js';
import { print, printJson, printTable } from '../terminal.js';
import { money, riskText, topReasons } from '../words.js';

interface Options extends EngineFlags {
  readonly band?: readonly Band[];
  readonly segment?: readonly string[];
  readonly account?: readonly string[];
  readonly owner?: readonly string[];
  readonly product?: readonly string[];
  readonly plan?: readonly string[];
  readonly minRisk?: number;
  readonly maxRisk?: number;
  readonly minArr?: NonNullable<RiskFilter['minArr']>;
  readonly renewalFrom?: number;
  readonly renewalTo?: number;
  readonly order?: RiskOrder;
  readonly limit: number;
  readonly json?: boolean;
}

export function risksCommand({ terminal }: CommandContext): Command {
  return addEngineReadFlags(new Command('risks'))
    .description('list the latest risks, the highest first')
    .addOption(new Option('--band <band...>', 'only these bands').choices(BANDS))
    .option('--segment <name...>', 'only these segments')
    .option('--account <id...>', 'only these accounts')
    .option('--owner <name...>', 'only of these owners')
    .option('--product <name...>', 'only these products')
    .option('--plan <name...>', 'only these plans')
    .option('--min-risk <number>', 'only risks of at least this', Number)
    .option('--max-risk <number>', 'only risks of at most this', Number)
    .option('--min-arr <amount>', 'only ARR of at least this, in its currency, such as "EUR 12000"', amount)
    .option('--renewal-from <date>', 'only renewals on this date or later', time)
    .option('--renewal-to <date>', 'only renewals on this date or earlier', time)
    .addOption(new Option('--order <order>', 'in this order (default: risk desc)').choices(RISK_ORDERS))
    .option('--limit <number>', `how many, up to ${LIMITS.commandRows}`, wholeNumber, 20)
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `
Latest is each subscription's newest score, by whichever pass. Bands change with hysteresis; unknown means that too little is
known, not that all is well.

Examples:
  perennial risks --band critical
  perennial risks --segment enterprise --limit 100 --json
`,
    )
    .action(async (options: Options) => {
      if (options.limit < 1 || options.limit > LIMITS.commandRows)
        throw new PerennialError('invalid_argument', `--limit is from 1 to ${LIMITS.commandRows}.`);
      const settings = settingsOf(terminal, options);
      const filter = filterOf(options);
      const order = options.order ?? 'risk desc';
      const risks = await askEngine<readonly Risk[]>(
        settings,
        async (engine) => {
          const request = {
            pageSize: Math.min(options.limit, LIMITS.pageSize),
            view: RiskView.FULL,
            orderBy: order,
            filter: riskFilterMessage(filter),
          };
          const risks: Risk[] = [];
          for await (const risk of each(engine.risks.listRisks, 'risks', request)) {
            risks.push(riskOf(risk));
            if (risks.length === options.limit) break;
          }
          return risks;
        },
        () =>
          withStore(settings, async (store) => {
            const { PERENNIAL_SCORING, PERENNIAL_RULES } = settings;
            const definitions = await loadDefinitions(
              store,
              PERENNIAL_SCORING,
              PERENNIAL_RULES,
              settling(settings),
            );
            return new Questions(store, () => definitions, systemClock).risks(filter, options.limit, order);
          }),
      );
      if (options.json === true) {
        for (const risk of risks) printJson(terminal, withTimes(risk, 'asOf', 'renewal'));
        return;
      }
      if (risks.length === 0) {
        print(
          terminal,
          'No subscription has been scored, or none is like that. `perennial score --all` scores everyone.',
        );
        return;
      }
      printTable(
        terminal,
        ['subscription', 'risk', 'band', 'ARR', 'renewal', 'why'],
        risks.map((risk) => [
          risk.subscriptionId,
          riskText(risk),
          risk.band,
          money(risk.arrMinor, risk.currency),
          risk.renewal === null ? '' : new Date(risk.renewal).toISOString().slice(0, 10),
          topReasons(risk, 2).join('; '),
        ]),
      );
    });
}

function filterOf(options: Options): RiskFilter {
  const { band, segment, account, owner, product, plan, renewalFrom, renewalTo, minArr } = options;
  const { minRisk, maxRisk } = options;
  for (const [flag, risk] of [
    ['--min-risk', minRisk],
    ['--max-risk', maxRisk],
  ] as const)
    if (risk !== undefined && !(risk >= 0 && risk <= 100))
      throw new PerennialError('invalid_argument', `${flag} is from 0 to 100.`);
  return {
    ...(band === undefined ? {} : { bands: band }),
    ...(segment === undefined ? {} : { segments: segment }),
    ...(account === undefined ? {} : { accountIds: account }),
    ...(owner === undefined ? {} : { owners: owner }),
    ...(product === undefined ? {} : { products: product }),
    ...(plan === undefined ? {} : { plans: plan }),
    ...(minRisk === undefined ? {} : { minRisk }),
    ...(maxRisk === undefined ? {} : { maxRisk }),
    ...(renewalFrom === undefined ? {} : { renewalFrom }),
    ...(renewalTo === undefined ? {} : { renewalTo }),
    ...(minArr === undefined ? {} : { minArr }),
  };
}
