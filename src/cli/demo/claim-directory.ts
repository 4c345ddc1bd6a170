import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DAY_MS, type Millis } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { holdsStore } from '../../store/open-store.js';
import type { Store } from '../../store/store.js';

/** What makes one demo differ from another. */
export interface DemoOptions {
  readonly accounts: number;
  readonly seed: number;
  /** Weeks before the present that are lived through. */
  readonly weeks: number;
}

/** What the demo's data directory says about itself. */
interface Marker extends Omit<DemoOptions, 'weeks'> {
  /** First day that is no longer simulated: that of the first demo in the directory. */
  readonly end: Millis;
}

const markerOf = (directory: string) => join(directory, 'demo.json');

/** Refuses a directory that is not for this demo, before anything is written into it. */
export function checkDirectory(directory: string, { accounts, seed }: DemoOptions): void {
  if (existsSync(markerOf(directory))) {
    const marker = readMarker(directory);
    if (marker.accounts === accounts && marker.seed === seed) return;
    throw new PerennialError(
      'failed_precondition',
      `${directory} holds a demo with ${marker.accounts} accounts and seed ${marker.seed}.`,
      { hint: 'Use the same numbers, or another directory with --data.' },
    );
  }
  if (existsSync(directory) && !holdsStore(directory) && readdirSync(directory).length > 0)
    throw notADemos(directory);
}

/**
 * Takes the directory of a store for the demo. One with data of its own is left alone: simulated signals would mix with real
 * ones. Other commands may have made an empty store before, as `doctor` and `up` do.
 */
export async function claimDirectory(
  directory: string,
  store: Store,
  options: DemoOptions,
  now: Millis,
): Promise<Marker> {
  if (existsSync(markerOf(directory))) return readMarker(directory);
  const [rows] = await store.rows<{ held: number }>(
    'SELECT (SELECT count() FROM signals) + (SELECT count() FROM subscriptions) + (SELECT count() FROM outcomes) + (SELECT count() FROM rejected_signals) AS held',
  );
  if (rows?.held !== 0) throw notADemos(directory);
  const marker = { end: now - (now % DAY_MS), accounts: options.accounts, seed: options.seed };
  writeFileSync(markerOf(directory), JSON.stringify(marker));
  return marker;
}

function readMarker(directory: string): Marker {
  return JSON.parse(readFileSync(markerOf(directory), 'utf8')) as Marker;
}

function notADemos(directory: string): PerennialError {
  return new PerennialError('failed_precondition', `${directory} holds something that is not a demo's.`, {
    hint: 'Name another directory: npm run demo -- --data ./demo-data',
  });
}
