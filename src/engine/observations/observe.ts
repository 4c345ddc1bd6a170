import type { Millis } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { nearest } from '../../core/nearest-name.js';
import type { FeatureCatalogue } from '../../features/catalogue.js';
import type { LabelDefinition } from '../../features/labels.js';
import { daysOf } from '../../features/measures/window.js';
import { observationsOf } from '../../fit/observations/observations-of.js';
import type { Store } from '../../store/store.js';
import { readDecidedTerms } from './decided-terms.js';
import { type ObservedBatch, observedFeatures } from './observed-features.js';

export interface ObservePlan {
  /** Name of the label in features.yaml; absent: the only one, or the first. */
  readonly label?: string | undefined;
  /** Terms that ended from then, and before then. */
  readonly from: Millis;
  readonly to: Millis;
  readonly everyDays: 1 | 7;
  /** Whether contracts that ended either way are needed: to tell them apart, not to count them. */
  readonly needsBoth: boolean;
}

export interface ObserveSummary {
  readonly label: string;
  /** Terms that ended one way or the other. */
  readonly terms: number;
  readonly observations: number;
  /** Left out, since notice had been given. */
  readonly afterNotice: number;
  /** Left out, since the subscription did not run at the time, or nothing of it had arrived. */
  readonly notRunning: number;
}

/**
 * Looks at every contract that ended, as of times before, with what was known then. Throws `failed_precondition` where the store
 * has no outcomes, of one kind only where both are needed, or nothing was known before: then nobody knows how good a score is.
 */
export async function observe(
  store: Store,
  catalogue: FeatureCatalogue,
  plan: ObservePlan,
  each: (batch: ObservedBatch) => void,
): Promise<ObserveSummary> {
  const { name, label } = labelNamed(catalogue, plan.label);
  const terms = await readDecidedTerms(store, label, plan.from, plan.to);
  if (terms.length === 0)
    throw new PerennialError(
      'failed_precondition',
      'The store has no outcomes to judge by: the base rate is not known.',
      {
        hint: `Outcomes of the kinds ${[...label.outcomes, ...label.against].join(', ')} say how contracts ended; ingest or import them (docs/signals.md).`,
      },
    );
  const [first] = terms;
  if (plan.needsBoth && terms.every(({ label: ending }) => ending === first!.label))
    throw allAlike(terms.length, first!.label, label);
  const { observations, afterNotice } = observationsOf(terms, {
    leadDays: label.lead.map(daysOf),
    beforeNotice: label.before_notice,
    everyDays: plan.everyDays,
  });
  let found = 0;
  for await (const batch of observedFeatures(store, catalogue, observations)) {
    found += batch.observations.length;
    each(batch);
  }
  if (found === 0) throw nothingKnown(terms.length, observations.length);
  return {
    label: name,
    terms: terms.length,
    observations: found,
    afterNotice,
    notRunning: observations.length - found,
  };
}

/** Contracts ended, and nothing of them can be looked at as it was before. */
function nothingKnown(terms: number, observations: number): PerennialError {
  return new PerennialError(
    'failed_precondition',
    `${terms} contracts ended, and none of them can be looked at as it was before: there is nothing to judge by.`,
    {
      hint:
        observations === 0
          ? 'At all times that the label names notice had been given; `before_notice: false` looks at them all the same.'
          : 'Nothing of them had arrived by then. History that was imported later was not known then, unless its mapping says `received: occurred` (docs/import.md).',
    },
  );
}

/** With one ending only there is nothing to learn: a fit would predict the same for every contract. */
function allAlike(terms: number, ending: number, { outcomes, against }: LabelDefinition): PerennialError {
  const [are, lack] = ending === 1 ? [outcomes, against] : [against, outcomes];
  return new PerennialError(
    'failed_precondition',
    `All ${terms} contracts that ended did so as ${are.join(', ')}: the base rate is not known.`,
    { hint: `Outcomes of the kinds ${lack.join(', ')} are needed, too; or look at a longer time.` },
  );
}

function labelNamed(
  { labels, file }: FeatureCatalogue,
  wanted: string | undefined,
): { name: string; label: LabelDefinition } {
  const name = wanted ?? labels.keys().next().value;
  const label = name === undefined ? undefined : labels.get(name);
  if (name !== undefined && label !== undefined) return { name, label };
  const meant = name === undefined ? undefined : nearest(name, labels.keys());
  throw new PerennialError(
    'invalid_argument',
    name === undefined
      ? `${file.path} declares no labels.`
      : `There is no label \`${name}\` in ${file.path}.`,
    {
      hint:
        meant === undefined
          ? 'Labels stand under `labels:`, beside the features.'
          : `Did you mean \`${meant}\`?`,
    },
  );
}
