import { describe, expect, it } from 'vitest';
import { wayOf } from '../../src/cli/way-to-band.js';
import { readSettings } from '../../src/core/settings.js';
import { defaultScoring } from '../scoring/scoring-files.js';

describe('what explain offers to change', () => {
  const scoring = defaultScoring();
  const settings = readSettings({ PERENNIAL_SCORING: 'scoring' });
  const card = scoring.scorecards[0]!;
  const contribution = (feature: string, value: number, points: number) => {
    const { category } = scoring.catalogue.features.find(({ name }) => name === feature)!;
    return { feature, category, value, points, curve: 1, weight: 1, reason: '' };
  };
  const wayFrom = (...contributions: ReturnType<typeof contribution>[]) =>
    wayOf(
      settings,
      { risk: 70, computedRisk: 70, scorecard: card.name, scoringRevision: scoring.revision, contributions },
      'low',
    ).changes.map(({ feature }) => feature);

  it('is nothing that has happened, and nothing of the calendar', () => {
    expect(
      wayFrom(
        contribution('cancel_interest_30d', 3, 30),
        contribution('days_to_renewal', 20, 20),
        contribution('days_past_due_max', 30, 10),
      ),
    ).toEqual(['days_past_due_max']);
  });
});
