import { type Command, Option } from 'commander';
import { systemClock } from '../../../core/clock.js';
import type { ObservePlan, ObserveSummary } from '../../../engine/observations/observe.js';
import { time, wholeNumber } from '../../arguments.js';

/** Flags of commands that look at contracts that ended. */
export interface ObservedFlags {
  readonly label?: string;
  readonly from?: number;
  readonly to?: number;
  readonly every: 'day' | 'week';
  readonly seed: number;
}

export function addObservedFlags(command: Command): Command {
  return command
    .option('--label <name>', 'label of features.yaml to judge by (default: the first)')
    .option('--from <time>', 'contracts that ended from then on', time)
    .option('--to <time>', 'contracts that ended before then (default: now)', time)
    .addOption(
      new Option('--every <period>', 'look at each contract on the very day, or on the Monday before')
        .choices(['day', 'week'])
        .default('week'),
    )
    .option('--seed <number>', 'what intervals are drawn with', wholeNumber, 1);
}

export function planOf({ label, from, to, every }: ObservedFlags): ObservePlan {
  const everyDays = every === 'day' ? 1 : 7;
  return { label, from: from ?? 0, to: to ?? systemClock(), everyDays, needsBoth: true };
}

/** What was looked at, in a sentence. */
export function summaryInWords({
  terms,
  observations,
  afterNotice,
  notRunning,
  label,
}: ObserveSummary): string {
  const left = [
    afterNotice === 0 ? '' : `${afterNotice} after notice`,
    notRunning === 0 ? '' : `${notRunning} of contracts that were not known to run then`,
  ].filter((text) => text !== '');
  return `${observations} observations of ${terms} contracts that ended (${label})${left.length === 0 ? '' : `; left out: ${left.join(', ')}`}.`;
}
