import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { DAY_MS } from '../../src/core/clock.js';
import { loadDefinitions } from '../../src/engine/definitions.js';
import { Engine } from '../../src/engine/engine.js';
import { createDoorMetrics } from '../../src/store/http-server/door-metrics.js';
import type { Store } from '../../src/store/store.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { businessOf, END } from '../support/business.js';
import { projectFile } from '../support/project.js';
import { findPromtool } from '../support/promtool.js';
import { streamText } from '../support/stream-text.js';
import { tempStore } from '../support/temp-store.js';

interface Target {
  readonly datasource: { readonly uid: string };
  readonly rawSql?: string;
  readonly expr?: string;
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly Target[];
}

const FOLDER = 'integrations/grafana';
const dashboards = readdirSync(projectFile(`${FOLDER}/dashboards`)).map((file) => ({
  file,
  ...(JSON.parse(readFileSync(projectFile(`${FOLDER}/dashboards/${file}`), 'utf8')) as {
    uid: string;
    panels: Panel[];
  }),
}));
const targets = dashboards.flatMap(({ file, panels }) =>
  panels.flatMap(({ title, targets }) => targets.map((target) => ({ name: `${file}: ${title}`, ...target }))),
);
const queries = targets.filter(({ rawSql }) => rawSql !== undefined);
const expressions = targets.filter(({ expr }) => expr !== undefined);

/** Macros of Grafana's data source that the dashboards use. */
const plain = (sql: string) =>
  sql.replaceAll(/\$__timeFilter\((\w+)\)/g, `$1 >= toDateTime64('2025-01-01', 3, 'UTC')`);

describe('the dashboards of Grafana', () => {
  let store: Store;
  let close: () => Promise<void>;
  beforeAll(async () => {
    ({ store, close } = await tempStore(businessOf()));
    const definitions = await loadDefinitions(store, projectFile('scoring'), projectFile('rules'));
    let now = END;
    const log = silentLogger();
    const engine = new Engine({ store, definitions, clock: () => now, log, fullRescoreEveryMs: null });
    for (const days of [180, 120, 60, 0]) {
      now = END - days * DAY_MS;
      await engine.rescoreAll();
    }
    await engine.stop();
  });
  afterAll(() => close());

  test('are of business and of operations', () => {
    expect(dashboards.map(({ uid }) => uid).sort()).toEqual(['perennial-business', 'perennial-operations']);
    expect(queries.length).toBeGreaterThan(10);
    expect(expressions.length).toBeGreaterThan(10);
  });

  test.each(queries)('$name: SQL that runs, and shows something', async ({ name, rawSql }) => {
    // As a reader's statement: the engine refuses all else.
    const rows = (await streamText(store.stream(plain(rawSql!), 'JSONEachRow'))).split('\n').filter(Boolean);
    // A store without faults has nothing to say there.
    const isEmpty = name === 'operations.json: What could not be read, last 30 days';
    expect(rows.length > 0).toBe(!isEmpty);
    for (const row of rows)
      expect(Object.values(JSON.parse(row) as object).some((value) => value !== null)).toBe(true);
  });
});

test('every metric and label that they name is one that /metrics has', async () => {
  const none = () => 0;
  const registries = [
    createMetrics().registry,
    createDoorMetrics({ running: none, waiting: none, connections: none }).registry,
  ];
  const metrics = new Map<string, { type: string }>();
  for (const registry of registries)
    for (const { name, type } of await registry.getMetricsAsJSON()) metrics.set(name, { type: String(type) });
  const labelsOf = (name: string) =>
    registries
      .map((registry) => registry.getSingleMetric(name) as unknown as { labelNames: string[] } | undefined)
      .find((metric) => metric !== undefined)!.labelNames;
  for (const { name, expr } of expressions) {
    const named = [...expr!.matchAll(/perennial_\w+/g)].map(([metric]) => metric!);
    expect(named.length, name).toBeGreaterThan(0);
    for (const metric of named) {
      const base = metric.replace(/_(bucket|sum|count)$/, '');
      const found = metrics.get(metrics.has(metric) ? metric : base);
      expect(found, `${name}: ${metric}`).toBeDefined();
      if (metric !== base) expect(found!.type, metric).toBe('histogram');
      const by = [...expr!.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/, */));
      const known = [...labelsOf(metrics.has(metric) ? metric : base), 'instance', 'le'];
      for (const label of by) expect(known, `${name}: ${label}`).toContain(label);
    }
  }
});

const promtool = findPromtool();
test.runIf(promtool !== undefined)('every expression is one that Prometheus reads', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-grafana-'));
  try {
    const rules = expressions.map(({ expr }, index) => ({ record: `panel:${index}`, expr }));
    const file = join(folder, 'rules.yaml');
    writeFileSync(file, stringify({ groups: [{ name: 'panels', rules }] }));
    const { status, stdout, stderr } = spawnSync(promtool!, ['check', 'rules', file], { encoding: 'utf8' });
    expect(`${stdout}${stderr}`).toContain(`${rules.length} rules found`);
    expect(status).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('panels do not overlap, and their data sources are those that are provisioned', () => {
  const { datasources } = parse(
    readFileSync(projectFile(`${FOLDER}/provisioning/datasources/perennial.yaml`), 'utf8'),
  ) as { datasources: { uid: string }[] };
  const uids = datasources.map(({ uid }) => uid);
  for (const { datasource } of targets) expect(uids).toContain(datasource.uid);
  for (const { panels } of dashboards) {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  }
});
