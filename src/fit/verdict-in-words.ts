import type { ScorecardFit } from './fit-scorecard.js';

/** Fewer positives than this are few: what is said of them is mostly shrunk. */
const FEW_POSITIVES = 100;

/** What is to be thought of a fit, in sentences; the most important first. */
export function verdictInWords({ judgement, fit, verdict, shrinkage }: ScorecardFit): string[] {
  const { auc, aucInterval, positives, rows, logLoss, baseLogLoss } = judgement;
  const rate = `${((100 * positives) / rows).toFixed(1)} %`;
  const interval = `AUC ${auc.toFixed(3)}, 95 % interval ${aucInterval.low.toFixed(3)} to ${aucInterval.high.toFixed(3)}`;
  const spansHalf = aucInterval.low <= 0.5 && aucInterval.high >= 0.5;
  const said: string[] = [];
  if (Number.isNaN(auc))
    said.push(
      `All ${rows} rows that were predicted had the same outcome: how well they are told apart is not known.`,
    );
  else if (spansHalf)
    said.push(
      `Rows that the model had not seen are told apart no better than by chance: ${interval}, which spans 0.5.`,
    );
  else if (aucInterval.high < 0.5)
    said.push(`Rows that the model had not seen are told apart worse than by chance: ${interval}.`);
  else said.push(`Rows that the model had not seen are told apart better than by chance: ${interval}.`);
  if (verdict === 'base_rate')
    said.push(
      fit.model.features.length === 0
        ? `What the features say about the label is no more than chance would make them say (p = ${fit.chance.toFixed(2)}): the scorecard is shrunk to the base rate, ${rate} for everyone.`
        : `The model predicts unseen rows no better than the base rate does (log loss ${logLoss.toFixed(4)} against ${baseLogLoss.toFixed(4)}): the scorecard is shrunk to the base rate, ${rate} for everyone.`,
    );
  if (verdict === 'shrunk' && shrinkage !== null)
    said.push(
      `The model is too sure of itself with rows that it has not seen: it is shrunk to ${Math.round(100 * shrinkage.slope)} % of what it says, towards the base rate ${rate}.`,
    );
  if (Math.min(positives, rows - positives) < FEW_POSITIVES)
    said.push(
      `There are few outcomes (${positives} positive, ${rows - positives} not): effects are shrunk towards the base rate, to ${fit.degreesOfFreedom.toFixed(1)} effective parameters.`,
    );
  return said;
}
