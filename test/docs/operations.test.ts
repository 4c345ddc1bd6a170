import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { SETTINGS } from '../../src/core/settings.js';
import { createMetrics, watchProcess } from '../../src/telemetry/metrics.js';
import { projectFile } from '../support/project.js';

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
  expect(named.length).toBeGreaterThan(30);
  for (const name of named)
    expect(known.has(name) || known.has(name.replace(/_(bucket|sum|count)$/, '')), name).toBe(true);
});

it('the tables of settings and metrics are what npm run operations:docs writes', () => {
  const script = projectFile('scripts/operations-docs.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly runbook: string };
}
const { groups } = parse(readFileSync(projectFile('integrations/prometheus/perennial.yaml'), 'utf8')) as {
  groups: { rules: Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);

it('every alarm has an entry in docs/operations.md that it points to, and every entry an alarm', () => {
  const entries = [...doc.matchAll(/^### (Perennial\w+)$/gm)].map(([, name]) => name!);
  expect(entries.sort()).toEqual(rules.map(({ alert }) => alert).sort());
  for (const { alert, annotations } of rules)
    expect(annotations.runbook).toBe(`docs/operations.md#${alert.toLowerCase()}`);
});

/** Figures that are good or bad only beside others, or that others speak for. */
const NO_ALARM =
  /^perennial_(grpc_|decisions_opened|process_|nodejs_|rule_|rules_live|ingest_(batch|messages|records)|kafka_(lag_offsets|durable_age|paused)|ingest_dead_letters_total|scorecard_drift_checked|store_disk_bytes|store_table_bytes)/;

it('every figure that can be bad by itself is in an alarm, and alarms name figures that are there', () => {
  const expressions = rules.map(({ expr }) => expr).join('\n');
  const names = createMetrics()
    .registry.getMetricsAsArray()
    .map(({ name }) => name);
  for (const name of names) if (!NO_ALARM.test(name)) expect(expressions).toContain(name);
  for (const [name] of expressions.matchAll(/perennial_[a-z_]+/g))
    expect(names).toContain(name.replace(/_bucket$/, ''));
});

// Bug: a series that begins with its first event has no increase in it: the first messages that were lost raised no alarm. Those of
// reasons begin with 0.
it('an alarm of the first event sees the one that a series begins with', () => {
  const { registry } = createMetrics();
  const born: string[] = [];
  for (const { expr } of rules)
    for (const [, selector, name] of expr.matchAll(
      /increase\(((perennial_\w+)(?:\{[^}]*\})?)\[\w+\]\) > 0/g,
    )) {
      const { labelNames } = registry.getSingleMetric(name!) as unknown as { labelNames: string[] };
      if (!labelNames.includes('topic')) continue;
      born.push(name!);
      expect(expr).toContain(`(${selector} > 0 unless ${selector} offset 1h)`);
    }
  expect(born).toHaveLength(2);
});
