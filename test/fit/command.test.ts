import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Batch } from '../../src/columns/batch.js';
import type { Column } from '../../src/columns/column.js';
import { numbersOf, textsOf } from '../../src/fit/table/column-kind.js';
import { numberIn } from '../../src/fit/table/parse-cell.js';
import { readCsv } from '../../src/fit/table/read-csv.js';
import { evaluateScorecards } from '../../src/scoring/evaluate.js';
import { projectFile } from '../support/project.js';
import { jsonLines, runCli } from '../support/run-cli.js';
import { standAloneScoring } from './stand-alone.js';
import { randomNumbers } from './tables.js';

const folder = mkdtempSync(join(tmpdir(), 'perennial-fit-'));
const path = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

/** Where the public data sets lie, which are never copied into the project. */
const DATA = [
  process.env.PERENNIAL_EXAMPLE_DATA,
  projectFile('../shared/data'),
  projectFile('../../shared/data'),
].find((at) => at !== undefined && at !== '' && existsSync(join(at, 'telco_ibm')));

describe('perennial scorecard fit', () => {
  beforeAll(() => {
    const random = randomNumbers(3);
    const lines = Array.from({ length: 900 }, (_, row) => {
      const logins = Math.floor(30 * random());
      const plan = random() < 0.5 ? 'monthly, cash' : 'yearly';
      const gone =
        random() < 1 / (1 + Math.exp(-(-2.2 + (logins < 8 ? 2 : 0) + (plan === 'yearly' ? 0 : 1))));
      return `"c ${row}",${logins},"${plan}",${gone ? 1 : 0},f${row % 3},1`;
    });
    writeFileSync(path('t.csv'), `\uFEFFwho,Logins,Plan,gone,part,one\r\n${lines.join('\r\n')}\r\n`);
  });

  it('prints one object with the figures, writes predictions, scorecard and report', async () => {
    const files = ['predictions', 'out', 'report'].flatMap((name) => [`--${name}`, path(name)]);
    const { code, stdout, stderr } = await runCli([
      ...[
        'scorecard',
        'fit',
        '--table',
        path('t.csv'),
        '--label',
        'gone',
        '--id',
        'who',
        '--fold',
        'part',
        '--json',
      ],
      ...files,
    ]);
    expect([code, stderr]).toEqual([0, '']);
    const [figures] = jsonLines(stdout);
    expect(figures).toMatchObject({ rows: 900, verdict: 'fitted', ids: [], leaks: [] });
    for (const name of [
      'positives',
      'auc',
      'auc_low',
      'auc_high',
      'average_precision',
      'log_loss',
      'brier',
      'ece',
      'seconds',
    ])
      expect(figures![name]).toEqual(expect.any(Number));
    const [head, ...lines] = readFileSync(path('predictions'), 'utf8').trimEnd().split('\n');
    expect(head).toBe('id,label,p,fold');
    expect(lines).toHaveLength(900);
    expect(lines[1]).toMatch(/^c 1,[01],0\.\d+,f1$/);
    const page = readFileSync(path('report'), 'utf8');
    expect(page).toContain('monthly, cash');
    expect(page).toContain('Calibration');
    // Nothing from elsewhere.
    expect(page).not.toMatch(/(src|href)=|@import|url\(/);
  });

  it('writes a scorecard that the engine reads, and that scores as it was fitted to', () => {
    const scoring = standAloneScoring(readFileSync(path('out'), 'utf8'));
    const cells = readCsv(path('t.csv'));
    const batch = new Batch(
      cells.rows,
      new Map<string, Column>([
        ['logins', numbersOf(cells.columns.get('Logins')!, numberIn)],
        ['plan', textsOf(cells.columns.get('Plan')!)],
      ]),
    );
    const { renewalProbability } = evaluateScorecards(scoring, batch);
    const gone = cells.columns.get('gone')!;
    const meanWhere = (wanted: string) => {
      const rows = [...gone.keys()].filter((row) => gone[row] === wanted);
      return rows.reduce((sum, row) => sum + 1 - renewalProbability.values[row]!, 0) / rows.length;
    };
    expect(meanWhere('1')).toBeGreaterThan(meanWhere('0') + 0.1);
  });

  it('names ids on the way', async () => {
    const { stderr } = await runCli(['scorecard', 'fit', '--table', path('t.csv'), '--label', 'gone']);
    expect(stderr).toContain('left out who: id, 900 different texts in 900 rows');
  });

  it.each([
    [['--label', 'gon'], 'There is no column `gon` in the table (--label).', 2],
    [['--label', 'Plan'], 'It is not clear which value of `Plan` means "not renewed".', 2],
    [['--label', 'gone', '--time', 'Plan'], 'is not a time', 2],
    [['--label', 'gone', '--out', path('no/such/card.yaml')], "Can't write", 2],
    [['--label', 'gone', '--name', 'Mine!'], '--name Mine!: expected lower case letters', 2],
    [['--label', 'gone', '--rising', 'Logins', '--falling', 'Logins'], 'both --rising and --falling', 2],
    [['--label', 'gone', '--group', 'one'], 'No row can be predicted by a model that has not seen it', 2],
  ])('says what is wrong with %j', async (flags, message, exit) => {
    const { code, stderr } = await runCli(['scorecard', 'fit', '--table', path('t.csv'), ...flags]);
    expect(stderr).toContain(message);
    expect(code).toBe(exit);
  });

  it('says what is wrong with the file', async () => {
    writeFileSync(path('bad.csv'), 'a,b\n1,2\n3\n');
    const bad = await runCli(['scorecard', 'fit', '--table', path('bad.csv'), '--label', 'a']);
    expect([bad.code, bad.stderr]).toEqual([3, expect.stringContaining('bad.csv:3: ')]);
    const none = await runCli(['scorecard', 'fit', '--table', path('none.csv'), '--label', 'a']);
    expect(none.code).toBe(6);
  });
});

describe.skipIf(DATA === undefined)('on the public telco table', () => {
  it('is as good as additive models get', async () => {
    const table = path('telco.csv');
    // Folds by row: what matters is that they are given.
    const [head, ...rows] = readFileSync(join(DATA!, 'telco_ibm/Telco-Customer-Churn.csv'), 'utf8')
      .trim()
      .split(/\r?\n/);
    writeFileSync(table, [`${head},fold`, ...rows.map((line, row) => `${line},${(row * 7) % 5}`)].join('\n'));
    const { stdout } = await runCli([
      ...[
        'scorecard',
        'fit',
        '--table',
        table,
        '--label',
        'Churn',
        '--positive',
        'Yes',
        '--id',
        'customerID',
      ],
      ...['--fold', 'fold', '--json'],
    ]);
    const [figures] = jsonLines(stdout) as [Record<string, number>];
    expect(figures.auc).toBeGreaterThan(0.848);
    expect(figures.log_loss).toBeLessThan(0.412);
    expect(figures.ece).toBeLessThan(0.012);
  });
});
if (DATA === undefined)
  console.warn('The public tables are not here (PERENNIAL_EXAMPLE_DATA): fits to them are not tested.');
