import { describe, expect, it } from 'vitest';
import { wayInWords, wayOf } from '../../src/cli/way-to-band.js';
import { readSettings } from '../../src/core/read-settings.js';
import { defaultScoring } from '../scoring/scoring-files.js';

describe('what explain offers to change', () => {
  const scoring = defaultScoring();
  const settings = readSettings({ PERENNIAL_SCORING: 'scoring' });
  const card = scoring.scorecards[0]!;
  const contribution = (feature: string, value: number, points: number) => {
    const { category } = scoring.catalogue.features.find(({ name }) => name === feature)!;
    return { feature, category, value, points, curve: 1, weight: 1, reason: '' };
  };
  const scored = (contributions: ReturnType<typeof contribution>[]) => ({
    ...{ computedRisk: 70, band: 'critical' as const, override: null, contributions },
    ...{ scorecard: card.name, scoringRevision: scoring.revision },
  });
  const wayFrom = (...contributions: ReturnType<typeof contribution>[]) =>
    wayOf(settings, scored(contributions), 'low').changes.map(({ feature }) => feature);

  it('is nothing that has happened, and nothing of the calendar', () => {
    expect(
      wayFrom(
        contribution('cancel_interest_30d', 3, 30),
        contribution('days_to_renewal', 20, 20),
        contribution('days_past_due_max', 30, 10),
      ),
    ).toEqual(['days_past_due_max']);
  });

  // A risk of 5 that a person had said needed nothing to be low, and the customer whose payments failed was fine.
  it('is about the computed risk where a person said another one, and says so', () => {
    const override = { risk: 5, reason: 'they signed', author: 'ada', setAt: 0, until: 1 };
    const said = { ...scored([contribution('days_past_due_max', 30, 60)]), band: 'low' as const, override };
    const way = wayOf(settings, said, 'low');
    expect(way.changes.map(({ feature }) => feature)).toEqual(['days_past_due_max']);
    expect(wayInWords(way, 'low', said)[0]).toMatch(
      /What ada said holds until its end.*computed risk, 70\.0/,
    );
  });

  it('does not bring a band that is unknown anywhere, and says why', () => {
    const unknown = { ...scored([contribution('days_past_due_max', 30, 60)]), band: 'unknown' as const };
    const way = wayOf(settings, unknown, 'low');
    expect(way.reached).toBe(false);
    expect(wayInWords(way, 'low', unknown)[0]).toMatch(/stays unknown while so little is known/);
  });
});
