import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadMapping } from '../../src/ingest/import/mapping.js';
import { type FileReport, importSource } from '../../src/ingest/import-source.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { context, NOW } from '../signals/forms.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-import-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const { catalogue } = context();

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function run(
  mapping: string,
  ...paths: string[]
): Promise<{ deliveries: Delivery[]; report: readonly FileReport[] }> {
  const loaded = loadMapping('m.yaml', mapping);
  expect(loaded.problems).toEqual([]);
  const source = importSource(loaded.mapping!, paths, { catalogue, clock: () => NOW, batchRows: 3 });
  const deliveries: Delivery[] = [];
  await source.run(async (batch) => void deliveries.push(...batch), new AbortController().signal);
  return { deliveries, report: source.report };
}

const told = ({ record, origin }: Delivery): string => {
  switch (record.kind) {
    case 'signal':
      return `${origin.offset} ${record.signal.accountId} ${record.signal.type} ${record.signal.value}`;
    case 'subscription':
      return `${origin.offset} ${record.subscription.subscriptionId} ${record.subscription.status}`;
    case 'outcome':
      return `${origin.offset} ${record.outcome.subscriptionId} ${record.outcome.kind}`;
    case 'rejection':
      return `${origin.offset} ${record.rejection.reason} ${record.rejection.field}`;
    case 'tombstone':
    case 'retraction':
      throw new Error('An import takes nothing back.');
  }
};

const USAGE = `source: app
files:
  - match: usage*.csv*
    skip: [{ value: '{test}', is: 'yes' }]
    signals:
      - type: usage.feature_used
        account_id: '{account}'
        time: '{day}'
        value: '{count}'
        attributes: { feature_key: '{feature}' }
      - when: [{ value: '{errors}', above: 0 }]
        type: usage.error_experienced
        account_id: '{account}'
        time: '{day}'
`;
const HEADER = 'account,day,count,feature,errors,test\n';

describe('an import', () => {
  test('turns rows into records, rejects those that fail with their line, and takes the rest in', async () => {
    const path = file(
      'usage.csv',
      `${HEADER}a,2025-01-01,3,x,0,no\nb,2025-01-02,1,x,2,no\nc,2025-13-01,1,x,0,no\n,2025-01-01,1,x,0,no\nd,2025-01-01,1,x,0,yes\ne,2025-01-01,many,x,0,no\nf,2025-01-01,1,x,0,no\n`,
    );
    const { deliveries, report } = await run(USAGE, path);
    expect(deliveries.map(told)).toEqual([
      '2 a feature_used 3',
      '3 b feature_used 1',
      '3 b error_experienced null',
      '4 bad_time time',
      '5 missing_field account_id',
      '7 bad_number value',
      '8 f feature_used 1',
    ]);
    expect(deliveries[0]).toMatchObject({ origin: { topic: path, partition: -1 }, receivedAt: NOW });
    expect(report).toEqual([
      {
        ...{ path, rows: 7, skipped: 1, unused: 0, leftOut: 0, rejected: 3 },
        ...{ signals: 4, subscriptions: 0, outcomes: 0 },
      },
    ]);
    const { record } = deliveries[3]!;
    expect(record.kind === 'rejection' && Buffer.from(record.rejection.raw).toString()).toBe(
      'c,2025-13-01,1,x,0,no',
    );
  });

  test('refuses a number outside the range of the catalogue, as every other door does', async () => {
    const path = file('usage-range.csv', `${HEADER}a,2025-01-01,-3,x,0,no\nb,2025-01-01,1e303,x,0,no\n`);
    const { deliveries } = await run(USAGE, path);
    expect(deliveries.map(told)).toEqual(['2 out_of_range value', '3 out_of_range value']);
    const { record } = deliveries[0]!;
    expect(record).toMatchObject({
      rejection: { detail: '`value` is -3: it must lie from 0 to 1000000000000000.' },
    });
  });

  test('takes a row whole or not at all', async () => {
    const late = USAGE.replace(/time: '\{day\}'\n$/, "time: '{feature}'\n");
    const { deliveries } = await run(late, file('usage-whole.csv', `${HEADER}a,2025-01-01,3,x,1,no\n`));
    expect(deliveries.map(told)).toEqual(['2 bad_time time']);
  });

  test('gives the same ids in another order, from another file and from gzip', async () => {
    const rows = ['a,2025-01-01,3,x,1,no', 'b,2025-01-02,1,y,2,no', 'c,2025-01-02,1,y,0,no'];
    const ids = async (path: string) =>
      (await run(USAGE, path)).deliveries
        .map(({ record }) => (record.kind === 'signal' ? record.signal.id : ''))
        .sort();
    const first = await ids(file('usage-1.csv', `${HEADER}${rows.join('\n')}\n`));
    expect(new Set(first).size).toBe(5);
    expect(await ids(file('usage-2.csv', `${HEADER}${rows.reverse().join('\r\n')}`))).toEqual(first);
    expect(await ids(file('usage-3.csv.gz', gzipSync(`${HEADER}${rows.join('\n')}`)))).toEqual(first);
  });

  test('can count records as received when they occurred, for backtests', async () => {
    const { deliveries } = await run(
      `received: occurred\n${USAGE}`,
      file('usage-past.csv', `${HEADER}a,2025-01-01,3,x,0,no\nb,x,3,x,0,no\n`),
    );
    expect(deliveries.map(({ receivedAt }) => receivedAt)).toEqual([Date.UTC(2025, 0, 1), NOW]);
  });

  test('reads NDJSON rows, members of members by dots', async () => {
    const mapping = `source: app
files:
  - match: '*.ndjson'
    signals:
      - { type: support.ticket_opened, id: '{id}', account_id: '{customer.id}', time: '{at}', attributes: { ticket_id: '{id}' } }
`;
    const path = file(
      'tickets.ndjson',
      '{"id":7,"customer":{"id":"a"},"at":"2025-01-01"}\n\n{"id":8}\n{"id":9007199254740993,"customer":{"id":"a"},"at":"2025-01-01"}\n{\n',
    );
    const { deliveries } = await run(mapping, path);
    expect(deliveries.map(told)).toEqual([
      '1 a ticket_opened null',
      '3 missing_field account_id',
      '4 bad_number id',
      '5 not_json ',
    ]);
  });

  test('joins rows of another file of the same import, whatever the order of the files', async () => {
    const mapping = `source: app
files:
  - { match: subs.csv, name: subs, key: id, subscriptions: [{ account_id: '{account}', subscription_id: '{id}', time: '{since}' }] }
  - match: use.csv
    join: { subs: { on: '{sub}' } }
    signals: [{ type: usage.feature_used, account_id: '{subs.account}', subscription_id: '{sub}', time: '{day}' }]
`;
    const subs = file(
      'subs.csv',
      'id,account,since\ns1,a,2025-01-01\ns2,b,2025-01-01\ns3,c,2025-01-01\ns3,d,2025-01-02\n',
    );
    const use = file('use.csv', 'sub,day\ns2,2025-01-03\ns9,2025-01-03\ns3,2025-01-03\n');
    const { deliveries } = await run(mapping, use, subs);
    expect(deliveries.map(told).slice(0, 3)).toEqual([
      '2 b feature_used null',
      '3 bad_value subs.account',
      '4 bad_value subs.account',
    ]);
    await expect(run(mapping, use)).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  test('evaluates maps, defaults, money, calendar arithmetic and lists', async () => {
    const mapping = `source: crm
zone: Europe/Berlin
formats: [dd.MM.yyyy]
decimal: ','
group: '.'
files:
  - match: contracts.csv
    delimiter: ';'
    subscriptions:
      - account_id: 'DE-{nr}'
        time: '{seit}'
        status: { value: '{status}', map: { aktiv: active, 'ruht': paused } }
        plan: { value: '{tarif}', default: basis }
        add_ons: [{ value: '{sso}', map: { ja: sso }, otherwise: null }]
        arr_minor: { value: '{monat}', money: EUR, times: 12 }
        currency: EUR
        start: '{seit}'
        renewal: { value: '{seit}', next: { every: { years: 1 }, after: '01.06.2025' } }
        auto_renew: { value: '{auto}', map: { ja: true, nein: false } }
`;
    const path = file(
      'contracts.csv',
      'nr;seit;status;tarif;sso;monat;auto\n1;31.01.2024;aktiv;;ja;1.234,50;ja\n2;31.01.2024;weg;x;nein;1;nein\n',
    );
    const { deliveries } = await run(mapping, path);
    expect(deliveries[0]!.record).toMatchObject({
      subscription: {
        accountId: 'DE-1',
        subscriptionId: 'DE-1',
        occurredAt: Date.UTC(2024, 0, 30, 23),
        plan: 'basis',
        addOns: ['sso'],
        arrMinor: 1_481_400,
        // Dates of the contract are days of its calendar, not midnights of its zone.
        start: Date.UTC(2024, 0, 31),
        renewal: Date.UTC(2026, 0, 31),
        autoRenew: true,
      },
    });
    expect(deliveries.map(told)).toEqual(['2 DE-1 active', '3 bad_value status']);
  });

  test('with a column that is not there delivers nothing and names every place', async () => {
    const path = file('usage-none.csv', 'acount,day,count,feature,errors,test\na,2025-01-01,3,x,0,no\n');
    await expect(run(USAGE, path)).rejects.toMatchObject({
      code: 'invalid_file',
      message: expect.stringMatching(/m\.yaml:7:21: .*did you mean `acount`[\s\S]*m\.yaml:13:21/),
    });
  });

  test('refuses a path that no file of the mapping matches, and says which ones it knows', async () => {
    await expect(run(USAGE, file('other.csv', 'a\n'))).rejects.toMatchObject({
      code: 'invalid_argument',
      hint: expect.stringContaining('usage*.csv*'),
    });
  });

  // Bug: where reading stopped within a row, its beginning went in, with a number that was cut off.
  test('stops without delivering on when it is aborted, nor a row that was half read', async () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => `a${i},2025-01-01,3,x,0,${1_000_000 + i}`);
    const path = file('usage-long.csv', `${HEADER}${rows.join('\n')}\n`);
    const mapping = `source: s
files: [{ match: '*.csv', signals: [{ type: usage.made_up, account_id: '{account}', time: '{day}', value: '{test}' }] }]
`;
    const abort = new AbortController();
    const odd: unknown[] = [];
    let count = 0;
    await importSource(loadMapping('m.yaml', mapping).mapping!, [path, path], {
      catalogue,
      clock: () => NOW,
      batchRows: 10,
    }).run(async (batch) => {
      count += batch.length;
      abort.abort();
      for (const { record } of batch)
        if (record.kind !== 'signal' || record.signal.accountId !== `a${record.signal.value! - 1_000_000}`)
          odd.push(record);
    }, abort.signal);
    expect(odd).toEqual([]);
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(50_000);
  });
});
