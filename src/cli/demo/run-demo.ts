import { systemClock } from '../../core/clock.js';
import type { Settings } from '../../core/settings.js';
import { loadDefinitions } from '../../engine/definitions.js';
import { Engine } from '../../engine/engine.js';
import { createLogger } from '../../telemetry/log.js';
import { readCatalogueFile } from '../catalogue-file.js';
import { withNewStore } from '../open-engine.js';
import { print, type Terminal } from '../terminal.js';
import { askOverGrpc } from './ask-over-grpc.js';
import { checkDirectory, claimDirectory, type DemoOptions } from './claim-directory.js';
import { ingestBusiness } from './ingest-business.js';
import { liveWeeks } from './live-weeks.js';
import { showDecisions, showFigures, showMostAtRisk, showRisks } from './show.js';

/** The whole way, from signals to an answer over gRPC, printed as it goes. */
export async function runDemo(terminal: Terminal, settings: Settings, options: DemoOptions): Promise<void> {
  checkDirectory(settings.PERENNIAL_DATA, options);
  const { colors } = terminal;
  const heading = (text: string) => print(terminal, `\n${colors.bold(text)}`);
  const catalogue = readCatalogueFile(settings.PERENNIAL_SCORING);
  // No warnings: the brake's, that decisions wait, is answered by the demo itself.
  const log = createLogger('error');
  await withNewStore(settings, async (store) => {
    const business = await claimDirectory(settings.PERENNIAL_DATA, store, options, systemClock());
    const definitions = await loadDefinitions(store, settings.PERENNIAL_SCORING, settings.PERENNIAL_RULES);
    // The present of the demo is the day on which the simulated business ends. Weeks before it are lived through on the way.
    let now = business.end;
    const engine = new Engine({ store, definitions, clock: () => now, log, fullRescoreEveryMs: null });
    const weeks = await liveWeeks(engine, { ...options, end: business.end }, (time) => {
      now = time;
    });

    const read = await ingestBusiness(terminal, store, catalogue, business, weeks);
    now = business.end;
    heading('What came in');
    print(
      terminal,
      `${count(read.messages)} messages of ${count(business.accounts)} accounts over a year, in ${read.seconds.toFixed(1)} s: ` +
        `${count(read.messages / read.seconds)} a second simulated, parsed, checked and stored.`,
    );
    const [held] = await store.rows<{ signals: number; subscriptions: number; outcomes: number }>(
      'SELECT (SELECT count() FROM signals) AS signals, (SELECT count() FROM subscriptions) AS subscriptions, (SELECT count() FROM outcomes) AS outcomes',
    );
    print(
      terminal,
      `The store holds ${count(held!.signals)} signals, each once, ${count(held!.subscriptions)} subscriptions and ${count(held!.outcomes)} outcomes.`,
    );

    if (weeks.length > 0)
      print(
        terminal,
        `On the way everyone was scored ${weeks.length} times, once a week, and people answered what was decided.`,
      );

    const started = performance.now();
    const summary = await engine.rescoreAll();
    const seconds = (performance.now() - started) / 1000;
    heading(`Risk as of ${new Date(business.end).toISOString().slice(0, 10)}`);
    print(
      terminal,
      `${count(summary.subscriptions)} running subscriptions scored, decided upon and stored in ${seconds.toFixed(1)} s.\n`,
    );
    await showRisks(terminal, store);
    heading('The ten renewals of the next 120 days most at risk');
    const worst = await showMostAtRisk(terminal, engine.questions, business.end);
    heading('Decisions');
    await showDecisions(terminal, store, summary);
    heading('How it went so far');
    await showFigures(terminal, store);
    heading('One gRPC call');
    await askOverGrpc(terminal, { engine, catalogue, log, subscription: worst });
    await engine.stop();
    heading('What to type next');
    next(terminal, worst);
  });
}

function next({ stdout, colors }: Terminal, subscription: string): void {
  const line = (command: string, what: string) => stdout.write(`  ${colors.cyan(command)}\n      ${what}\n`);
  line('npm start', 'serve this data over gRPC until you stop it; then, in another terminal:');
  line(
    `grpcurl -plaintext -d '{"subscription_id":"${subscription}"}' 127.0.0.1:50051 perennial.v1.RiskService/ExplainRisk`,
    'why that subscription is at risk, and how every rule came out (without npm start: npx perennial explain …)',
  );
  line(
    `npx perennial sql "SELECT currency, band, count() AS subscriptions, round(sum(arr_at_risk)) AS arr_at_risk FROM risks GROUP BY currency, band ORDER BY currency, 4 DESC"`,
    'SQL on everything (docs/sql.md; npx perennial up --clickhouse-port 8123 serves it to other tools)',
  );
  line(`npx perennial explain ${subscription}`, 'the same explanation in this terminal');
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
