import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, parseDocument } from 'yaml';
import { readTextFiles } from '../../src/core/text-files.js';
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

  it('formats JSON as JSON', () => {
    expect(formatFile('a.json', '[{"name":"a"}]')).toBe('[\n  {\n    "name": "a"\n  }\n]\n');
  });

  it('refuses a file that is no YAML, with its place', () => {
    expect(() => formatFile('a.yaml', 'rules: [')).toThrow(/^a\.yaml:1:\d+: /);
  });
});
