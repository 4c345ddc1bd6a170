import { existsSync } from 'node:fs';
import type { Millis } from '../core/clock.js';
import type { Settings } from '../core/settings.js';
import { readTextFiles } from '../core/text-files.js';
import type { Risk } from '../engine/risk.js';
import { readSentTypes } from '../features/sent-types.js';
import { loadScoring, type Scoring } from '../scoring/load.js';
import { type NotInUse, notInUse, notInUseInWords } from '../scoring/not-in-use.js';
import type { Store } from '../store/store.js';
import { withStore } from './open-engine.js';

/** What part of each scorecard says nothing, since nobody sends what it needs. */
export async function partsNotInUse(
  store: Store,
  { scorecards, catalogue }: Pick<Scoring, 'scorecards' | 'catalogue'>,
  asOf: Millis,
  knownAt?: Millis,
): Promise<NotInUse[]> {
  const sent = await readSentTypes(store, asOf, knownAt, 'serve');
  return scorecards.map((card) => notInUse(card, catalogue, sent, asOf));
}

export function partsInWords(parts: readonly NotInUse[]): string[] {
  return parts.flatMap((part) => notInUseInWords(part) ?? []);
}

/** The same of the scorecard of one risk. Undefined where the files are others by now, or only a distant server has them. */
export async function partNotInUse(
  settings: Settings,
  { scorecard, scoringRevision, asOf }: Pick<Risk, 'scorecard' | 'scoringRevision' | 'asOf'>,
): Promise<NotInUse | undefined> {
  const folder = settings.PERENNIAL_SCORING;
  if (settings.PERENNIAL_SERVER !== '' || !existsSync(folder)) return undefined;
  const { scoring } = loadScoring(readTextFiles(folder), folder);
  if (scoring?.revision !== scoringRevision) return undefined;
  const parts = await withStore(settings, (store) => partsNotInUse(store, scoring, asOf));
  return parts.find((part) => part.scorecard === scorecard);
}
