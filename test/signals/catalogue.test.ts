import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readYaml } from '../../src/core/yaml-file.js';
import { loadCatalogue } from '../../src/signals/catalogue.js';
import { projectFile } from '../support/project.js';

const text = readFileSync(projectFile('scoring/signals.yaml'), 'utf8');

describe('scoring/signals.yaml', () => {
  test('is a valid catalogue with the types of the domain in every category', () => {
    const { catalogue, problems } = loadCatalogue(readYaml('signals.yaml', text));
    expect(problems).toEqual([]);
    const counts: Record<string, number> = {};
    for (const { category } of catalogue!) counts[category] = (counts[category] ?? 0) + 1;
    expect(counts).toEqual({ usage: 14, billing: 15, support: 11, marketing: 12 });
    expect(catalogue!.limits('usage', 'session_started').valueAttribute).toBe('duration_s');
    expect(catalogue!.limits('support', 'csat_response').valueAttribute).toBe('score');
    expect(catalogue!.limits('marketing', 'email_sent').valueAttribute).toBeUndefined();
  });

  test('a type that is not listed has no value attribute, whatever its name', () => {
    const { catalogue } = loadCatalogue(readYaml('signals.yaml', text));
    expect(catalogue!.limits('usage', 'constructor').valueAttribute).toBeUndefined();
  });
});

describe('a wrong catalogue', () => {
  const wrong = `usage:
  feature_used:
    descripton: A feature was used.
    value: { attribute: count, unit: uses, description: How often }
    attributes: {}
billing: {}
support: {}
marketing: {}
`;

  test('names the place of a misspelt key and the nearest known one', () => {
    const { problems } = loadCatalogue(readYaml('signals.yaml', wrong));
    expect(problems).toContainEqual(
      expect.objectContaining({
        code: 'unknown-key',
        line: 3,
        column: 5,
        suggestion: 'did you mean `description`?',
      }),
    );
  });

  test('refuses a range on an attribute that is no number, and one that is the wrong way round', () => {
    const ranges = wrong
      .replace('descripton', 'description')
      .replace('attributes: {}', 'attributes: { plan: { description: The plan, range: [0, 1] } }');
    const { problems } = loadCatalogue(readYaml('signals.yaml', ranges));
    expect(problems).toEqual([expect.objectContaining({ code: 'range-of-no-number', line: 5 })]);
    const inverted = ranges.replace('range: [0, 1]', 'kind: number, range: [1, 0]');
    expect(loadCatalogue(readYaml('signals.yaml', inverted)).problems).toEqual([
      expect.objectContaining({
        line: 5,
        message: expect.stringContaining('the first bound must not lie above the second'),
      }),
    ]);
  });

  test('refuses an attribute that is described as the value too', () => {
    const twice = wrong
      .replace('descripton', 'description')
      .replace('{}', '{ count: { description: How often } }');
    const { problems } = loadCatalogue(readYaml('signals.yaml', twice));
    expect(problems).toEqual([expect.objectContaining({ code: 'value-is-attribute', line: 5 })]);
  });
});
