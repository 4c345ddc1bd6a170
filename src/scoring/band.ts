import { BANDS, type Band, type Scorecard } from './scorecard.js';

/**
 * The band of a risk. Upwards it changes at once; downwards only when the risk is `hysteresis` points below the border of the
 * band it was in. Under the coverage floor it is unknown.
 *
 * @param previous Band of the risk before this one; null: there is none to cling to.
 */
export function bandOf(
  card: Pick<Scorecard, 'bands' | 'coverageFloor'>,
  risk: number,
  coverage: number,
  previous: Band | null,
): Band {
  if (coverage < card.coverageFloor || coverage === 0) return 'unknown';
  const { bands } = card;
  const level = risk >= bands.critical ? 3 : risk >= bands.high ? 2 : risk >= bands.medium ? 1 : 0;
  const before = previous === null || previous === 'unknown' ? -1 : BANDS.indexOf(previous);
  if (before <= level) return BANDS[level]!;
  const borders = [0, bands.medium, bands.high, bands.critical];
  for (let kept = before; kept > level; kept--) {
    if (risk >= borders[kept]! - bands.hysteresis) return BANDS[kept]!;
  }
  return BANDS[level]!;
}
