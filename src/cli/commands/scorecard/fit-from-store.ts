import { type ObserveSummary, observe } from '../../../engine/observations/observe.js';
import type { ScorecardFit } from '../../../fit/fit-scorecard.js';
import { calibrate } from '../../../fit/observations/calibrate.js';
import { type ScoredObservation, scoreObservations } from '../../../fit/observations/scored-observation.js';
import { TrainingRows } from '../../../fit/observations/training-rows.js';
import { binFeatures } from '../../../fit/regression/design.js';
import { whyALeak } from '../../../fit/table/suspects.js';
import type { SetAside } from '../../../fit/table/table-source.js';
import type { TrainingTable } from '../../../fit/training-table.js';
import { calibrationSource } from '../../../scoring/calibration.js';
import type { Scoring } from '../../../scoring/load.js';
import { type EngineFlags, settingsOf, withStore } from '../../open-engine.js';
import { scoringIn } from '../../scoring-folder.js';
import type { Terminal } from '../../terminal.js';
import { type Comparison, type FitInput, NO_COMPARISON } from './fit-input.js';
import { type ObservedFlags, planOf, summaryInWords } from './observed-flags.js';

interface Flags extends EngineFlags, ObservedFlags {
  readonly name: string;
  readonly ignore?: readonly string[];
  readonly keep?: readonly string[];
  readonly across: 'time' | 'accounts';
}

/** Every contract of the store that ended, as it looked before. */
export async function inputFromStore(terminal: Terminal, flags: Flags): Promise<FitInput> {
  const settings = settingsOf(terminal, flags);
  const scoring = scoringIn(settings.PERENNIAL_SCORING);
  const general = generalOf(scoring);
  const ignored = new Set(flags.ignore ?? []);
  const names = scoring.catalogue.features.map(({ name }) => name).filter((name) => !ignored.has(name));
  const rows = new TrainingRows(names);
  const byHand: ScoredObservation[] = [];
  const summary = await withStore(settings, (store) =>
    observe(store, scoring.catalogue, planOf(flags), ({ batch, observations }) => {
      rows.add(batch, observations);
      for (const one of scoreObservations(general, batch, observations)) byHand.push(one);
    }),
  );
  const { observations } = rows;
  const { table, leaks } = withoutLeaks(rows.table(), summary, flags.keep ?? []);
  return {
    table,
    options: {
      groups: observations.map(({ accountId }) => accountId),
      times: flags.across === 'time' ? Float64Array.from(observations, ({ asOf }) => asOf) : null,
      decided: Float64Array.from(observations, ({ dueAt }) => dueAt),
      folds: null,
    },
    ids: observations.map(
      ({ subscriptionId, asOf }) => `${subscriptionId}@${new Date(asOf).toISOString().slice(0, 10)}`,
    ),
    what: summaryInWords(summary).replace(/\.$/, ''),
    setAside: [...[...ignored].map((column): SetAside => ({ column, why: 'ignored', detail: '' })), ...leaks],
    withoutLabel: 0,
    notes: [],
    compare: (fit) => compared(fit, byHand, general, flags.name),
  };
}

/** The scorecard for everyone else, for everyone. */
function generalOf(scoring: Scoring): Scoring {
  return {
    ...scoring,
    scorecards: [scoring.scorecards.at(-1)!],
    choose: ({ length }) => new Int32Array(length),
  };
}

function withoutLeaks(table: TrainingTable, { label }: ObserveSummary, keep: readonly string[]) {
  const leaks = binFeatures(table).binned.flatMap((binned): SetAside[] => {
    const detail = keep.includes(binned.feature.name) ? null : whyALeak(binned, label);
    return detail === null ? [] : [{ column: binned.feature.name, why: 'leak', detail }];
  });
  const names = new Set(leaks.map(({ column }) => column));
  return { leaks, table: { ...table, features: table.features.filter(({ name }) => !names.has(name)) } };
}

/**
 * Where the hand-made scorecard, calibrated by the same outcomes, says more of accounts that it has not seen, it is kept, with the
 * new calibration: outcomes are too few to find better weights than those from practice.
 */
function compared(
  { judgement }: ScorecardFit,
  byHand: readonly ScoredObservation[],
  general: Scoring,
  name: string,
): Comparison {
  const card = general.scorecards[0]!.name;
  const calibrated = calibrate(byHand, 1);
  if (calibrated === null) return NO_COMPARISON;
  const { after, calibration } = calibrated;
  const sentence = `The hand-made scorecard ${card}, calibrated by the same outcomes, has a log loss of ${after.logLoss.toFixed(4)}; the fitted one ${judgement.logLoss.toFixed(4)}.`;
  if (after.logLoss >= judgement.logLoss) return { says: [sentence], file: null };
  return {
    says: [
      sentence,
      'That is better: outcomes are too few to find better weights than those from practice, and the hand-made scorecard is kept, with its new calibration.',
    ],
    file: `name: ${name}\ndescription: ${card} calibrated by ${calibrated.positives} of ${calibrated.rows} outcomes.\nextends: ${card}\ncalibration: ${calibrationSource(calibration)}\nfeatures: {}\n`,
  };
}
