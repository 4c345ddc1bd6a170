import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadDefinitions, loadStartDefinitions } from '../../src/engine/definitions.js';
import { readLastActivation, recordActivation } from '../../src/store/rule-activations.js';
import type { Store } from '../../src/store/store.js';
import { projectFile } from '../support/project.js';
import { tempStore } from '../support/temp-store.js';

const SETTLE = { settleMs: 20, clock: Date.now };
const scoring = projectFile('scoring');

let store: Store;
let close: () => Promise<void>;
let home: string;
let rules: string;
let at = 1_000;

beforeAll(async () => {
  ({ store, close } = await tempStore());
  home = mkdtempSync(join(tmpdir(), 'perennial-definitions-'));
});
afterAll(async () => {
  await close();
  rmSync(home, { recursive: true });
});
beforeEach(async () => {
  await store.command('TRUNCATE TABLE rule_activations');
  rules = mkdtempSync(join(home, 'rules-'));
  cpSync(projectFile('rules'), rules, { recursive: true });
});

function emptied(folder: string): void {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
}

const load = () => loadDefinitions(store, scoring, rules, SETTLE);
const start = () => loadStartDefinitions(store, { scoring, rules }, SETTLE);
const goLive = async (): Promise<string> => {
  const { plan } = await load();
  await recordActivation(store, plan.set, at++);
  return plan.set.revision;
};

describe('the rules of a command', () => {
  // Bug: `score --all` between two halves of a write made a set live that had lost rules, where a role would have waited.
  it('wait whether what the folder has lost returns, where the command makes them live', async () => {
    const live = await goLive();
    const path = join(rules, 'retention.yaml');
    const whole = readFileSync(path, 'utf8');
    // Cut at the end of a rule, and long ago: nothing else tells that it is not whole.
    writeFileSync(path, whole.slice(0, whole.lastIndexOf('\n  - name:') + 1));
    const losses: string[] = [];
    const onHeld = (lost: readonly string[]): void => {
      losses.push(...lost);
      writeFileSync(path, whole);
    };
    const { plan } = await loadDefinitions(store, scoring, rules, { ...SETTLE, holdMs: 200, onHeld });
    expect(losses).toEqual([expect.stringMatching(/^rule /), 'the end of retention.yaml']);
    expect(plan.set.revision).toBe(live);
  });

  it('are taken when nothing returns', async () => {
    const live = await goLive();
    rmSync(join(rules, 'expansion.yaml'));
    const { plan } = await loadDefinitions(store, scoring, rules, { ...SETTLE, holdMs: 200 });
    expect(plan.set.revision).not.toBe(live);
  });

  // Case C1: `score --all --rules <folder without YAML at its top>` closed 721 decisions.
  it('are refused in a folder without rules, on a fresh store too', async () => {
    rmSync(rules, { recursive: true });
    mkdirSync(rules);
    await expect(load()).rejects.toMatchObject({
      code: 'invalid_file',
      message: `${rules}: The folder holds no rule files.`,
      hint: expect.stringContaining('`rules: off`'),
    });
    writeFileSync(join(rules, 'none.yaml'), 'rules: off');
    expect((await load()).plan.set.rules).toEqual([]);
  });

  // Case C4: without guardrails.yaml every rule ran without guardrails.
  it('are refused without guardrails where the last set had some', async () => {
    const revision = await goLive();
    rmSync(join(rules, 'guardrails.yaml'));
    await expect(load()).rejects.toMatchObject({
      code: 'invalid_file',
      message: `${rules}: The set has no guardrails, and the one that was live (${revision}) had 10.`,
      hint: expect.stringContaining('`guardrails: off`'),
    });
    writeFileSync(join(rules, 'guardrails.yaml'), 'guardrails: off');
    expect((await load()).plan.set.guardrails).toEqual([]);
  });

  // Bug: offers in every other currency stopped, and sums lost them, without a word.
  it('are refused without currencies.yaml where the last set had rates', async () => {
    const revision = await goLive();
    rmSync(join(rules, 'currencies.yaml'));
    await expect(load()).rejects.toMatchObject({
      code: 'invalid_file',
      message: `${rules}: The set has no currencies, and the one that was live (${revision}) had rates of CHF, GBP, JPY, SEK, USD.`,
      hint: expect.stringContaining('`reporting: EUR` alone'),
    });
    writeFileSync(join(rules, 'currencies.yaml'), 'reporting: EUR\n');
    expect((await load()).plan.set.currencies.rates).toEqual(new Map([['EUR', 1]]));
  });

  it('may go without guardrails where no set has been live', async () => {
    rmSync(join(rules, 'guardrails.yaml'));
    expect((await load()).plan.set.guardrails).toEqual([]);
  });
});

describe('the rules of a role that starts', () => {
  it('are those of its folder, and what nobody reads there is named', async () => {
    writeFileSync(join(rules, 'guardrails.yaml.bak'), 'guardrails: []');
    expect(await start()).toMatchObject({ refusal: null, unread: ['guardrails.yaml.bak'] });
  });

  it.each([
    ['holds nothing', () => emptied(rules), 'holds no rule files'],
    ['is gone', () => rmSync(rules, { recursive: true }), "Can't read the folder"],
    ['is broken', () => writeFileSync(join(rules, 'x.yaml'), 'rules: ['), '1 problem'],
    ['has lost its guardrails', () => rmSync(join(rules, 'guardrails.yaml')), 'has no guardrails'],
    ['has lost its currencies', () => rmSync(join(rules, 'currencies.yaml')), 'has no currencies'],
  ])('are the last that were live when the folder %s', async (_, harm, reason) => {
    const revision = await goLive();
    harm();
    const { plan, refusal } = await start();
    expect(plan.set.revision).toBe(revision);
    expect(plan.set.guardrails).toHaveLength(10);
    expect(refusal!.reason).toContain(reason);
  });

  it('are the last that were live when the folder has lost some since, until a watcher has looked at it', async () => {
    const revision = await goLive();
    rmSync(join(rules, 'expansion.yaml'));
    const { plan, refusal } = await start();
    expect(plan.set.revision).toBe(revision);
    expect(refusal).toBeNull();
    // A person stands in front of a command.
    expect((await load()).plan.set.revision).not.toBe(revision);
  });

  it('are refused like those of a command when none was live before', async () => {
    writeFileSync(join(rules, 'x.yaml'), 'rules: [');
    await expect(start()).rejects.toMatchObject({ code: 'invalid_file' });
  });
});

it('an activation is recorded with what it needs to be loaded again, and once for each change', async () => {
  const revision = await goLive();
  const { plan } = await load();
  const first = await readLastActivation(store);
  await recordActivation(store, plan.set, at++);
  expect(await readLastActivation(store)).toEqual(first);
  writeFileSync(join(rules, 'guardrails.yaml'), 'guardrails: off');
  const after = await goLive();
  expect(after).not.toBe(revision);
  await recordActivation(store, plan.set, at);
  expect(await readLastActivation(store)).toMatchObject({ revision, activatedAt: at });
});
