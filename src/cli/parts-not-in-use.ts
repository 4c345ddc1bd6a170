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

/** The same of the scorecard of one risk; undefined where these are not the files that it was scored with. */
export async function partNotInUse(
  store: Store,
  scoring: Scoring,
  { scorecard, scoringRevision, asOf }: Pick<Risk, 'scorecard' | 'scoringRevision' | 'asOf'>,
): Promise<NotInUse | undefined> {
  if (scoring.revision !== scoringRevision) return undefined;
  return (await partsNotInUse(store, scoring, asOf)).find((part) => part.scorecard === scorecard);
}

/** The same beside a process that has the store; undefined also where only a distant server has the files. */
export async function partNotInUseThere(settings: Settings, risk: Risk): Promise<NotInUse | undefined> {
  const folder = settings.PERENNIAL_SCORING;
  if (settings.PERENNIAL_SERVER !== '' || !existsSync(folder)) return undefined;
  const { scoring } = loadScoring(readTextFiles(folder), folder);
  return scoring && withStore(settings, (store) => partNotInUse(store, scoring, risk));
}
