import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readColumn } from '../../src/fit/table/column-kind.js';
import { featureNamesFor } from '../../src/fit/table/feature-names.js';
import { daysIn, numberIn } from '../../src/fit/table/parse-cell.js';
import { readCsv } from '../../src/fit/table/read-csv.js';
import { setAsideInWords } from '../../src/fit/table/set-aside.js';
import { type TableRoles, tableSource } from '../../src/fit/table/table-source.js';
import { randomNumbers } from './tables.js';

describe('a cell', () => {
  it.each([
    ['12', 12],
    [' -3.5 ', -3.5],
    ['1e3', 1000],
    ['$1,234.50', 1234.5],
    ['45 %', 45],
    ['3,5', 3.5],
    ['12 months', null],
    ['', null],
    ['0x10', null],
    ['1e999', null],
    ['(12.50)', -12.5],
    ['12,50 €', 12.5],
    ['(-3)', null],
  ])('%j is the number %s', (cell, value) => expect(numberIn(cell)).toBe(value));

  it.each([
    ['1970-01-02', 1],
    ['1970-01-01T12:00:00Z', 0.5],
    ['1970-01-01 06:00', 0.25],
    ['2.1.1970', 1],
    ['02.01.1970 12:00', 1.5],
    ['02.31.2026', null],
    ['30.02.2026', null],
    ['2026-02-30 12:00', null],
    ['1.2.26', null],
    ['01/02/2026', null],
    ['2026-13-01', null],
    ['20260101', null],
  ])('%j is the day %s', (cell, value) => expect(daysIn(cell)).toBe(value));
});

describe('a column', () => {
  const kindOf = (cells: readonly string[]) => readColumn(cells).kind;
  it('is told apart by what its cells hold', () => {
    expect(kindOf(['1', '2', '', 'NA', ' '])).toBe('number');
    expect(kindOf(['2026-01-01', '2026-02-01'])).toBe('date');
    expect(kindOf(['Yes', 'No', '1'])).toBe('text');
    expect(kindOf(['1', '2', '3', 'many'])).toBe('text');
  });

  it('of numbers takes a few cells that are none as missing', () => {
    const { kind, column } = readColumn([...Array.from({ length: 99 }, (_, i) => String(i)), 'n/k']);
    expect(kind).toBe('number');
    expect(column.valid!.has(99)).toBe(false);
  });

  it('of numbers stays one beside a word for what has none, and names the word', () => {
    const cells = Array.from({ length: 100 }, (_, i) => (i % 4 === 0 ? 'inf' : String(i)));
    expect(readColumn(cells)).toMatchObject({ kind: 'number', words: ['inf'], wordCells: 25 });
    expect(readColumn(cells).column.valid!.count()).toBe(75);
    // Few different numbers beside words are codes.
    expect(kindOf(cells.map((cell) => (cell === 'inf' ? 'B2' : String(Number(cell) % 5))))).toBe('text');
  });

  it('with decimal commas and points between thousands is one of numbers', () => {
    const { kind, column } = readColumn(['1.234,50', '999,5', '1.234', '12.345.678,00']);
    expect(kind).toBe('number');
    expect(column.kind === 'number' && [...column.values]).toEqual([1234.5, 999.5, 1234, 12_345_678]);
  });

  it('gets a name that scorecards can use, and of its own', () => {
    const names = featureNamesFor([
      'MonthlyCharges',
      'customerID',
      'Churn Score',
      'churn-score',
      '% used',
      '2nd',
      'größe',
      'выход',
    ]);
    expect([...names.values()]).toEqual([
      'monthly_charges',
      'customer_id',
      'churn_score',
      'churn_score_2',
      'used',
      'f_2nd',
      'gro_e',
      'f_column',
    ]);
  });
});

describe('a table', () => {
  const random = randomNumbers(1);
  const churned = Array.from({ length: 400 }, () => random() < 0.25);
  const columns = (more: Record<string, (row: number) => string>) => ({
    rows: churned.length,
    columns: new Map(
      Object.entries({
        Churn: (row: number) => (churned[row] ? 'Yes' : 'No'),
        use: (row: number) => String((row * 7) % 31),
        ...more,
      }).map(([name, cell]) => [name, churned.map((_, row) => cell(row))]),
    ),
  });
  const asideOf = (name: string, cell: (row: number) => string, roles: Partial<TableRoles> = {}) =>
    tableSource(columns({ [name]: cell }), { label: 'Churn', ...roles }).setAside.find(
      ({ column }) => column === name,
    );

  it('has ids that are named and left out', () => {
    expect(asideOf('who', (row) => `C-${row}-x`)).toMatchObject({ why: 'id' });
    expect(asideOf('RowNumber', (row) => String(row + 1))).toMatchObject({ why: 'id' });
    expect(asideOf('CustomerId', (row) => String(15_600_000 + ((row * 7919) % 99_991)))).toMatchObject({
      why: 'id',
    });
    expect(asideOf('balance', (row) => String(((row * 7919) % 99_991) / 7))).toBeUndefined();
    expect(asideOf('amount', (row) => String((row * 7919) % 99_991))).toBeUndefined();
  });

  // The leaks of the larger edition of the telco table, among others.
  it.each<[string, (row: number) => string]>([
    ['a copy of the label', (row) => (churned[row] ? 'gone' : 'here')],
    ['a reason that only those have who left', (row) => (churned[row] ? ['price', 'rival'][row % 2]! : '')],
    ['a date that only those have who left', (row) => (churned[row] ? `2026-01-${10 + (row % 20)}` : '')],
    [
      'values that only those have who left',
      (row) => String(churned[row] && row % 3 > 0 ? 1 : 3 + (row % 3)),
    ],
  ])('has leaks that are named and left out: %s', (_what, cell) => {
    expect(asideOf('leak', cell)).toMatchObject({ why: 'leak' });
    expect(asideOf('leak', cell, { keep: ['leak'] })).toBeUndefined();
  });

  it('says how a column is kept that looks like a leak or an id', () => {
    const leak = asideOf('leak', (row) => (churned[row] ? 'gone' : 'here'));
    expect(setAsideInWords(leak!)).toMatch(/^leak, alone it has an AUC of 1\.000: .*--keep leak uses it$/);
    expect(setAsideInWords(asideOf('who', (row) => `C-${row}-x`)!)).toMatch(/^id, .*--keep who uses it/);
  });

  // Half of the columns of scikit-learn's breast cancer data were left out when malignant was the positive label, and none when benign was.
  it('has strong features that are no leaks, as the share of positives rises up to values that only positives have', () => {
    const risen = (row: number) => String(churned[row] ? 40 + ((row * 17) % 61) : (row * 13) % 61);
    expect(asideOf('area', risen)).toBeUndefined();
    expect(asideOf('area', risen, { positive: 'No' })).toBeUndefined();
  });

  it('has leaks of the rarer outcome, whichever is called positive', () => {
    const survey = (row: number) => (churned[row] && row % 2 > 0 ? 'price' : '');
    expect(asideOf('exit_survey', survey, { positive: 'Yes' })).toMatchObject({ why: 'leak' });
    expect(asideOf('exit_survey', survey, { positive: 'No' })).toMatchObject({ why: 'leak' });
  });

  it('has leaks that are named after the label', () => {
    const score = (row: number) => String((churned[row] ? 18 : 0) + ((row * 13) % 40) + ((row * 29) % 37));
    expect(asideOf('Churn Score', score)).toMatchObject({ why: 'leak' });
    expect(asideOf('Health', score)).toBeUndefined();
  });

  it('takes the positive value from the label itself, or asks for it', () => {
    expect(tableSource(columns({}), { label: 'Churn' }).positive).toBe('Yes');
    expect(() => tableSource(columns({}), { label: 'use' })).toThrow(/--positive|not clear/);
    expect(() => tableSource(columns({}), { label: 'Churn', positive: 'Maybe' })).toThrow(
      /No row of Churn is "Maybe"/,
    );
    expect(() => tableSource(columns({}), { label: 'Chrun' })).toThrow(/no column `Chrun`/);
  });

  it('has a label that a data frame wrote as fractions', () => {
    const cells = columns({ left: (row) => (row === 0 ? '' : churned[row] ? '1.0' : '0.0') });
    for (const positive of [undefined, '1'])
      expect(tableSource(cells, { label: 'left', positive, ignore: ['Churn'] })).toMatchObject({
        positive: '1.0',
        withoutLabel: 1,
      });
  });

  it('that can teach nothing is refused, and says why', () => {
    const source =
      (roles: Partial<TableRoles>, more: Record<string, (row: number) => string> = {}) =>
      () =>
        tableSource(columns(more), { label: 'Churn', ...roles });
    expect(source({ ignore: ['use'] })).toThrow('There is no column to fit to.');
    expect(source({ label: 'same' }, { same: () => '1' })).toThrow('All rows of `same` are "1"');
    expect(source({ fold: 'Churn' })).toThrow("`Churn` can't be both --label and --fold");
    expect(source({ directions: new Map([['plan', 'rising']]) }, { plan: (row) => 'ab'[row % 2]! })).toThrow(
      '`plan` is a column of texts',
    );
  });

  it('leaves out rows without a label', () => {
    const cells = columns({});
    const labels = [...cells.columns.get('Churn')!];
    labels[3] = '';
    const source = tableSource(
      { ...cells, columns: new Map([...cells.columns, ['Churn', labels]]) },
      { label: 'Churn' },
    );
    expect([source.table.rows, source.withoutLabel]).toEqual([399, 1]);
  });
});

describe('a file with a table', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-table-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const read = (bytes: string | Uint8Array) => {
    const file = join(folder, 't.csv');
    writeFileSync(file, bytes);
    return readCsv(file);
  };

  it('is read as UTF-8, as UTF-16 with a mark, and with the line ends of a Mac', () => {
    const text = 'größe,y\n1,0\n2,1\n';
    for (const bytes of [
      text,
      `\uFEFF${text}`,
      Buffer.from(`\uFEFF${text}`, 'utf16le'),
      text.replaceAll('\n', '\r'),
    ])
      expect([...read(bytes).columns]).toEqual([
        ['größe', ['1', '2']],
        ['y', ['0', '1']],
      ]);
  });

  it('in another encoding is refused with its line, and not read with other letters', () => {
    expect(() => read(Buffer.from('size,y\n1,0\nl\xe4nge,1\n', 'latin1'))).toThrow(
      /t\.csv:3: the text is neither/,
    );
  });

  it('is refused with the line that has too few cells, or the name that two columns have', () => {
    expect(() => read('a,b\n1,2\n3\n')).toThrow(/t\.csv:3: Invalid Record Length: expect 2, got 1$/);
    expect(() => read('a,a\n1,2\n')).toThrow(/t\.csv:1: two columns have the name `a`/);
  });

  it('may have a column without a name, as data frames write their index', () => {
    expect([...read(',y\n0,1\n').columns.keys()]).toEqual(['column 1', 'y']);
  });
});
