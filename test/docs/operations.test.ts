import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { SETTINGS } from '../../src/core/settings.js';
import { createMetrics, watchProcess } from '../../src/telemetry/metrics.js';

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

it('docs/operations.md names no metric that is not there', async () => {
  const metrics = createMetrics();
  watchProcess(metrics);
  const known = new Set(metrics.registry.getMetricsAsArray().map(({ name }) => name));
  const named = doc.match(/\bperennial_[a-z_]+[a-z]\b(?!\*)/g) ?? [];
  expect(named.length).toBeGreaterThan(40);
  for (const name of named)
    expect(known.has(name) || known.has(name.replace(/_(bucket|sum|count)$/, '')), name).toBe(true);
});

it('docs/operations.md has an alarm for every figure that can be bad', () => {
  const [, alarms] = doc.split('## Alarms, and what to do');
  for (const { name } of createMetrics().registry.getMetricsAsArray())
    if (
      /^perennial_(kafka|rules_refused|freshness|ingest_(retries|rejections))/.test(name) &&
      !/lag_offsets/.test(name)
    )
      expect(alarms).toContain(`\`${name}`);
});

it('the rules for Prometheus are YAML of one group, each with an expression', () => {
  const text = /```yaml\n([\s\S]*?)```/.exec(readFileSync('docs/operations.md', 'utf8'))![1]!;
  const { groups } = parse(text) as { groups: { rules: { alert: string; expr: string }[] }[] };
  for (const { alert, expr } of groups[0]!.rules) expect(expr, alert).toMatch(/perennial_\w+.*(>|==) \d/);
});
