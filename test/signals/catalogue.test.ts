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
    expect(counts).toEqual({ usage: 12, billing: 15, support: 9, marketing: 12 });
    expect(catalogue!.valueAttribute('usage', 'session_started')).toBe('duration_s');
    expect(catalogue!.valueAttribute('support', 'csat_response')).toBe('score');
    expect(catalogue!.valueAttribute('marketing', 'email_sent')).toBeUndefined();
  });

  test('a type that is not listed has no value attribute, whatever its name', () => {
    const { catalogue } = loadCatalogue(readYaml('signals.yaml', text));
    expect(catalogue!.valueAttribute('usage', 'constructor')).toBeUndefined();
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

  test('refuses an attribute that is described as the value too', () => {
    const twice = wrong
      .replace('descripton', 'description')
      .replace('{}', '{ count: { description: How often } }');
    const { problems } = loadCatalogue(readYaml('signals.yaml', twice));
    expect(problems).toEqual([expect.objectContaining({ code: 'value-is-attribute', line: 5 })]);
  });
});
