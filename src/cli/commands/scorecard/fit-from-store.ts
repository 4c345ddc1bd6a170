import { type ObserveSummary, observe } from '../../../engine/observations/observe.js';
import type { ScorecardFit } from '../../../fit/fit-scorecard.js';
import { calibrate, judgeCalibrated } from '../../../fit/observations/calibrate.js';
import { type ScoredObservation, scoreObservations } from '../../../fit/observations/scored-observation.js';
import { TrainingRows } from '../../../fit/observations/training-rows.js';
import { binFeatures } from '../../../fit/regression/design.js';
import type { SetAside } from '../../../fit/table/set-aside.js';
import { whyALeak } from '../../../fit/table/suspects.js';
import type { TrainingTable } from '../../../fit/training-table.js';
import { type Scoring, scorecardText } from '../../../scoring/load.js';
import { recalibrated } from '../../../scoring/recalibrated.js';
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
    compare: (fit) => compared(fit, byHand, general, flags.name, flags.seed),
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
 * Where the hand-made scorecard, calibrated in the same folds, says more of rows that were not seen, it is kept, with the new
 * calibration: outcomes are too few to find better weights than those from practice. One that says no more than the base rate does never is.
 */
function compared(
  { judgement, splits }: ScorecardFit,
  byHand: readonly ScoredObservation[],
  general: Scoring,
  name: string,
  seed: number,
): Comparison {
  const card = general.scorecards[0]!.name;
  const calibrated = calibrate(byHand, seed);
  const unseen = judgeCalibrated(byHand, splits, seed);
  if (calibrated === null || unseen === null) return NO_COMPARISON;
  const sentence = `The hand-made scorecard ${card}, calibrated in the same folds, has a log loss of ${unseen.logLoss.toFixed(4)}; the fitted one ${judgement.logLoss.toFixed(4)}.`;
  if (unseen.logLoss >= judgement.logLoss) return { says: [sentence], file: null };
  const { low, high } = unseen.aucInterval;
  if (!(low > 0.5) || unseen.logLoss >= unseen.baseLogLoss)
    return {
      says: [
        sentence,
        `It is not kept either, since it says no more than the base rate does (log loss ${unseen.baseLogLoss.toFixed(4)}): AUC ${unseen.auc.toFixed(3)}, 95 % interval ${low.toFixed(3)} to ${high.toFixed(3)}.`,
      ],
      file: null,
    };
  return {
    says: [
      sentence,
      'That is better: outcomes are too few to find better weights than those from practice, and the hand-made scorecard is kept, with its new calibration.',
    ],
    file: recalibrated(scorecardText(general, card), {
      name,
      description: `${card} calibrated by ${calibrated.positives} of ${calibrated.rows} outcomes.`,
      calibration: calibrated.calibration,
    }),
  };
}
