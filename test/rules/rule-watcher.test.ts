import { EventEmitter, once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { batchOf } from '../../src/columns/batch-of.js';
import { listFolder, readTextFiles } from '../../src/core/text-files.js';
import { loadRuleSet } from '../../src/rules/load.js';
import { type Held, RuleWatcher, type WatchOptions } from '../../src/rules/rule-watcher.js';
import { verifiedPlan } from '../../src/rules/verified-plan.js';
import { FACTS } from './facts.js';

const ruleFile = (name: string, threshold: number): string => `rules:
  - name: ${name}
    conditions: { all: [{ fact: coverage, operator: greaterThan, value: ${threshold} }] }
    event: { type: escalation, params: { topic: ${name}, to: owner } }
`;

describe('a watched rules folder', () => {
  let home: string;
  let folder: string;
  let told: EventEmitter;
  let watcher: RuleWatcher | undefined;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'perennial-rules-'));
    folder = join(home, 'rules');
    mkdirSync(folder);
    writeFileSync(join(folder, 'a.yaml'), ruleFile('first', 0.1));
    told = new EventEmitter();
  });
  afterEach(async () => {
    await watcher?.close();
    rmSync(home, { recursive: true, force: true });
  });

  const start = async (
    activate: () => Promise<void> = () => Promise.resolve(),
    options: WatchOptions = {},
  ): Promise<RuleWatcher> => {
    const facts = { facts: FACTS };
    const listing = listFolder(folder);
    const plan = await verifiedPlan(loadRuleSet(readTextFiles(folder), facts), null);
    if ('reason' in plan) throw new Error(plan.reason);
    watcher = new RuleWatcher(
      { folder, catalogue: () => facts, plan, refusal: null, stamp: listing.stamp },
      {
        activate,
        onActivated: (live, before, unread) =>
          told.emit(
            'activated',
            live.set.rules.map(({ name }) => name),
            before.set.revision,
            unread,
          ),
        onHeld: (held) => told.emit('held', held),
        onRefused: (refusal) => told.emit('refused', refusal),
      },
      { settleMs: 30, holdMs: 30, ...options },
    );
    return watcher;
  };
  const names = (): string[] => watcher!.plan.set.rules.map(({ name }) => name);

  it('puts a changed file live', async () => {
    await start();
    const activated = once(told, 'activated');
    writeFileSync(join(folder, 'a.yaml'), ruleFile('second', 0.2));
    await activated;
    expect(names()).toEqual(['second']);
  });

  it('sees a file that an editor replaces by renaming', async () => {
    await start();
    const activated = once(told, 'activated');
    writeFileSync(join(folder, '.a.yaml.new'), ruleFile('renamed', 0.2));
    renameSync(join(folder, '.a.yaml.new'), join(folder, 'a.yaml'));
    await activated;
    expect(names()).toEqual(['renamed']);
  });

  it('sees the swapped link of a mounted Kubernetes ConfigMap', async () => {
    rmSync(join(folder, 'a.yaml'));
    for (const [version, name] of [
      ['..v1', 'first'],
      ['..v2', 'second'],
    ] as const) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, 'a.yaml'), ruleFile(name, 0.1));
    }
    symlinkSync('..v1', join(folder, '..data'));
    symlinkSync(join('..data', 'a.yaml'), join(folder, 'a.yaml'));
    await start();
    expect(names()).toEqual(['first']);
    const activated = once(told, 'activated');
    symlinkSync('..v2', join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    rmSync(join(folder, '..v1'), { recursive: true });
    await activated;
    expect(names()).toEqual(['second']);
  });

  it('sees a folder whose own link is swapped, which announces nothing', async () => {
    for (const [version, name] of [
      ['v1', 'first'],
      ['v2', 'second'],
    ] as const) {
      mkdirSync(join(home, version));
      writeFileSync(join(home, version, 'a.yaml'), ruleFile(name, 0.1));
    }
    folder = join(home, 'current');
    symlinkSync('v1', folder);
    await start();
    const activated = once(told, 'activated');
    symlinkSync('v2', join(home, 'next-link'));
    renameSync(join(home, 'next-link'), folder);
    await activated;
    expect(names()).toEqual(['second']);
  });

  it('keeps the last good set while a file is broken, says why, and recovers', async () => {
    await start();
    const refused = once(told, 'refused');
    writeFileSync(join(folder, 'a.yaml'), ruleFile('broken', 0.1).replace('coverage', 'covrage'));
    await refused;
    expect(names()).toEqual(['first']);
    expect(watcher!.status.refusal!.problems).toEqual([
      expect.objectContaining({ file: 'a.yaml', line: 3, suggestion: 'did you mean `coverage`?' }),
    ]);
    const activated = once(told, 'activated');
    writeFileSync(join(folder, 'a.yaml'), ruleFile('mended', 0.1));
    await activated;
    expect(names()).toEqual(['mended']);
    expect(watcher!.status.refusal).toBeNull();
  });

  it('keeps the last good set while a file is half written', async () => {
    await start();
    const text = ruleFile('whole', 0.3);
    const refused = once(told, 'refused');
    writeFileSync(join(folder, 'a.yaml'), text.slice(0, text.indexOf('value')));
    await refused;
    expect(names()).toEqual(['first']);
    const activated = once(told, 'activated');
    appendFileSync(join(folder, 'a.yaml'), text.slice(text.indexOf('value')));
    await activated;
    expect(names()).toEqual(['whole']);
  });

  // Bug: a set that the store could not record counted as live, while the engine ran the one before.
  it('refuses a good set that cannot be activated, says why, and tries again by itself', async () => {
    let down = true;
    await start(() => (down ? Promise.reject(new Error('the store is down')) : Promise.resolve()));
    const refused = once(told, 'refused');
    writeFileSync(join(folder, 'a.yaml'), ruleFile('second', 0.2));
    await refused;
    expect(names()).toEqual(['first']);
    expect(watcher!.status.refusal!.reason).toContain("can't be activated: the store is down");
    const activated = once(told, 'activated');
    down = false;
    await activated;
    expect(names()).toEqual(['second']);
    expect(watcher!.status.refusal).toBeNull();
  });

  it('activates sets one after another, the last one last', async () => {
    const order: string[] = [];
    let first = true;
    await start(async () => {
      const slow = first;
      first = false;
      order.push('begins');
      if (slow) await once(told, 'go on');
      order.push('is live');
    });
    writeFileSync(join(folder, 'a.yaml'), ruleFile('second', 0.2));
    while (order.length === 0) await new Promise((resolve) => setImmediate(resolve));
    writeFileSync(join(folder, 'a.yaml'), ruleFile('third', 0.3));
    const activated = once(told, 'activated').then(() => once(told, 'activated'));
    told.emit('go on');
    await activated;
    expect(order).toEqual(['begins', 'is live', 'begins', 'is live']);
    expect(names()).toEqual(['third']);
  });

  it('does not run without rules because a folder is empty for a moment', async () => {
    await start();
    const refused = once(told, 'refused');
    rmSync(join(folder, 'a.yaml'));
    await refused;
    expect(names()).toEqual(['first']);
    expect(watcher!.status.refusal).toMatchObject({
      reason: 'The folder holds no rule files',
      hint: expect.stringContaining('`rules: off`'),
    });
  });

  it('changes the whole set at once: whoever took the plan keeps a whole old set', async () => {
    writeFileSync(join(folder, 'b.yaml'), ruleFile('other', 0.5));
    await start();
    const taken = watcher!.plan;
    const batch = batchOf(FACTS, [{ coverage: 0.9 }]);
    const seen = new Set<string>();
    const activated = once(told, 'activated');
    let done = false;
    void activated.then(() => {
      done = true;
    });
    const next = join(home, 'next');
    cpSync(folder, next, { recursive: true });
    writeFileSync(join(folder, 'a.yaml'), ruleFile('first_2', 0.1));
    writeFileSync(join(folder, 'b.yaml'), ruleFile('other_2', 0.5));
    while (!done) {
      seen.add(
        watcher!.plan
          .evaluate(batch)
          .rulesOf(0)
          .map(({ name }) => name)
          .join(),
      );
      await new Promise((resolve) => setImmediate(resolve));
    }
    seen.add(
      watcher!.plan
        .evaluate(batch)
        .rulesOf(0)
        .map(({ name }) => name)
        .join(),
    );
    expect([...seen]).toEqual(['first,other', 'first_2,other_2']);
    expect(
      taken
        .evaluate(batch)
        .rulesOf(0)
        .map(({ name }) => name),
    ).toEqual(['first', 'other']);
    expect(readFileSync(join(next, 'a.yaml'), 'utf8')).toContain('first');
  });

  // Case C3: of a file written in pieces the first ten rules went live.
  it('never takes a file for whole that is written to between two looks', async () => {
    await start(undefined, { settleMs: 3_600_000 });
    const live: string[][] = [];
    told.on('activated', (rules: string[]) => live.push(rules));
    writeFileSync(join(folder, 'a.yaml'), 'rules:\n');
    for (const name of ['first', 'second', 'third']) {
      await watcher!.look();
      appendFileSync(join(folder, 'a.yaml'), ruleFile(name, 0.3).replace('rules:\n', ''));
    }
    await watcher!.look();
    expect(live).toEqual([]);
    await watcher!.look();
    expect(live).toEqual([['first', 'second', 'third']]);
  });

  it('holds a set back that has lost rules, guardrails or rates until it has stood still for long', async () => {
    const guardrails =
      'guardrails: [{ name: g, description: d, kind: discount_cap, max_pct: 5 }, { name: h, description: d, kind: discount_cap, max_pct: 6 }]';
    writeFileSync(join(folder, 'b.yaml'), ruleFile('other', 0.2));
    writeFileSync(join(folder, 'guardrails.yaml'), guardrails);
    writeFileSync(join(folder, 'currencies.yaml'), 'reporting: USD\nrates: { EUR: 1.1, JPY: 0.007 }\n');
    await start(undefined, { holdMs: 300 });
    const held = once(told, 'held');
    writeFileSync(join(folder, 'currencies.yaml'), 'reporting: USD\nrates: { EUR: 1.1 }\n');
    rmSync(join(folder, 'b.yaml'));
    writeFileSync(join(folder, 'guardrails.yaml'), guardrails.replace(/, \{ name: h.*\}\]/, ']'));
    const [what] = (await held) as [Held];
    expect(what.losses).toEqual(['rule other', 'guardrail h', 'the rate of JPY']);
    expect(watcher!.status).toMatchObject({ refusal: null, held: { losses: what.losses } });
    expect(names()).toEqual(['first', 'other']);
    await once(told, 'activated');
    expect(names()).toEqual(['first']);
    expect(watcher!.status.held).toBeNull();
  });

  it('holds a set back of which a file is cut, though every rule of it is there', async () => {
    const text = ruleFile('first', 0.2).trimEnd();
    const last = `${text}\n    priority: 250\n`;
    writeFileSync(join(folder, 'a.yaml'), last);
    await start(undefined, { holdMs: 60_000 });
    const held = once(told, 'held');
    // What is left of it is priority 25.
    writeFileSync(join(folder, 'a.yaml'), last.slice(0, -2));
    const [what] = (await held) as [Held];
    expect(what.losses).toEqual(['the end of a.yaml']);
    expect(watcher!.plan.set.rules[0]!.priority).toBe(250);
  });

  it('forgets a set that was held back when its rules return', async () => {
    writeFileSync(join(folder, 'b.yaml'), ruleFile('other', 0.2));
    await start(undefined, { holdMs: 60_000 });
    const held = once(told, 'held');
    rmSync(join(folder, 'b.yaml'));
    await held;
    writeFileSync(join(folder, 'b.yaml'), ruleFile('other', 0.2));
    while (watcher!.status.held !== null) await watcher!.look();
    await watcher!.look();
    expect(watcher!.status).toEqual({ revision: watcher!.plan.set.revision, refusal: null, held: null });
    expect(names()).toEqual(['first', 'other']);
  });

  // Case C4: the guardrails file was renamed, and every rule ran without guardrails.
  it('refuses a set whose guardrails are gone, and takes one that says it has none', async () => {
    const file = join(folder, 'guardrails.yaml');
    writeFileSync(file, 'guardrails: [{ name: g, description: d, kind: discount_cap, max_pct: 5 }]');
    await start();
    const refused = once(told, 'refused');
    renameSync(file, `${file}.off`);
    await refused;
    expect(watcher!.status.refusal).toMatchObject({
      reason: expect.stringMatching(
        /^The set has no guardrails, and the one that was live \([0-9a-f]{12}\) had 1$/,
      ),
      hint: expect.stringContaining('`guardrails: off`'),
    });
    expect(watcher!.plan.set.guardrails).toHaveLength(1);
    const activated = once(told, 'activated');
    writeFileSync(file, 'guardrails: off');
    const [, , unread] = await activated;
    expect(watcher!.plan.set.guardrails).toEqual([]);
    expect(unread).toEqual(['guardrails.yaml.off']);
  });
});
