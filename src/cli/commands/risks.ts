import { Command, Option } from 'commander';
import { riskFilterMessage } from '../../api/risk-filter.js';
import { RiskView } from '../../client/index.js';
import { systemClock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { loadDefinitions } from '../../engine/definitions.js';
import { Questions } from '../../engine/questions.js';
import { type Risk, statedRisk } from '../../engine/risk.js';
import { BANDS, type Band } from '../../scoring/scorecard.js';
import { RISK_ORDERS, type RiskFilter, type RiskOrder } from '../../store/risk-list.js';
import { time, wholeNumber } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { withTimes } from '../json-times.js';
import { addEngineReadFlags, type EngineFlags, settingsOf, settling, withStore } from '../open-engine.js';
import { riskOf } from '../remote-answers.js';
import { askEngine } from '../running-engine.js';
import { print, printJson, printTable } from '../terminal.js';
import { money, riskText, topReasons } from '../words.js';

interface Options extends EngineFlags {
  readonly band?: Band;
  readonly segment?: string;
  readonly account?: string;
  readonly owner?: string;
  readonly product?: string;
  readonly plan?: string;
  readonly minRisk?: number;
  readonly renewalFrom?: number;
  readonly renewalTo?: number;
  readonly order?: RiskOrder;
  readonly limit: number;
  readonly json?: boolean;
}

export function risksCommand({ terminal }: CommandContext): Command {
  return addEngineReadFlags(new Command('risks'))
    .description('list the latest risks, the highest first')
    .addOption(new Option('--band <band>', 'only this band').choices(BANDS))
    .option('--segment <name>', 'only this segment')
    .option('--account <id>', 'only this account')
    .option('--owner <name>', 'only of this owner')
    .option('--product <name>', 'only this product')
    .option('--plan <name>', 'only this plan')
    .option('--min-risk <number>', 'only risks of at least this', Number)
    .option('--renewal-from <date>', 'only renewals on this date or later', time)
    .option('--renewal-to <date>', 'only renewals on this date or earlier', time)
    .addOption(new Option('--order <order>', 'in this order (default: risk desc)').choices(RISK_ORDERS))
    .option('--limit <number>', 'how many, up to 1000', wholeNumber, 20)
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
      if (options.limit < 1 || options.limit > 1000)
        throw new PerennialError('invalid_argument', '--limit is from 1 to 1000.');
      const settings = settingsOf(terminal, options);
      const filter = filterOf(options);
      const order = options.order ?? 'risk desc';
      const risks = await askEngine<readonly Risk[]>(
        settings,
        async (engine) => {
          const { risks } = await engine.risks.listRisks({
            pageSize: options.limit,
            view: RiskView.FULL,
            orderBy: order,
            filter: riskFilterMessage(filter),
          });
          return risks.map(riskOf);
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
        for (const risk of risks)
          printJson(terminal, { ...withTimes(risk, 'asOf', 'renewal'), risk: statedRisk(risk) });
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
  const { band, segment, account, owner, product, plan, minRisk, renewalFrom, renewalTo } = options;
  if (minRisk !== undefined && !(minRisk >= 0 && minRisk <= 100))
    throw new PerennialError('invalid_argument', '--min-risk is from 0 to 100.');
  return {
    ...(band === undefined ? {} : { bands: [band] }),
    ...(segment === undefined ? {} : { segments: [segment] }),
    ...(account === undefined ? {} : { accountIds: [account] }),
    ...(owner === undefined ? {} : { owners: [owner] }),
    ...(product === undefined ? {} : { products: [product] }),
    ...(plan === undefined ? {} : { plans: [plan] }),
    ...(minRisk === undefined ? {} : { minRisk }),
    ...(renewalFrom === undefined ? {} : { renewalFrom }),
    ...(renewalTo === undefined ? {} : { renewalTo }),
  };
}
