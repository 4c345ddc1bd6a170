import type { Millis } from '../core/clock.js';
import { readSentTypes } from '../features/sent-types.js';
import type { Scoring } from '../scoring/load.js';
import { type NotInUse, notInUse, notInUseInWords } from '../scoring/not-in-use.js';
import type { Store } from '../store/store.js';

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
