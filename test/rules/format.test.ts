import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, parseDocument, stringify } from 'yaml';
import { readTextFiles } from '../../src/core/text-files.js';
import { readYaml } from '../../src/core/yaml-file.js';
import { formatFile } from '../../src/rules/format.js';
import { projectFile } from '../support/project.js';

const shipped = [...readTextFiles(projectFile('rules'))];
const comments = (text: string): string[] =>
  (text.match(/#.*$/gm) ?? []).map((line) => line.trimEnd()).sort();

describe('fmt', () => {
  it.each(shipped)('leaves %s, which is in layout, as it is', (path, text) => {
    expect(formatFile(path, text)).toBe(text);
  });

  it('puts keys into their order, takes needless quotes away, and keeps every comment with its line', () => {
    const text = `# top
rules:
    # about the rule
    - event: {type: "escalation", params: {topic: t, to: owner}} # why
      # about conditions
      conditions:
          all:
              - {value: 4, "fact": 'risk', operator: greaterThan}
              - operator: equal
                # the number, not the text
                value: "10"
                fact: plan
      name: 'a'
`;
    expect(formatFile('a.yaml', text)).toBe(`# top
rules:
  # about the rule
  - name: a
    # about conditions
    conditions:
      all:
        - {fact: risk, operator: greaterThan, value: 4}
        - fact: plan
          operator: equal
          # the number, not the text
          value: '10'
    event: {type: escalation, params: {topic: t, to: owner}} # why
`);
  });

  it('keeps meaning and comments, and does nothing more the second time, however a file is laid out', () => {
    const lines = shipped.filter(([path]) => !path.startsWith('tests/')).map(([, text]) => text);
    fc.assert(
      fc.property(
        fc.constantFrom(...lines),
        fc.array(fc.record({ at: fc.nat(400), comment: fc.constantFrom('# note', '# two words', '') }), {
          maxLength: 6,
        }),
        fc.boolean(),
        (text, inserted, wide) => {
          const rows = text.split('\n');
          for (const { at, comment } of inserted) {
            const row = at % rows.length;
            const indent = /^ */.exec(rows[row]!)![0];
            rows.splice(row, 0, comment === '' ? '' : `${indent}${comment}`);
          }
          const noted = rows.join('\n');
          const messy = wide ? parseDocument(noted).toString({ indent: 4, indentSeq: false }) : noted;
          const formatted = formatFile('a.yaml', messy);
          expect(parse(formatted)).toEqual(parse(messy));
          expect(comments(formatted)).toEqual(comments(messy));
          expect(formatFile('a.yaml', formatted)).toBe(formatted);
        },
      ),
      { numRuns: 100 },
    );
  });

  // Case C8: 1.10 became 1.1 in the file.
  it('writes every number as it stood', () => {
    const text = 'tests:\n  - {a: 1.10, b: +5, c: 1e3, d: 0x1F, e: -0.0, f: .5, g: 10.0, h: 1E-3}\n';
    expect(formatFile('a.yaml', text)).toBe(text);
  });

  it('changes no value, whatever stands in a file and however it is written', () => {
    const tricky = fc.oneof(
      fc.constantFrom(
        'yes',
        'off',
        '1.10',
        '0123',
        '1e3',
        ' x',
        'a: b',
        '# c',
        'null',
        '~',
        '',
        "it's",
        '"',
        '- a',
      ),
      fc.string(),
      fc.string({ unit: 'grapheme', maxLength: 90 }),
    );
    const { tree } = fc.letrec<{ tree: unknown; leaf: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        tie('leaf'),
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.dictionary(fc.constantFrom('name', 'event', 'value', 'all', 'x', 'when'), tie('tree'), {
          maxKeys: 4,
        }),
      ),
      leaf: fc.oneof(
        tricky,
        fc.integer(),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.boolean(),
        fc.constant(null),
      ),
    }));
    const style = fc.record({
      defaultStringType: fc.constantFrom('PLAIN' as const, 'QUOTE_DOUBLE' as const, 'QUOTE_SINGLE' as const),
      collectionStyle: fc.constantFrom('any' as const, 'flow' as const, 'block' as const),
      lineWidth: fc.constantFrom(0, 20, 80),
    });
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('rules', 'offers', 'tests'), tree), style, (value, how) => {
        const text = stringify(value, how);
        fc.pre(readYaml('a.yaml', text).problems.length === 0);
        expect(parse(formatFile('a.yaml', text))).toEqual(parse(text));
      }),
      { numRuns: 300 },
    );
  });

  it('formats JSON as JSON', () => {
    expect(formatFile('a.json', '[{"name":"a"}]')).toBe('[\n  {\n    "name": "a"\n  }\n]\n');
  });

  it('refuses a file that is no YAML, with its place', () => {
    expect(() => formatFile('a.yaml', 'rules: [')).toThrow(/^a\.yaml:1:\d+: /);
  });
});
