// Compiled rule sets against json-rules-engine and against @gorules/zen-engine: same rules, same facts, equal results.
// Run with `npm run bench:rules [-- --json] [-- --rules 10,50]` after a build.
import { parseArgs } from 'node:util';
import { ZenEngine } from '@gorules/zen-engine';
import { Engine } from 'json-rules-engine';
import { batchOf } from '../dist/columns/batch-of.js';
import { loadRuleSet } from '../dist/rules/load.js';
import { compileRuleSet } from '../dist/rules/plan.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rules: { type: 'string', default: '10,50,200,1000' },
  },
});
const BATCH = 4_096;
const PLANS = ['starter', 'team', 'business', 'scale', 'custom'];
const REGIONS = ['eu', 'us', 'apac', 'latam'];
const ADD_ONS = ['sso', 'audit', 'extra_quota', 'priority_support', 'sandbox'];

/** A small generator with a seed, so that every run measures the same rules and facts. */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

const fact = (name, kind) => ({
  name,
  kind,
  description: name,
  unit: '',
  range: [null, null],
  values: null,
  origin: 'feature',
  optional: false,
});
const NUMBERS = Array.from({ length: 30 }, (_, i) => `feature_${i}`);
const FACTS = [
  ...NUMBERS.map((name) => fact(name, 'number')),
  fact('auto_renew', 'boolean'),
  fact('in_notice_window', 'boolean'),
  fact('plan', 'string'),
  fact('region', 'string'),
  fact('add_ons', 'list'),
];

function factsOf(random) {
  const row = Object.fromEntries(NUMBERS.map((name) => [name, Math.round(random() * 100)]));
  row.auto_renew = random() < 0.7;
  row.in_notice_window = random() < 0.2;
  row.plan = PLANS[Math.floor(random() * PLANS.length)];
  row.region = REGIONS[Math.floor(random() * REGIONS.length)];
  row.add_ons = ADD_ONS.filter(() => random() < 0.3);
  return row;
}

const OPERATORS = { lessThan: '<', lessThanInclusive: '<=', greaterThan: '>', greaterThanInclusive: '>=' };

/** One comparison, as json-rules-engine and as zen write it. */
function comparison(random) {
  const kind = random();
  if (kind < 0.7) {
    const name = NUMBERS[Math.floor(random() * NUMBERS.length)];
    const operator = Object.keys(OPERATORS)[Math.floor(random() * 4)];
    const value = Math.floor(random() * 20) * 5;
    return { rule: { fact: name, operator, value }, zen: `${name} ${OPERATORS[operator]} ${value}` };
  }
  if (kind < 0.8) {
    const name = random() < 0.5 ? 'auto_renew' : 'in_notice_window';
    const value = random() < 0.5;
    return { rule: { fact: name, operator: 'equal', value }, zen: `${name} == ${value}` };
  }
  if (kind < 0.95) {
    const [name, all] = random() < 0.5 ? ['plan', PLANS] : ['region', REGIONS];
    const value = all.filter(() => random() < 0.5);
    if (value.length === 0) value.push(all[0]);
    return { rule: { fact: name, operator: 'in', value }, zen: `${name} in ${JSON.stringify(value)}` };
  }
  const value = ADD_ONS[Math.floor(random() * ADD_ONS.length)];
  return { rule: { fact: 'add_ons', operator: 'contains', value }, zen: `contains(add_ons, "${value}")` };
}

/** So many rules that pass the check: chance also makes some that can never fire. */
function rulesOf(count, random) {
  const rules = [];
  while (rules.length < count) {
    const made = ruleOf(rules.length, random);
    const files = new Map([['rule.json', JSON.stringify([made.rule])]]);
    if (loadRuleSet(files, { facts: FACTS }).set !== undefined) rules.push(made);
  }
  return rules;
}

/** A rule of two to four conditions, of which some are an `any` of two, and some are turned round. */
function ruleOf(i, random) {
  const parts = Array.from({ length: 2 + Math.floor(random() * 3) }, () => {
    const kind = random();
    const [a, b] = [comparison(random), comparison(random)];
    if (kind < 0.2) return { rule: { any: [a.rule, b.rule] }, zen: `(${a.zen} or ${b.zen})` };
    if (kind < 0.3) return { rule: { not: a.rule }, zen: `not (${a.zen})` };
    return a;
  });
  return {
    rule: {
      name: `rule_${i}`,
      priority: 1 + Math.floor(random() * 10),
      conditions: { all: parts.map(({ rule }) => rule) },
      event: { type: 'touchpoint', params: { topic: `topic_${i}`, channel: 'email' } },
    },
    zen: parts.map(({ zen }) => zen).join(' and '),
  };
}

/** Median seconds of one call, over rounds that together take about `seconds`; the first call only warms up. */
async function timed(run, seconds = 1.5, least = 5) {
  await run();
  const times = [];
  const end = performance.now() + seconds * 1_000;
  while (times.length < least || performance.now() < end) {
    const started = performance.now();
    await run();
    times.push((performance.now() - started) / 1_000);
  }
  return times.sort((a, b) => a - b)[times.length >> 1];
}

/** A zen decision whose one node answers every rule; over a list in one call when `loop`. */
function zenDecision(engine, rules, loop) {
  const node = (id, type, content) => ({ id, name: id, type, position: { x: 0, y: 0 }, content });
  return engine.createDecision(
    Buffer.from(
      JSON.stringify({
        nodes: [
          node('in', 'inputNode', {}),
          node('rules', 'expressionNode', {
            expressions: rules.map(({ zen, rule }) => ({ id: rule.name, key: rule.name, value: zen })),
            passThrough: false,
            inputField: loop ? 'rows' : null,
            outputPath: loop ? 'rows' : null,
            executionMode: loop ? 'loop' : 'single',
          }),
          node('out', 'outputNode', {}),
        ],
        edges: [
          { id: 'a', sourceId: 'in', targetId: 'rules', type: 'edge' },
          { id: 'b', sourceId: 'rules', targetId: 'out', type: 'edge' },
        ],
      }),
    ),
  );
}

function report(name, config, value, baseline) {
  const line = { name, config, value, baseline, ratio: baseline === null ? null : value / baseline };
  if (options.json) process.stdout.write(`${JSON.stringify(line)}\n`);
  else {
    const ratio =
      line.ratio === null
        ? ''
        : `${line.ratio.toFixed(1)} times ${Math.round(baseline).toLocaleString('en-US')}`;
    process.stdout.write(
      `${name.padEnd(34)} ${Math.round(value).toLocaleString('en-US').padStart(12)}/s  ${ratio.padEnd(26)} ${config}\n`,
    );
  }
}

function assertEqual(what, got, wanted) {
  for (const [row, expected] of wanted.entries()) {
    if (got[row] !== expected)
      throw new Error(`${what} differs in row ${row}: ${got[row]} instead of ${expected}`);
  }
}

async function bench(count) {
  const random = randomOf(count);
  const rules = rulesOf(count, random);
  const { set, problems } = loadRuleSet(
    new Map([['rules.json', JSON.stringify(rules.map(({ rule }) => rule))]]),
    { facts: FACTS },
  );
  if (set === undefined)
    throw new Error(JSON.stringify(problems.filter(({ severity }) => severity === 'error')));
  const plan = compileRuleSet(set);
  const used = FACTS.filter(({ name }) => plan.facts.includes(name));
  const rows = Array.from({ length: BATCH }, () => {
    const row = factsOf(random);
    return Object.fromEntries(used.map(({ name }) => [name, row[name]]));
  });
  const batch = batchOf(used, rows);
  const config = `${count} rules, ${used.length} facts, batch of ${BATCH}`;
  const namesOf = (evaluation, row) =>
    evaluation
      .rulesOf(row)
      .map(({ name }) => name)
      .sort()
      .join();
  const compiled = plan.evaluate(batch);
  const wanted = rows.map((_, row) => namesOf(compiled, row));

  const engine = new Engine(rules.map(({ rule }) => structuredClone(rule)));
  const some = rows.slice(0, Math.max(8, Math.floor(20_000 / count / 4)));
  const reference = [];
  for (const row of some) {
    const { results } = await engine.run({ ...row });
    reference.push(
      results
        .map(({ name }) => name)
        .sort()
        .join(),
    );
  }
  assertEqual('the plan, against json-rules-engine,', wanted, reference);

  const perennial = BATCH / (await timed(() => plan.evaluate(batch)));
  const reader =
    BATCH /
    (await timed(() => {
      const evaluation = plan.evaluate(batchOf(used, rows));
      for (let row = 0; row < BATCH; row++) evaluation.rulesOf(row);
    }));
  const engineRate =
    some.length /
    (await timed(async () => {
      for (const row of some) await engine.run(row);
    }));
  report(`rules.${count}.json-rules-engine`, config, perennial, engineRate);
  report(`rules.${count}.objects`, `${config}, from objects and to lists of rules`, reader, engineRate);

  const zenEngine = new ZenEngine();
  const single = zenDecision(zenEngine, rules, false);
  const looped = zenDecision(zenEngine, rules, true);
  const zenNames = (result) =>
    Object.keys(result)
      .filter((name) => result[name] === true)
      .sort()
      .join();
  const zenRows = rows.slice(0, Math.max(64, Math.floor(100_000 / count)));
  const parallel = async () => await Promise.all(zenRows.map((row) => single.evaluate(row)));
  assertEqual(
    'zen',
    (await parallel()).map(({ result }) => zenNames(result)),
    wanted.slice(0, zenRows.length),
  );
  const half = Math.ceil(zenRows.length / 2);
  const inLoops = async () =>
    await Promise.all(
      [zenRows.slice(0, half), zenRows.slice(half)].map((part) => looped.evaluate({ rows: part })),
    );
  const fromLoops = (await inLoops()).flatMap(({ result }) => result.rows).map(zenNames);
  assertEqual('zen in a loop', fromLoops, wanted.slice(0, zenRows.length));
  const modes = {
    'Promise.all of one call each': zenRows.length / (await timed(parallel)),
    'two calls that loop over half each': zenRows.length / (await timed(inLoops)),
  };
  const [mode, zenRate] = Object.entries(modes).sort(([, a], [, b]) => b - a)[0];
  report(`rules.${count}.zen`, `${config}; zen's best mode: ${mode}`, perennial, zenRate);

  const ones = rows.slice(0, 32);
  const oneBatches = ones.map((row) => batchOf(used, [row]));
  const repeat = async (run) => {
    const calls = ones.length * 16;
    const seconds = await timed(() => {
      for (let call = 0; call < calls; call++) run(call % ones.length);
    });
    return calls / seconds;
  };
  const oneColumns = await repeat((i) => plan.evaluate(oneBatches[i]).rulesOf(0));
  const oneObject = await repeat((i) => plan.evaluate(batchOf(used, [ones[i]])).rulesOf(0));
  const one = `${count} rules, ${used.length} facts, one subscription`;
  report(`rules.${count}.one`, `${one}, from columns to a list of rules`, oneColumns, engineRate);
  report(`rules.${count}.one.object`, `${one}, from an object to a list of rules`, oneObject, engineRate);

  const compileRate = 1 / (await timed(() => compileRuleSet(set)));
  const buildRate = 1 / (await timed(() => new Engine(rules.map(({ rule }) => structuredClone(rule)))));
  report(
    `rules.${count}.compile`,
    `${count} rules, a checked set to a plan; against building json-rules-engine's Engine`,
    compileRate,
    buildRate,
  );
  zenEngine.dispose();
}

for (const count of options.rules.split(',')) await bench(Number(count));
