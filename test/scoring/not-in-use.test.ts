import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { SentTypes } from '../../src/features/sent-types.js';
import { notInUse, notInUseInWords } from '../../src/scoring/not-in-use.js';
import { CATEGORIES } from '../../src/signals/signal.js';
import { defaultScoring } from './scoring-files.js';

const NOW = Date.UTC(2026, 0, 1);

function sentOf(names: readonly string[]): SentTypes {
  const at = NOW - DAY_MS;
  return new SentTypes(
    names.map((name) => {
      const [category, type] = name.split('.') as [string, string];
      return { category, type, firstAt: at, lastAt: at, firstKnownAt: at };
    }),
    false,
  );
}

// `doctor`, `score` and `explain` did not say so: coverage was 100 % of what is left.
describe('the part of a scorecard that is not in use', () => {
  const { scorecards, catalogue } = defaultScoring();
  const card = scorecards.at(-1)!;
  const weightOf = (names: readonly string[]) =>
    card.features.filter(({ name }) => names.includes(name)).reduce((sum, { weight }) => sum + weight, 0);
  const whole = weightOf(card.features.map(({ name }) => name));

  it('is the weight of what nobody can know, and names a category of which nothing comes', () => {
    const sent = sentOf(['usage.core_action_completed', 'billing.payment_failed', 'billing.invoice_paid']);
    const found = notInUse(card, catalogue, sent, NOW);
    expect(found.features).toContain('csat_90d');
    expect(found.features).not.toContain('days_since_last_core_action');
    expect(found.share).toBeCloseTo(weightOf(found.features) / whole, 12);
    expect(found.missing.slice(0, 2).sort()).toEqual(['marketing signals', 'support signals']);
    expect(found.missing).toContain('seats of contracts');
    expect(notInUseInWords(found)).toMatch(
      /^\d+ % of scorecard default is not in use: nobody sends .* and \d+ more\.$/,
    );
  });

  it('is all where nothing comes, and nothing where all does', () => {
    expect(notInUse(card, catalogue, sentOf([]), NOW).share).toBe(1);
    const types = catalogue.measures.flatMap(({ of }) => of.types);
    const fields = ['seats', 'plan_features', 'renewal', 'start', 'auto_renew', 'notice_days', 'arr_minor'];
    const all = sentOf([
      ...CATEGORIES.flatMap((category) => types.map((type) => `${category}.${type}`)),
      ...fields.map((field) => `contract.${field}`),
    ]);
    expect(notInUseInWords(notInUse(card, catalogue, all, NOW))).toBeNull();
  });
});
