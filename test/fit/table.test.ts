import { describe, expect, it } from 'vitest';
import { readColumn } from '../../src/fit/table/column-kind.js';
import { featureNamesFor } from '../../src/fit/table/feature-names.js';
import { daysIn, numberIn } from '../../src/fit/table/parse-cell.js';
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
  ])('%j is the number %s', (cell, value) => expect(numberIn(cell)).toBe(value));

  it.each([
    ['1970-01-02', 1],
    ['1970-01-01T12:00:00Z', 0.5],
    ['1970-01-01 06:00', 0.25],
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

  it('gets a name that scorecards can use, and of its own', () => {
    const names = featureNamesFor([
      'MonthlyCharges',
      'customerID',
      'Churn Score',
      'churn-score',
      '% used',
      '2nd',
    ]);
    expect([...names.values()]).toEqual([
      'monthly_charges',
      'customer_id',
      'churn_score',
      'churn_score_2',
      'used',
      'f_2nd',
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
