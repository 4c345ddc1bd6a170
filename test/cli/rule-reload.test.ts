import { EventEmitter, once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Role } from '../../src/cli/role.js';
import { withLiveEngine } from '../../src/cli/roles/live-engine.js';
import { StartWaits } from '../../src/cli/start-waits.js';
import { readSettings } from '../../src/core/read-settings.js';
import type { Engine } from '../../src/engine/engine.js';
import { readLastActivation } from '../../src/store/rule-activations.js';
import type { Store } from '../../src/store/store.js';
import { Health } from '../../src/telemetry/health.js';
import { createLogger, silentLogger } from '../../src/telemetry/log.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { projectFile } from '../support/project.js';
import { tempStore } from '../support/temp-store.js';

type Line = Record<string, unknown> & { readonly msg: string };

let store: Store;
let close: () => Promise<void>;
let home: string;
let rules: string;
let role: Role;
/** Every line of the log, by its message. */
let log: EventEmitter;

beforeAll(async () => {
  ({ store, close } = await tempStore());
  home = mkdtempSync(join(tmpdir(), 'perennial-reload-'));
});
afterAll(async () => {
  await close();
  rmSync(home, { recursive: true });
});
beforeEach(() => {
  rules = mkdtempSync(join(home, 'rules-'));
  cpSync(projectFile('rules'), rules, { recursive: true });
  log = new EventEmitter();
  const settings = readSettings({
    PERENNIAL_RULES: rules,
    PERENNIAL_SCORING: projectFile('scoring'),
    PERENNIAL_RULES_SETTLE_MS: '30',
    PERENNIAL_RULES_HOLD_MS: '60000',
  });
  role = {
    settings,
    logger: createLogger('info', {
      write: (text) => {
        const line = JSON.parse(text) as Line;
        log.emit(line.msg, line);
      },
    }),
    metrics: createMetrics(),
    health: new Health(),
    store,
    brokers: undefined,
    waits: new StartWaits(silentLogger(), new AbortController().signal),
    started: () => {},
    stopping: new AbortController().signal,
  };
});
afterEach(async () => {
  await store.command('TRUNCATE TABLE rule_activations');
});

const logged = async (message: string): Promise<Line> => (await once(log, message))[0] as Line;
const live = (work: (engine: Engine) => Promise<void>, decides = true): Promise<void> =>
  withLiveEngine(role, { fullRescoreEveryMs: null, decides }, work);
const note = (): string | undefined => role.health.ready().notes.rules;
const metric = async (name: string): Promise<Record<string, number>> => {
  const found = (await role.metrics.registry.getMetricsAsJSON()).find((one) => one.name === name);
  return Object.fromEntries(
    (found!.values as { labels: object; value: number }[]).map(({ labels, value }) => [
      Object.values(labels).join(),
      value,
    ]),
  );
};

describe('an engine whose rules folder changes', () => {
  it('logs and counts what a reload added, removed and changed, and records what is live', async () => {
    await live(async (engine) => {
      const before = engine.definitions.plan.set.revision;
      expect(await readLastActivation(store)).toMatchObject({ revision: before });
      expect(await metric('perennial_rules_live')).toEqual({ rules: 16, guardrails: 10, offers: 7 });
      const file = join(rules, 'attention.yaml');
      const reloaded = logged('Rules reloaded');
      const text = readFileSync(file, 'utf8').replace('value: 270', 'value: 300');
      writeFileSync(
        file,
        `${text}\n  - name: new_one\n    conditions: { all: [{ fact: risk, operator: greaterThan, value: 99 }] }\n    event: { type: touchpoint, params: { topic: new_one, channel: call } }\n`,
      );
      expect(await reloaded).toMatchObject({
        level: 'info',
        before,
        rules: 17,
        changes: ['changed rule champion_left', 'added rule new_one'],
      });
      const { revision } = engine.definitions.plan.set;
      expect(await readLastActivation(store)).toMatchObject({ revision });
      expect(await metric('perennial_rule_changes_total')).toEqual({ added: 1, changed: 1, removed: 0 });
      expect(await metric('perennial_rules_live')).toMatchObject({ rules: 17 });
    });
  });

  it('keeps the set that decides while the new one has lost something, and says so', async () => {
    await live(async (engine) => {
      const { revision } = engine.definitions.plan.set;
      const held = logged('Rules have gone from the folder; the new set waits whether it stays so');
      renameSync(join(rules, 'expansion.yaml'), join(home, 'expansion.yaml'));
      expect(await held).toMatchObject({
        level: 'warn',
        losses: ['rule more_seats_when_full', 'rule talk_before_quota_runs_out'],
        running: revision,
      });
      expect(note()).toMatch(
        /has lost rule more_seats_when_full, rule .*; revision [0-9a-f]{12} goes live once/,
      );
      expect(engine.definitions.plan.set.revision).toBe(revision);
    });
  });

  it('waits in the same way when rules have gone before it starts', async () => {
    let revision = '';
    await live(async (engine) => {
      revision = engine.definitions.plan.set.revision;
    });
    rmSync(join(rules, 'expansion.yaml'));
    const held = logged('Rules have gone from the folder; the new set waits whether it stays so');
    await live(async (engine) => {
      expect(await held).toMatchObject({ running: revision });
      expect(engine.definitions.plan.set.revision).toBe(revision);
    });
  });

  it('starts on the last set that was live when the folder is bad, loudly, and takes the folder once it is mended', async () => {
    let revision = '';
    await live(async (engine) => {
      revision = engine.definitions.plan.set.revision;
    });
    const guardrails = join(rules, 'guardrails.yaml');
    renameSync(guardrails, join(home, 'guardrails.yaml'));
    const refused = logged('Rules refused; the last good set runs on');
    await live(async (engine) => {
      expect(await refused).toMatchObject({
        level: 'error',
        folder: rules,
        reason: `The set has no guardrails, and the one that was live (${revision}) had 10`,
        hint: expect.stringContaining('`guardrails: off`'),
        running: revision,
      });
      expect(engine.definitions.plan.set.guardrails).toHaveLength(10);
      expect(note()).toMatch(/is refused \(The set has no guardrails.*\); revision [0-9a-f]{12} runs\.$/);
      expect(await metric('perennial_rules_refused')).toEqual({ '': 1 });
      const reloaded = logged('Rules reloaded');
      const text = readFileSync(join(home, 'guardrails.yaml'), 'utf8');
      writeFileSync(guardrails, text.replace('max_pct: 25', 'max_pct: 24'));
      expect(await reloaded).toMatchObject({ changes: ['changed guardrail no_deep_discounts'] });
      expect(note()).toBeUndefined();
      expect(await metric('perennial_rules_refused')).toEqual({ '': 0 });
    });
  });

  it('is not what is live when it only explains', async () => {
    await live(async () => {}, false);
    expect(await readLastActivation(store)).toBeUndefined();
  });
});
