import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { DAY_MS, type Millis, systemClock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { wholeNumber } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { runDemo } from '../demo/run-demo.js';
import { addEngineFlags, type EngineFlags, settingsOf } from '../open-engine.js';

interface Options extends EngineFlags {
  readonly accounts: number;
  readonly seed: number;
}

/** What the demo's data directory says about itself. */
interface Marker {
  readonly end: Millis;
  readonly accounts: number;
  readonly seed: number;
}

export function demoCommand({ terminal }: CommandContext): Command {
  return addEngineFlags(new Command('demo'))
    .description('simulate a year of a subscription business, ingest, score, decide, and show what came out')
    .option('--accounts <number>', 'customers', wholeNumber, 2_200)
    .option('--seed <number>', 'another seed, another business', wholeNumber, 1)
    .addHelpText(
      'after',
      `
The year ends with the day of the first demo in that data directory; running it again changes nothing.
`,
    )
    .action(async (options: Options) => {
      const settings = settingsOf(terminal, options);
      if (settings.CLICKHOUSE_URL !== '') {
        throw new PerennialError(
          'invalid_argument',
          'The demo runs on the embedded store only: unset CLICKHOUSE_URL.',
        );
      }
      const { end, accounts, seed } = claim(settings.PERENNIAL_DATA, options);
      await runDemo(terminal, settings, { end, accounts, seed });
    });
}

/** Takes a data directory for the demo. One that holds anything else is left alone: simulated signals would mix with real ones. */
function claim(directory: string, { accounts, seed }: Options): Marker {
  const path = join(directory, 'demo.json');
  if (existsSync(path)) {
    const marker = JSON.parse(readFileSync(path, 'utf8')) as Marker;
    if (marker.accounts === accounts && marker.seed === seed) return marker;
    throw new PerennialError(
      'failed_precondition',
      `${directory} holds a demo with ${marker.accounts} accounts and seed ${marker.seed}.`,
      {
        hint: 'Use the same numbers, or another directory with --data.',
      },
    );
  }
  if (existsSync(directory)) {
    throw new PerennialError('failed_precondition', `${directory} is there already and is not a demo's.`, {
      hint: 'Name another directory: npm run demo -- --data ./demo-data',
    });
  }
  const marker = { end: systemClock() - (systemClock() % DAY_MS), accounts, seed };
  mkdirSync(directory, { recursive: true });
  writeFileSync(path, JSON.stringify(marker));
  return marker;
}
