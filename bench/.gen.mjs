import { batchOf } from '../dist/columns/batch-of.js';
import { loadRuleSet } from '../dist/rules/load.js';
import { compileRuleSet } from '../dist/rules/plan.js';

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
function _zenDecision(engine, rules, loop) {
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

export { BATCH, batchOf, compileRuleSet, FACTS, factsOf, loadRuleSet, randomOf, rulesOf, timed };
