import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Code, DecisionKind, ErrorInfoSchema, Fact_Kind, Problem_Severity } from '../../src/client/index.js';
import { factCatalogue } from '../../src/engine/facts.js';
import { loadRuleSet } from '../../src/rules/load.js';
import { compileRuleSet } from '../../src/rules/plan.js';
import { recordRunPass } from '../../src/store/run-log.js';
import { projectFile } from '../support/project.js';
import {
  errorOf,
  NOW,
  type ScoredEngine,
  type Served,
  scoredEngine,
  serve,
  violationsOf,
} from './support.js';

/** The files of rules/ as a client reads them. */
const FILES = Object.fromEntries(
  readdirSync(projectFile('rules'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.yaml'))
    .map((path) => [path, readFileSync(join(projectFile('rules'), path), 'utf8')]),
);
/** A rule that fires for everyone. */
const EVERYONE = `rules:
  - name: ask_everyone
    description: Ask how it goes.
    priority: 1
    conditions: {all: [{fact: risk, operator: greaterThanInclusive, value: 0}]}
    event: {type: touchpoint, params: {topic: how_it_goes, channel: email}}
`;

let scored: ScoredEngine;
let api: Served;
beforeAll(async () => {
  scored = await scoredEngine(12);
  api = await serve(scored.engine);
}, 120_000);
afterAll(async () => {
  await api.stop();
  await scored.close();
});

it('the live set is answered with its rules in words, its files, and only the fields of the mask', async () => {
  const { set } = scored.engine.definitions.plan;
  const live = await api.client.rules.getRuleSet({});
  expect([live.revision, live.live]).toEqual([set.revision, true]);
  expect(live.rules.map(({ rule }) => rule)).toEqual(set.rules.map(({ name }) => name));
  for (const rule of live.rules) {
    expect(rule.condition).toMatch(/ is | contains |`/);
    expect(live.files[rule.file]!.split('\n')[rule.line - 1]).toBeDefined();
    expect(rule.kind).not.toBe(DecisionKind.UNSPECIFIED);
  }
  expect(live.offers.map(({ offer }) => offer)).toEqual([...set.offers.keys()]);
  expect(live.guardrails.map(({ guardrail }) => guardrail)).toEqual(set.guardrails.map(({ name }) => name));
  expect(live.files).toEqual(Object.fromEntries(set.files));
  const masked = await api.client.rules.getRuleSet({ readMask: { paths: ['revision'] } });
  expect([masked.revision, masked.rules, masked.files]).toEqual([set.revision, [], {}]);
  const unknown = await errorOf(api.client.rules.getRuleSet({ revision: '0123456789ab' }));
  expect([unknown.code, unknown.findDetails(ErrorInfoSchema)[0]?.reason]).toEqual([
    Code.NotFound,
    'RULE_SET_NOT_FOUND',
  ]);
});

it('sets that were live are listed, the newest first, and can be had by revision', async () => {
  const { plan } = scored.engine.definitions;
  const { revision: old } = plan.set;
  const catalogue = { facts: factCatalogue(scored.engine.definitions.scoring.catalogue) };
  const { set } = loadRuleSet(new Map(Object.entries({ ...FILES, 'more.yaml': EVERYONE })), catalogue);
  const before = scored.engine.definitions;
  await scored.engine.activate({ ...before, plan: compileRuleSet(set!) });
  try {
    const first = await api.client.rules.listRuleSets({ pageSize: 1 });
    const second = await api.client.rules.listRuleSets({ pageSize: 1, pageToken: first.nextPageToken });
    const found = [...first.ruleSets, ...second.ruleSets];
    expect(second.nextPageToken).toBe('');
    expect(new Map(found.map(({ revision, live }) => [revision, live]))).toEqual(
      new Map([
        [old, false],
        [set!.revision, true],
      ]),
    );
    const past = await api.client.rules.getRuleSet({ revision: old });
    expect([past.live, past.rules.length]).toEqual([false, plan.set.rules.length]);
  } finally {
    await scored.engine.activate(before);
  }
});

it('facts are those that rules may name', async () => {
  const { facts } = await api.client.rules.listFacts({});
  expect(facts.map(({ fact }) => fact)).toEqual([...scored.engine.definitions.plan.set.facts.keys()]);
  expect(facts.find(({ fact }) => fact === 'risk')).toMatchObject({
    kind: Fact_Kind.NUMBER,
    minValue: 0,
    maxValue: 100,
    unit: 'points',
  });
});

it('a check says what is wrong and where, and what would change', async () => {
  const same = await api.client.rules.checkRules({ files: FILES });
  const errors = same.problems.filter(({ severity }) => severity === Problem_Severity.ERROR);
  expect([same.ok, errors, same.changes]).toEqual([true, [], []]);
  expect(same.revision).toBe(scored.engine.definitions.plan.set.revision);

  const more = await api.client.rules.checkRules({ files: { ...FILES, 'more.yaml': EVERYONE } });
  expect(more).toMatchObject({
    ok: true,
    changes: [{ change: 'added', what: 'rule', name: 'ask_everyone' }],
  });

  const wrong = EVERYONE.replace('fact: risk', 'fact: rsik').replace('priority: 1', 'priority: high');
  const broken = await api.client.rules.checkRules({ files: { ...FILES, 'more.yaml': wrong } });
  expect([broken.ok, broken.revision]).toEqual([false, '']);
  expect(broken.problems.filter(({ severity }) => severity === Problem_Severity.ERROR)).toMatchObject([
    { file: 'more.yaml', line: 4 },
    { file: 'more.yaml', line: 5 },
  ]);
  const { 'guardrails.yaml': _, ...unguarded } = FILES;
  const refused = await api.client.rules.checkRules({ files: unguarded });
  expect(refused.ok).toBe(false);
  expect(refused.problems.map(({ code }) => code)).toContain('not-admitted');

  const nobody = EVERYONE.replace(
    'fact: risk, operator: greaterThanInclusive, value: 0',
    'fact: plan, operator: equal, value: Gold',
  );
  const files = { ...FILES, 'more.yaml': nobody, 'notes.txt': 'x' };
  const codes = ({ problems }: { problems: { code: string }[] }) => problems.map(({ code }) => code);
  const warned = await api.client.rules.checkRules({ files });
  expect(warned.ok).toBe(true);
  expect(codes(warned)).toEqual(expect.arrayContaining(['nobody-has', 'unread-file']));
  expect(codes(await api.client.rules.checkRules({ files, skipPresentValues: true }))).not.toContain(
    'nobody-has',
  );
  const outside = await errorOf(api.client.rules.checkRules({ files: { '../x.yaml': EVERYONE } }));
  expect(violationsOf(outside)).toMatchObject([{ field: 'files["../x.yaml"]' }]);
});

it('a preview says what a set would open, and stores nothing', async () => {
  const events = () => scored.store.rows('SELECT count() AS n FROM decision_event_log');
  const before = await events();
  const files = { ...FILES, 'more.yaml': EVERYONE };
  const preview = await api.client.rules.previewRules({ files });
  expect(preview.changes).toMatchObject([{ name: 'ask_everyone' }]);
  const effect = preview.rules.find(({ rule }) => rule === 'ask_everyone')!;
  const suppressed = Object.values(effect.suppressedCounts).reduce((sum, n) => sum + n, 0);
  expect(effect.openCount).toBeGreaterThan(0);
  expect(effect.fireCount).toBe(effect.openCount + suppressed);
  expect(preview.affectedCount).toBe(effect.openCount);
  expect(preview.kinds.find(({ kind }) => kind === DecisionKind.TOUCHPOINT)!.gainCount).toBeGreaterThan(0);
  expect(await events()).toEqual(before);
  const same = await api.client.rules.previewRules({ revision: preview.liveRevision });
  expect([same.affectedCount, same.subscriptionCount]).toEqual([0, preview.subscriptionCount]);
});

it('a preview of files that can not go live names each problem', async () => {
  const files = { ...FILES, 'more.yaml': EVERYONE.replace('fact: risk', 'fact: rsik') };
  const error = await errorOf(api.client.rules.previewRules({ files }));
  expect([error.code, error.findDetails(ErrorInfoSchema)[0]?.reason]).toEqual([
    Code.InvalidArgument,
    'RULES_INVALID',
  ]);
  expect(violationsOf(error)).toMatchObject([{ field: 'files["more.yaml"]' }]);
  const both = await errorOf(api.client.rules.previewRules({ files: FILES, revision: '0123456789ab' }));
  expect(both.rawMessage).toContain('either files or a revision');
});

it('runs are listed page by page, and each has its passes', async () => {
  const bands = { low: 3, medium: 2, high: 1, critical: 0, unknown: 4 };
  const pass = (run: string, asOf: number) =>
    recordRunPass(scored.store, {
      ...{ run, asOf, knownAt: null, subscriptions: 10, bands, opened: 2, closed: 1, suppressed: 0 },
      ...{ rulesRevision: 'aaaaaaaaaaaa', scoringRevision: 'bbbbbbbbbbbb', ranAt: NOW },
    });
  for (const run of ['autumn', 'spring', 'winter']) await pass(run, NOW - 2_000);
  await pass('spring', NOW - 1_000);
  const first = await api.client.runs.listRuns({ pageSize: 2 });
  const second = await api.client.runs.listRuns({ pageSize: 2, pageToken: first.nextPageToken });
  expect([...first.runs, ...second.runs].map(({ run, passCount }) => [run, passCount])).toEqual([
    ['autumn', 1],
    ['spring', 2],
    ['winter', 1],
  ]);
  expect([first.runs.length, second.nextPageToken]).toEqual([2, '']);
  const spring = await api.client.runs.getRun({ run: 'spring' });
  expect(spring).toMatchObject({ passCount: 2, openedCount: 4, lastAsOf: timestampFromMs(NOW - 1_000) });
  expect(spring.passes[0]!.bands.map(({ subscriptionCount }) => subscriptionCount).toSorted()).toEqual([
    0, 1, 2, 3, 4,
  ]);
  expect((await errorOf(api.client.runs.getRun({ run: 'summer' }))).code).toBe(Code.NotFound);
});
