import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SETTINGS } from '../../src/core/settings.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

// The columns of a table are padded.
const doc = readFileSync('docs/operations.md', 'utf8').replace(/ +/g, ' ');

it('docs/operations.md lists every setting with its default and meaning', () => {
  for (const [name, schema] of Object.entries(SETTINGS)) {
    const read = schema.safeParse(undefined);
    const value = read.success ? String(read.data) : '';
    const shown = value === '' ? 'empty' : `\`${value}\``;
    expect(doc).toContain(`| \`${name}\` | ${shown} | ${schema.description} |`);
  }
});

it('docs/operations.md lists every metric with its meaning', async () => {
  for (const { name, type, help } of await createMetrics().registry.getMetricsAsJSON())
    expect(doc).toContain(`| \`${name}\` | ${type} | ${help} |`);
});
