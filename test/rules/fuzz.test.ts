import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchOf } from '../../src/columns/batch-of.js';
import { loadRuleSet } from '../../src/rules/load.js';
import { compileRuleSet } from '../../src/rules/plan.js';
import { defaultFiles } from './default-rules.js';
import { FACTS } from './facts.js';

const RUNS = Number(process.env.FUZZ_CASES ?? 1_000);
/** No file of this size may take longer, whatever is in it. Generous: test machines are shared. */
const MOST_MS = 5_000;

const files = defaultFiles();
/** Whole files, and stretches of them that are small enough to try many. */
const bases = [
  ...files.values(),
  ...[...files]
    .flatMap(([, text]) => text.split(/\n(?= {2}- name)/).slice(1, 4))
    .map((rule) => `rules:\n${rule}`),
  JSON.stringify([
    {
      name: 'a',
      priority: 2,
      conditions: {
        all: [
          { fact: 'risk', operator: 'greaterThan', value: 70 },
          { not: { any: [{ fact: 'add_ons', operator: 'contains', value: 'sso' }] } },
        ],
      },
      event: { type: 'offer', params: { offer: 'renewal_discount' } },
    },
  ]),
];

/** What people and machines get into files: typing slips, merges gone wrong, YAML's odd corners, and malice. */
const SNIPPETS = [
  '&a ',
  '*a',
  '*a\n',
  '<<: *a',
  '? ',
  '- ',
  ': ',
  '{',
  '}',
  '[',
  ']',
  '[[[[[[[[',
  '"',
  "'",
  '#',
  '|',
  '>',
  '!!js/function ',
  '!!binary ',
  '!!set ',
  '%YAML 1.1\n',
  '---\n',
  '...\n',
  '\t',
  '\r',
  '\u0000',
  '\uFEFF',
  '\u2028',
  '\u{1F600}',
  '\uD800',
  '~',
  'null',
  '.nan',
  '.inf',
  '-0',
  '1e999',
  '99999999999999999999',
  '0x1F',
  '2024-01-01',
  'true',
  'on',
  '__proto__: 1',
  'constructor',
  'all:',
  'any: []',
  'not:',
  'condition: at_risk',
  'value: {fact: risk}',
  'operator: someFact:everyValue:in',
  'priority: 0',
  'priority: -1',
  '<<<<<<< HEAD\n',
  '=======\n',
  'conditions:\n  x: {all: [{condition: x}]}\n',
  ' '.repeat(300),
  '\uFFFD',
  'x: &x [*x]\n',
  '? '.repeat(300),
];

type Mutation = (text: string) => string;
const at = (text: string, where: number): number => Math.floor(where * (text.length + 1));
const lineAt = (lines: readonly string[], where: number): number => Math.floor(where * lines.length);
const where = fc.double({ min: 0, max: 0.999999, noNaN: true });

const mutationArb: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(where, fc.constantFrom(...SNIPPETS)).map(
    ([w, snippet]): Mutation =>
      (text) =>
        text.slice(0, at(text, w)) + snippet + text.slice(at(text, w)),
  ),
  fc.tuple(where, fc.nat(30)).map(
    ([w, length]): Mutation =>
      (text) =>
        text.slice(0, at(text, w)) + text.slice(at(text, w) + length),
  ),
  where.map(
    (w): Mutation =>
      (text) =>
        text.slice(0, at(text, w)),
  ),
  fc.tuple(where, where).map(
    ([a, b]): Mutation =>
      (text) => {
        const lines = text.split('\n');
        lines.splice(lineAt(lines, b), 0, lines[lineAt(lines, a)]!);
        return lines.join('\n');
      },
  ),
  where.map(
    (w): Mutation =>
      (text) => {
        const lines = text.split('\n');
        lines.splice(lineAt(lines, w), 1);
        return lines.join('\n');
      },
  ),
  fc.tuple(where, fc.integer({ min: -4, max: 4 })).map(
    ([w, by]): Mutation =>
      (text) => {
        const lines = text.split('\n');
        const i = lineAt(lines, w);
        lines[i] = by < 0 ? lines[i]!.slice(-by) : ' '.repeat(by) + lines[i]!;
        return lines.join('\n');
      },
  ),
  fc.tuple(where, where).map(
    ([a, b]): Mutation =>
      (text) => {
        // A value of one place in another place: types and names that do not belong there.
        const values = [...text.matchAll(/: *([^\n{[]+)$/gm)];
        if (values.length === 0) return text;
        const from = values[lineAt(values.map(String), a)]!;
        const to = values[lineAt(values.map(String), b)]!;
        return text.slice(0, to.index) + from[0] + text.slice(to.index + to[0].length);
      },
  ),
  fc.constantFrom(500, 5_000).map(
    (depth): Mutation =>
      (text) =>
        `${text}\nx: ${'['.repeat(depth)}`,
  ),
  fc.constantFrom(12, 40).map(
    (levels): Mutation =>
      (text) => {
        const bomb = Array.from(
          { length: levels },
          (_, i) => `  a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`,
        );
        return `bomb:\n  a0: &a0 [x]\n${bomb.join('\n')}\n${text}`;
      },
  ),
);

describe('check', () => {
  it(`accepts or refuses with a place, whatever is in a file: ${RUNS} mutated files`, {
    timeout: 120_000 + RUNS * 30,
  }, () => {
    const counted = { accepted: 0, refused: 0 };
    const batch = batchOf(FACTS, [{ risk: 80, band: 'high', add_ons: ['sso'] }, {}]);
    fc.assert(
      fc.property(
        fc.constantFrom(...bases),
        fc.array(mutationArb, { minLength: 1, maxLength: 3 }),
        (base, mutations) => {
          const text = mutations.reduce((mutated, mutate) => mutate(mutated), base);
          const started = performance.now();
          const { set, problems } = loadRuleSet(
            new Map([
              ['offers.yaml', files.get('offers.yaml')!],
              ['mutated.yaml', text],
            ]),
            { facts: FACTS },
          );
          expect(performance.now() - started).toBeLessThan(MOST_MS);
          counted[set === undefined ? 'refused' : 'accepted']++;
          if (set === undefined) expect(problems.some(({ severity }) => severity === 'error')).toBe(true);
          else compileRuleSet(set).evaluate(batch).rulesOf(1);
          const lines = (file: string): number =>
            (file === 'mutated.yaml' ? text : files.get('offers.yaml')!).split(/\r\n?|\n/).length;
          for (const { file, line, column, message, code } of problems) {
            expect(['mutated.yaml', 'offers.yaml']).toContain(file);
            expect(line).toBeGreaterThanOrEqual(1);
            expect(line).toBeLessThanOrEqual(lines(file));
            expect(column).toBeGreaterThanOrEqual(1);
            expect(message.length).toBeGreaterThan(5);
            expect(message.length).toBeLessThan(5_000);
            expect(code).toMatch(/^[a-z-]+$/);
          }
        },
      ),
      { numRuns: RUNS },
    );
    // Neither way may be the only one, or the test would prove nothing.
    expect(Math.min(counted.accepted, counted.refused)).toBeGreaterThan(RUNS / 50);
  });
});
