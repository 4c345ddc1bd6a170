import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readStatement } from '../../../src/store/engine/sql-text.js';

/** Ways in which any text at all may stand in a statement without meaning anything. */
const HIDDEN: readonly ((text: string) => string)[] = [
  (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`,
  (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`,
  (text) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '""')}"`,
  (text) => `\`${text.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``,
  (text) =>
    `/* ${text
      .replaceAll('*/', '')
      .replaceAll('/*', '')
      .replace(/[*/]+$/, '')} */ 1`,
  (text) => `1 -- ${text.replaceAll('\n', ' ')}\n`,
  (text) => `1 // ${text.replaceAll('\n', ' ')}\n`,
  (text) => `‘${text.replaceAll('’', '')}’`,
  (text) => `“${text.replaceAll('”', '')}”`,
  (text) => Buffer.from(`‘${text.replaceAll('’', '')}’`).toString('latin1'),
  (text) => `$tag$${text.replaceAll('$', '')}$tag$`,
  (text) => `(${text.replace(/[^\w ,;]|INTO/g, '')})`,
];

const nasty = fc.oneof(
  fc.string(),
  fc.constantFrom(
    ' FORMAT CSV',
    "; DROP TABLE t; '",
    'INTO OUTFILE x',
    'SETTINGS a = 1 FORMAT',
    'VALUES (',
    '$$',
    "'",
    '`',
    '"',
    '\\',
  ),
);
const hidden = fc.tuple(nasty, fc.constantFrom(...HIDDEN)).map(([text, hide]) => hide(text));

describe('readStatement', () => {
  it('finds the last FORMAT whatever strings, names, comments and parentheses hold', () => {
    fc.assert(
      fc.property(hidden, hidden, (a, b) => {
        const start = `SELECT ${a}, ${b} `;
        const found = readStatement(`${start}FORMAT CSV SETTINGS max_threads = 1 ; -- ${'x'}\n`);
        expect(found).toMatchObject({
          clauseAt: start.length,
          format: 'CSV',
          several: false,
          touchesFiles: false,
        });
        expect(readStatement(start)).toMatchObject({
          format: undefined,
          several: false,
          touchesFiles: false,
        });
      }),
    );
  });

  it('finds where the rows of an INSERT begin, byte by byte', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('', ' (a, `b c`, "d")', ' /* FORMAT x */'),
        fc.string({ unit: 'binary' }),
        (columns, rows) => {
          const head = `INSERT INTO t${columns} FORMAT CSV \n`;
          expect(readStatement(head + rows)).toMatchObject({
            rowsFollow: true,
            rowsAt: head.length,
            format: 'CSV',
          });
        },
      ),
    );
  });

  it('keeps settings of an INSERT before its format', () => {
    const sql = 'INSERT INTO t (a) SETTINGS async_insert = 0 FORMAT CSV\n1';
    const found = readStatement(sql);
    expect(sql.slice(found.clauseAt, found.end)).toBe('SETTINGS async_insert = 0 ');
  });

  it('takes names for names', () => {
    expect(readStatement('INSERT INTO outfile VALUES (1)').touchesFiles).toBe(false);
    expect(readStatement('SELECT * FROM infile').touchesFiles).toBe(false);
    expect(readStatement('INSERT INTO input (a) VALUES (1)').usesInput).toBe(false);
    expect(readStatement('INSERT INTO values VALUES (1)').rowsAt).toBe('INSERT INTO values VALUES'.length);
    expect(readStatement('INSERT INTO t FORMAT Values (1)')).toMatchObject({
      format: 'Values',
      rowsFollow: true,
    });
    expect(readStatement('SELECT format FROM t').format).toBeUndefined();
    expect(readStatement('SELECT 1 FORMAT "JSON"').format).toBe('JSON');
  });

  it('sees files, several statements, and their absence', () => {
    expect(readStatement("SELECT 1 INTO/**/OUTFILE 'x'").touchesFiles).toBe(true);
    expect(readStatement("INSERT INTO t FROM INFILE 'x' FORMAT CSV").touchesFiles).toBe(true);
    expect(readStatement('SELECT 1; SELECT 2').several).toBe(true);
    expect(readStatement('SELECT 1;; ; -- that was all').several).toBe(false);
  });

  it('never fails, and takes time in proportion, whatever comes', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => void readStatement(text)));
    for (const unit of ['$a', '/*', "'", '(', 'a ', '--', '\\', '$$ ', '‘', '//']) {
      const started = performance.now();
      readStatement(unit.repeat(200_000));
      expect(performance.now() - started, unit).toBeLessThan(3_000);
    }
  });
});
