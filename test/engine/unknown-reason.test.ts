import { expect, it } from 'vitest';
import { explainStoredRisk } from '../../src/engine/risk.js';
import type { Scoring } from '../../src/scoring/load.js';
import type { StoredRisk } from '../../src/store/risk-state.js';

const scoring = {
  catalogue: { features: [] },
  scorecards: [{ name: 'default', features: [], coverageFloor: 0.5, applicableFloor: 0.15 }],
} as unknown as Scoring;

const reason = (fields: Pick<StoredRisk, 'band' | 'coverage'>) =>
  explainStoredRisk(
    { ...fields, scorecard: 'default', overrideSetAt: null, overrideUntil: null } as StoredRisk,
    scoring,
  ).unknownReason;

// Bug: "unknown, coverage 100 %", and not a word on why.
it('says why a band is unknown, also where everything that could be known is known', () => {
  expect(reason({ band: 'high', coverage: 1 })).toBe('');
  expect(reason({ band: 'unknown', coverage: 0 })).toBe(
    'Nothing is known of what scorecard default looks at.',
  );
  expect(reason({ band: 'unknown', coverage: 0.4996 })).toBe(
    'Of what could be known 49.96 % is known, and scorecard default asks for 50 %.',
  );
  expect(reason({ band: 'unknown', coverage: 1 })).toBe(
    'The signals that anyone sends are less than 15 % of the weight of scorecard default: too little for a risk, however well they are known.',
  );
});
