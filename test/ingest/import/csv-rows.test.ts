import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CsvOptions, openCsv } from '../../../src/ingest/import/csv-rows.js';
import { Fault } from '../../../src/signals/fault.js';

const OPTIONS: CsvOptions = { delimiter: ',', quote: '"', skip_lines: 0, encoding: 'utf-8' };

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

/** Each row as `line: cells` or `line: reason`. */
async function read(text: string | Uint8Array, more: Partial<CsvOptions> = {}, size = 7): Promise<string[]> {
  const { rows, columns } = await openCsv('x.csv', pieces(Buffer.from(text), size), { ...OPTIONS, ...more });
  const all: string[] = [];
  for await (const group of rows) {
    for (const { line, row } of group) {
      const cells = row instanceof Fault ? row.reason : columns!.map((column) => row.get(column)).join('|');
      all.push(`${line}: ${cells}`);
    }
  }
  return all;
}

describe('rows of CSV', () => {
  test('come with the line they start at, past blank lines and line ends within quotes', async () => {
    expect(await read('a,b\r\n1,2\r\n\r\n"x\ny",3\n4,"say ""hi"""\n')).toEqual([
      '2: 1|2',
      '4: x\ny|3',
      '6: 4|say "hi"',
    ]);
  });

  test('a quote that is not closed costs its own line only', async () => {
    expect(await read('a,b\n1,2\n"open,3\n4,5\n6,7\n')).toEqual(['2: 1|2', '3: bad_row', '4: 4|5', '5: 6|7']);
  });

  test('two such quotes cost their own lines only', async () => {
    expect(await read('a,b\n"open,3\n4,5\n6,"7\n8,9\n')).toEqual([
      '2: bad_row',
      '3: 4|5',
      '4: bad_row',
      '5: 8|9',
    ]);
  });

  test('a quote within a cell costs its own line only', async () => {
    expect(await read('a,b\n1,"x"y\n4,5\n')).toEqual(['2: bad_row', '3: 4|5']);
  });

  test('a row with too few or too many cells is refused', async () => {
    expect(await read('a,b\n1\n1,2,3\n4,5\n')).toEqual(['2: bad_row', '3: bad_row', '4: 4|5']);
  });

  test('a row that is not UTF-8 is refused, and read with the encoding it is in', async () => {
    const text = Buffer.from('a,b\n1,M\xfcnchen\n2,x\n', 'latin1');
    expect(await read(text)).toEqual(['2: not_utf8', '3: 2|x']);
    expect(await read(text, { encoding: 'windows-1252' })).toEqual(['2: 1|München', '3: 2|x']);
  });

  test('a byte order mark is no part of the first column', async () => {
    const { columns } = await openCsv('x.csv', pieces(Buffer.from('\uFEFFa,b\n'), 9), OPTIONS);
    expect(columns).toEqual(['a', 'b']);
  });

  test('another delimiter and quote, and columns named by the mapping', async () => {
    const more = { delimiter: ';', quote: "'", columns: ['a', 'b'] };
    expect(await read("1;'x;y'\n2;z\n", more)).toEqual(['1: 1|x;y', '2: 2|z']);
  });

  test.each([
    ['is empty', ''],
    ['has two columns', 'a,b,a\n1,2,3\n'],
    ['not a CSV header', '"a,b\n'],
  ])('a file that %s is refused as a whole', async (message, text) => {
    await expect(read(text)).rejects.toMatchObject({
      code: 'invalid_file',
      message: expect.stringContaining(message),
    });
  });

  test('whatever cells hold, writing and reading gives them back, however the file is cut', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', ' ', 'é', ';'), maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell), { maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        async (rows, size) => {
          const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
          const text = ['a,b', ...rows.map((row) => row.map(quoted).join(','))].join('\n');
          const got = await read(text, {}, size);
          expect(got.map((row) => row.replace(/^\d+: /, ''))).toEqual(rows.map((row) => row.join('|')));
        },
      ),
    );
  });

  test('whatever bytes come, every row is read or refused', async () => {
    const bytes = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', 'é'), maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(bytes, async (text) => {
        const lines = text.split('\n').filter((line) => line.trim() !== '').length;
        expect((await read(`a,b\n${text}`)).length).toBeLessThanOrEqual(lines);
      }),
    );
  });
});
