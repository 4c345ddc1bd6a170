import type { ScorecardFit } from '../../../fit/fit-scorecard.js';
import { print, printTable, type Terminal } from '../../terminal.js';
import type { FitFileFlags } from './fit-files.js';
import type { FitInput } from './fit-input.js';

/** The figures of a fit under the names that the field has for them. */
export function figures(fit: ScorecardFit, input: FitInput, says: readonly string[]) {
  const { judgement: j, fit: model, card } = fit;
  return {
    rows: j.rows,
    positives: j.positives,
    auc: j.auc,
    auc_low: j.aucInterval.low,
    auc_high: j.aucInterval.high,
    average_precision: j.averagePrecision,
    log_loss: j.logLoss,
    brier: j.brier,
    ece: j.expectedCalibrationError,
    base_log_loss: j.baseLogLoss,
    verdict: fit.verdict,
    says,
    effective_parameters: model.degreesOfFreedom,
    features: card.features.map(({ name, title, weight, kept }) => ({
      name,
      column: title,
      weight,
      evidence: kept?.evidence ?? null,
    })),
    left_out: [
      ...input.setAside.map(({ column, why, detail }) => ({ column, why, detail })),
      ...model.leftOut.map(({ feature, reason, association }) => ({
        column: feature.title,
        why: reason,
        p: association,
      })),
    ],
    ids: input.setAside.filter(({ why }) => why === 'id').map(({ column }) => column),
    leaks: input.setAside.filter(({ why }) => why === 'leak').map(({ column }) => column),
    rows_without_label: input.withoutLabel,
  };
}

export function showFit(
  terminal: Terminal,
  { judgement: j, card }: ScorecardFit,
  says: readonly string[],
  { out, report, predictions }: FitFileFlags,
): void {
  for (const sentence of says) print(terminal, sentence);
  print(terminal);
  printTable(
    terminal,
    ['figure', 'value'],
    [
      ['rows predicted', j.rows],
      ['positives', j.positives],
      ['average precision', j.averagePrecision.toFixed(4)],
      ['log loss', `${j.logLoss.toFixed(4)} (base rate: ${j.baseLogLoss.toFixed(4)})`],
      ['Brier score', j.brier.toFixed(4)],
      ['expected calibration error', j.expectedCalibrationError.toFixed(4)],
    ],
  );
  // A scorecard of the base rate has a feature, since it needs one, that tells nobody apart.
  const weighted = card.features.filter(({ kept }) => kept !== null);
  if (weighted.length > 0) {
    print(terminal);
    printTable(
      terminal,
      ['weight', 'feature', 'bins', 'evidence'],
      weighted.map(({ weight, name, badness, kept }) => [
        weight.toFixed(1),
        name,
        badness.length,
        kept!.evidence.toFixed(1),
      ]),
    );
  }
  for (const file of [out, predictions, report]) if (file !== undefined) print(terminal, `wrote ${file}`);
}
