import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import { parseMessage } from '../../src/signals/parse.js';
import { REJECTION_REASONS } from '../../src/signals/signal.js';
import { OUTCOME_KINDS } from '../../src/signals/subscription.js';
import { fencedBlocks } from '../support/markdown.js';
import { projectFile } from '../support/project.js';
import { bytes, context } from './forms.js';

const PAGE = 'docs/signals.md';
const text = readFileSync(projectFile(PAGE), 'utf8');
const parsed = fencedBlocks(PAGE, 'json').map((block) =>
  parseMessage({ body: bytes(block) }, 'any', context()),
);

describe(PAGE, () => {
  test('every example is accepted, and as what the page says', () => {
    expect(parsed.map(({ kind }) => kind)).toEqual([
      'signal',
      'signal',
      'signal',
      'subscription',
      'outcome',
      'retraction',
      'outcome',
    ]);
  });

  test('the first three examples are the same signal', () => {
    expect(parsed[1]).toEqual(parsed[0]);
    expect(parsed[2]).toEqual(parsed[0]);
    expect(parsed[0]).toMatchObject({ signal: { value: 3, attributes: { feature_key: 'reports' } } });
  });

  test('every reason and every kind is listed', () => {
    const listed = new Set([...text.matchAll(/`([a-z_0-9]+)`/g)].map((match) => match[1]!));
    for (const name of [...REJECTION_REASONS, ...OUTCOME_KINDS]) expect(listed).toContain(name);
  });

  test('the limits are those of the program', () => {
    expect(LIMITS).toMatchObject({
      messageBytes: 1 << 20,
      jsonDepth: 32,
      idBytes: 256,
      typeBytes: 64,
      attributes: 64,
      attributeKeyBytes: 64,
      attributeValueBytes: 8192,
      futureTimeMs: 86_400_000,
    });
  });
});
