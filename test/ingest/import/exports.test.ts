import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadMapping } from '../../../src/ingest/import/mapping.js';
import { importSource } from '../../../src/ingest/import-source.js';
import type { Parsed } from '../../../src/signals/parsed.js';
import { context, NOW } from '../../signals/forms.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-exports-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const { catalogue } = context();

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function run(mapping: string, ...paths: string[]) {
  const loaded = loadMapping('m.yaml', mapping);
  expect(loaded.problems).toEqual([]);
  const source = importSource(loaded.mapping!, paths, { catalogue, clock: () => NOW });
  const records: Parsed[] = [];
  await source.run(
    async (batch) => void records.push(...batch.map(({ record }) => record)),
    new AbortController().signal,
  );
  const { report, problems, notices } = source;
  return { records, report, problems: problems.list, notices: notices.list };
}

const signalsOf = (records: readonly Parsed[]) =>
  records.map((record) => (record.kind === 'signal' ? record.signal : record));
const subscriptionsOf = (records: readonly Parsed[]) =>
  records.map((record) => (record.kind === 'subscription' ? record.subscription : record));
const problemsOf = (text: string) => loadMapping('m.yaml', text).problems.map(({ message }) => message);

describe('an answer of an API', () => {
  const INVOICES = JSON.stringify(
    {
      object: 'list',
      has_more: false,
      data: [
        {
          id: 'in_1',
          customer: 'cus_1',
          created: 1_735_689_600,
          currency: 'usd',
          metadata: { plan: 'team' },
          lines: {
            data: [
              { price: { unit_amount: 1500 }, quantity: 4 },
              { price: { unit_amount: 200 }, quantity: 1 },
            ],
          },
        },
        { id: 'in_2', customer: 'cus_2', created: 1_735_689_600, currency: 'usd', lines: { data: [] } },
      ],
    },
    null,
    2,
  );

  test('is one JSON document over many lines: its rows are in the one list that it has', async () => {
    const mapping = `source: stripe
formats: [epoch_s]
files:
  - match: '*.json'
    signals:
      - type: billing.invoice_paid
        id: '{id}'
        account_id: '{customer}'
        time: '{created}'
        value: '{lines.data.0.price.unit_amount}'
        attributes: { invoice_id: '{id}', currency: '{currency}', plan: '{metadata.plan}' }
`;
    const { records, report } = await run(mapping, file('invoices.json', INVOICES));
    expect(signalsOf(records)).toMatchObject([
      { id: 'in_1', accountId: 'cus_1', value: 1500, attributes: { invoice_id: 'in_1', plan: 'team' } },
      { id: 'in_2', value: null, attributes: { invoice_id: 'in_2' } },
    ]);
    expect(report[0]).toMatchObject({ rows: 2, rejected: 0 });
  });

  test('has rows within rows: each line item is one, with what its invoice says', async () => {
    const mapping = `source: stripe
formats: [epoch_s]
files:
  - match: '*.json'
    rows: data
    each: { line: lines.data }
    subscriptions:
      - account_id: '{customer}'
        time: '{created}'
        seats: '{line.quantity}'
        arr_minor: { formula: '{line.price.unit_amount} * {line.quantity} * 12' }
        currency: '{currency}'
`;
    const { records, report } = await run(mapping, file('items.json', INVOICES));
    expect(subscriptionsOf(records)).toMatchObject([
      { accountId: 'cus_1', seats: 4, arrMinor: 72_000, currency: 'USD' },
      { accountId: 'cus_1', seats: 1, arrMinor: 2_400 },
    ]);
    // The invoice without items is counted, too.
    expect(report[0]).toMatchObject({ rows: 3, unused: 1, subscriptions: 2, rejected: 0 });
  });

  test('has no rows in a cell without a list, or with a word for nothing', async () => {
    const mapping = `source: s
nulls: [NULL]
files:
  - match: '*.csv'
    each: { item: items }
    signals: [{ type: usage.made_up, account_id: a, time: '2025-01-01', value: '{item.n}' }]
`;
    const { records, report } = await run(
      mapping,
      file('lists.csv', 'id,items\n1,"[{""n"":1},{""n"":2}]"\n2,[]\n3,\n4,NULL\n5,{}\n'),
    );
    expect(signalsOf(records)).toMatchObject([{ value: 1 }, { value: 2 }, { kind: 'rejection' }]);
    expect(report[0]).toMatchObject({ rows: 6, signals: 2, unused: 3, rejected: 1 });
  });

  test('equal line items have ids of their own, and the same in every import', async () => {
    const mapping = `source: s
files:
  - match: '*.json'
    each: { line: lines }
    signals: [{ type: usage.feature_used, account_id: a, time: '2025-01-01', value: '{line.n}' }]
`;
    const of = async (name: string, text: string) =>
      signalsOf((await run(mapping, file(name, text))).records).map((one) => (one as { id: string }).id);
    const ids = await of('a.json', '[{"lines":[{"n":1,"m":2},{"n":1,"m":2},{"n":3}]}]');
    expect(new Set(ids).size).toBe(3);
    expect(await of('b.json', '[\n{"lines":[{"m":2,"n":1},\n{"n":1,"m":2},{"n":3}]}]')).toEqual(ids);
  });

  test.each([
    ['[1, {"a": "x"}]', '1: not_an_object'],
    ['{"lines": 5}', '1: bad_row'],
  ])('what is no row is rejected with its number: %s', async (text, expected) => {
    const mapping = `source: s
files: [{ match: '*.json', each: { line: lines }, signals: [{ type: usage.x, account_id: a, time: '2025-01-01' }] }]
`;
    const { problems } = await run(mapping, file('rows.json', text));
    expect(problems.map(({ line, reason }) => `${line}: ${reason}`)).toEqual([expected]);
  });

  test.each([
    ['{"a": [], "b": []}', /several lists: a, b/],
    ['{"a": ', /not a JSON document/],
    ['{"a": 1}\n{"a": 2}', /not a JSON document/],
    ['5', /neither a list nor an object/],
  ])('that can not be understood is refused: %s', async (text, message) => {
    const mapping = `source: s
files: [{ match: '*.json', signals: [{ type: usage.x, account_id: a, time: '2025-01-01' }] }]
`;
    await expect(run(mapping, file('wrong.json', text))).rejects.toThrow(message);
  });

  test('may stand as text in a cell of CSV, also as a list of rows', async () => {
    const mapping = `source: s
nulls: [NULL]
files:
  - match: meta.csv
    json: [metadata]
    signals: [{ type: usage.feature_used, account_id: '{id}', time: '2025-01-01', attributes: { feature_key: '{metadata.plan.key}' } }]
  - match: lists.csv
    each: { line: lines }
    signals: [{ type: usage.feature_used, account_id: '{id}', time: '2025-01-01', value: '{line.n}' }]
`;
    const { records, problems } = await run(
      mapping,
      file('meta.csv', 'id,metadata\na,"{""plan"": {""key"": ""k1""}}"\nb,NULL\nc,{broken\n'),
      file('lists.csv', 'id,lines\nd,"[{""n"": 1}, {""n"": 2}]"\ne,\n'),
    );
    expect(
      signalsOf(records).map((one) =>
        'accountId' in one ? [one.accountId, one.value, one.attributes] : null,
      ),
    ).toEqual([['a', null, { feature_key: 'k1' }], ['b', null, {}], null, ['d', 1, {}], ['d', 2, {}]]);
    expect(problems).toMatchObject([{ reason: 'not_json', field: 'metadata', texts: { '{broken': 1 } }]);
  });
});

describe('the same export again', () => {
  const mapping = `source: s
files: [{ match: '*', signals: [{ type: usage.feature_used, account_id: '{a}', time: '{t}', value: '{v}' }] }]
`;
  const ids = async (name: string, text: string) =>
    signalsOf((await run(mapping, file(name, text))).records)
      .map((one) => (one as { id: string }).id)
      .sort();

  test('is the same signals, with its columns in another order, and with a column more that is empty', async () => {
    const first = await ids('one.csv', 'a,t,v\nx,2025-01-01,3\ny,2025-01-02,4\n');
    expect(await ids('two.csv', 'v,a,t\n4,y,2025-01-02\n3,x,2025-01-01\n')).toEqual(first);
    expect(await ids('three.csv', 'a,note,t,v\nx,,2025-01-01,3\ny,,2025-01-02,4\n')).toEqual(first);
    expect(await ids('four.csv', 'a,t,v\nx,2025-01-01,4\ny,2025-01-02,4\n')).not.toEqual(first);
  });

  test('is the same signals, with its keys in another order', async () => {
    const first = await ids('one.ndjson', '{"a":"x","t":"2025-01-01","v":3,"o":{"p":1,"q":[2]}}\n');
    expect(
      await ids('two.ndjson', '{"v":3,"o":{"q":[2],"p":1},"t":"2025-01-01","a":"x","z":null}\n'),
    ).toEqual(first);
  });
});

describe('a table that was made for people', () => {
  test('may have titles above its header, and be UTF-16', async () => {
    const mapping = (more: string) => `source: s
files: [{ match: '*.csv', skip_lines: 2${more}, signals: [{ type: usage.feature_used, account_id: '{Kunde}', time: '{Tag}' }] }]
`;
    const text = 'Bericht vom 1.\n"Ümsätze\n"\nKunde,Tag\nMüller,2025-01-01\n'.replace(
      '"Ümsätze\n"\n',
      'Ümsätze\n',
    );
    const utf16 = (le: boolean, mark: boolean) => {
      const bytes = Buffer.from(`${mark ? '\uFEFF' : ''}${text}`, 'utf16le');
      return le ? bytes : bytes.swap16();
    };
    for (const [name, bytes, more] of [
      ['utf8.csv', Buffer.from(text), ''],
      ['le-mark.csv', utf16(true, true), ''],
      ['be-mark.csv', utf16(false, true), ''],
      ['le.csv', utf16(true, false), ', encoding: utf-16le'],
      ['be.csv', utf16(false, false), ', encoding: utf-16be'],
    ] as const) {
      const { records } = await run(mapping(more), file(name, bytes));
      expect(signalsOf(records)).toMatchObject([{ accountId: 'Müller' }]);
    }
  });

  test('may end its lines in CR alone, as spreadsheets on a Mac write', async () => {
    const mapping = `source: crm
files: [{ match: '*.csv', subscriptions: [{ account_id: '{id}', time: '2025-01-01', plan: '{plan}' }] }]
`;
    const { records } = await run(mapping, file('mac.csv', 'id,plan\ra,"x\ry"\rb,z'));
    expect(subscriptionsOf(records)).toMatchObject([
      { accountId: 'a', plan: 'x\ny' },
      { accountId: 'b', plan: 'z' },
    ]);
  });

  test('may be a snapshot without times: it counts as of the import, or of the change of the file', async () => {
    const mapping = `source: crm
zone: Europe/Berlin
files:
  - match: '*.csv'
    subscriptions:
      - { account_id: '{id}', subscription_id: i, time: { at: import }, renewal: { at: file, plus: { months: 1 } } }
      - { account_id: '{id}', subscription_id: f, time: { at: file } }
`;
    const path = file('snapshot.csv', 'id\na\n');
    const changed = Date.UTC(2025, 0, 31, 23, 30);
    utimesSync(path, changed / 1000, changed / 1000);
    const { records } = await run(mapping, path);
    expect(subscriptionsOf(records)).toMatchObject([
      { subscriptionId: 'i', occurredAt: NOW, renewal: Date.UTC(2025, 2, 1) },
      { subscriptionId: 'f', occurredAt: changed },
    ]);
  });

  test('may have contracts that begin later', async () => {
    const mapping = `source: crm
files: [{ match: '*.csv', subscriptions: [{ account_id: '{id}', time: '{start}', start: '{start}' }] }]
`;
    const { records, problems } = await run(
      mapping,
      file('later.csv', 'id,start\na,2025-07-01\nb,2095-07-01\n'),
    );
    expect(subscriptionsOf(records)).toMatchObject([
      { accountId: 'a', start: Date.UTC(2025, 6, 1) },
      { kind: 'rejection' },
    ]);
    expect(problems).toMatchObject([{ reason: 'bad_time', line: 3 }]);
  });

  test('may write its own words for nothing', async () => {
    const mapping = `source: crm
nulls: ['NULL', '\\N']
files:
  - { match: 'a.csv', signals: [{ type: usage.feature_used, account_id: '{id}', time: '{t}', value: '{v}' }] }
  - { match: 'b.csv', nulls: ['-'], signals: [{ type: usage.feature_used, account_id: '{id}', time: '{t}', value: '{v}' }] }
`;
    const { records } = await run(
      mapping,
      file('a.csv', 'id,t,v\na,2025-01-01,NULL\nb,2025-01-01,\\N\n'),
      file('b.csv', 'id,t,v\nc,2025-01-01,-\n'),
    );
    expect(signalsOf(records).map((one) => (one as { value: unknown }).value)).toEqual([null, null, null]);
  });
});

describe('a mapping', () => {
  test('calculates: products, sums, fallbacks within, money in whole minor units', async () => {
    const mapping = `source: s
files:
  - match: '*.csv'
    subscriptions:
      - account_id: '{id}'
        time: '2025-01-01'
        seats: { formula: '{seats} ?? {users} ?? 1' }
        notice_days: { formula: '({a} + 2) * -{b} / -4 - 1' }
        arr_minor: { formula: '{monthly} * 12 - ({discount} ?? 0)', money: '{cur}', decimal: ',', group: '.' }
        currency: '{cur}'
`;
    const { records, problems } = await run(
      mapping,
      file(
        'calc.csv',
        'id,seats,users,a,b,monthly,discount,cur\na,,7,2,8,"29,85",,eur\nb,3,,2,8,"1.250,10","0,30",HUF\nc,,,2,8,x,,EUR\nd,,,,8,1,,EUR\ne,1,1,1,1,1,1,EUX\n',
      ),
    );
    expect(subscriptionsOf(records).slice(0, 2)).toMatchObject([
      { seats: 7, noticeDays: 7, arrMinor: 35_820, currency: 'EUR' },
      { seats: 3, arrMinor: 1_500_090, currency: 'HUF' },
    ]);
    expect(subscriptionsOf(records)[3]).toMatchObject({ noticeDays: null });
    expect(problems).toMatchObject([
      { line: 4, reason: 'bad_number', field: 'arr_minor', texts: { x: 1 } },
      { line: 6, reason: 'bad_value', texts: { EUX: 1 } },
    ]);
  });

  test.each([
    ["{ formula: '{a} +' }", /it ends too early/],
    ["{ formula: '({a}' }", /a \( is not closed/],
    ["{ formula: '{a} % 2' }", /neither a number, a \{column\} nor one of/],
    ["{ formula: '{a} {b}' }", /`b` can't stand there/],
    ["{ formula: '{a}', value: '{b}' }", /give either a `value` or a `formula`/],
    ["{ formula: '{a}', default: 0 }", /write a \?\? b in it/],
  ])('names what is wrong with %s', (value, message) => {
    const messages = problemsOf(`source: s
files: [{ match: '*', signals: [{ type: usage.x, account_id: a, time: t, value: ${value} }] }]
`);
    expect(messages.join('\n')).toMatch(message);
  });

  test('takes this column, else that one', async () => {
    const mapping = `source: s
files:
  - match: '*.csv'
    signals:
      - type: usage.feature_used
        account_id: { value: '{account}', default: '{customer}' }
        time: '2025-01-01'
        attributes: { feature_key: { value: '{feature}', map: { A: alpha }, otherwise: 'other-{feature}' } }
`;
    const { records } = await run(mapping, file('else.csv', 'account,customer,feature\na,b,A\n,c,Z\n'));
    expect(signalsOf(records)).toMatchObject([
      { accountId: 'a', attributes: { feature_key: 'alpha' } },
      { accountId: 'c', attributes: { feature_key: 'other-Z' } },
    ]);
    const wrong = mapping.replace("'{customer}'", "'{costumer}'");
    await expect(run(wrong, file('else-2.csv', 'account,customer,feature\na,b,A\n'))).rejects.toThrow(
      /no column `costumer`.*did you mean `customer`/,
    );
  });

  test('leaves out rows of whose type or kind it makes nothing, and counts them', async () => {
    const mapping = `source: s
files:
  - match: '*.csv'
    json: [more]
    signals:
      - type: { value: '{what}', map: { open: support.ticket_opened, noise: null } }
        account_id: a
        time: '2025-01-01'
        attributes: { ticket_id: '{more.id}' }
    outcomes:
      - { kind: { value: '{end}', map: { won: renewed }, otherwise: null }, account_id: a, time: '2025-01-01' }
`;
    const { records, report, problems } = await run(
      mapping,
      // Of what is left out nothing else is read: that its cells can't be read is no matter.
      file('what.csv', 'more,what,end\n,open,\n{,noise,\n,noise,won\n,closed,\n,,\n'),
    );
    expect(records.map(({ kind }) => kind)).toEqual(['signal', 'outcome', 'rejection', 'rejection']);
    expect(report[0]).toMatchObject({ rows: 5, signals: 1, outcomes: 1, leftOut: 1, rejected: 2 });
    expect(problems.map(({ line, reason }) => `${line} ${reason}`)).toEqual(['5 bad_value', '6 bad_type']);
  });

  test('joins what is there, and through what is joined', async () => {
    const mapping = `source: s
files:
  - { match: owners.csv, name: owners, key: id }
  - { match: accounts.csv, name: accounts, key: id, join: { owners: { on: '{owner}', optional: true } } }
  - match: use.csv
    join: { accounts: { on: '{account}' }, notes: { on: '{account}', optional: true } }
    subscriptions:
      - { account_id: '{accounts.code}', time: '2025-01-01', owner: '{accounts.owners.name}', plan: '{notes.plan}' }
  - { match: notes.csv, name: notes, key: id }
`;
    const { records, problems } = await run(
      mapping,
      file('use.csv', 'account\n1\n2\n3\n'),
      file('accounts.csv', 'id,code,owner\n1,acme,o1\n2,bolt,o9\n'),
      file('owners.csv', 'id,name\no1,Ada\n'),
      file('notes.csv', 'id,plan\n1,team\n'),
    );
    expect(subscriptionsOf(records).slice(0, 2)).toMatchObject([
      { accountId: 'acme', owner: 'Ada', plan: 'team' },
      { accountId: 'bolt', owner: '', plan: '' },
    ]);
    expect(problems).toMatchObject([{ line: 4, reason: 'bad_value', texts: { 3: 1 } }]);
    expect(
      problemsOf(`source: s
files:
  - { match: a.csv, name: a, key: id, join: { b: { on: '{b}' } } }
  - { match: b.csv, name: b, key: id, join: { a: { on: '{a}' } } }
`)[0],
    ).toBe('These files join each other in a circle: a, b.');
  });
});

describe('what goes in but is hardly meant', () => {
  test('types that nobody lists, signals without what features count by, ids that are not unique', async () => {
    const mapping = `source: s
files:
  - match: '*.csv'
    signals:
      - { type: usage.feature_usd, id: '{id}', account_id: '{a}', time: '2025-01-01' }
      - { type: support.ticket_opened, id: 't{id}', account_id: '{a}', time: '2025-01-01', attributes: { ticket_id: '{ticket}' } }
`;
    const { notices } = await run(mapping, file('meant.csv', 'id,a,ticket\n1,x,\n1,x,\n1,y,T-1\n'));
    expect(notices).toEqual([
      {
        kind: 'unlisted-type',
        records: 3,
        text: '3 signals of type usage.feature_usd, which scoring/signals.yaml does not list: did you mean `usage.feature_used`?',
      },
      {
        kind: 'missing-attribute',
        records: 2,
        text: '2 signals of type support.ticket_opened without `ticket_id`: features can do nothing with them.',
      },
      {
        kind: 'repeated-id',
        records: 2,
        text: '2 records have the identity of another one, with other contents, such as s 1: the last of each holds. Is the id unique?',
      },
    ]);
  });

  test('attributes that are nearly like listed ones; others are none of that', async () => {
    const mapping = `source: s
files:
  - match: '*.csv'
    signals:
      - { type: support.ticket_opened, id: '{id}', account_id: a, time: '2025-01-01', attributes: { ticket_id: '{id}', severty: high, team: x } }
`;
    const { notices } = await run(mapping, file('near.csv', 'id\n1\n'));
    expect(notices).toEqual([
      {
        kind: 'unlisted-attribute',
        records: 1,
        text: '1 signal of type support.ticket_opened with `severty`, which scoring/signals.yaml does not list: did you mean `severity`?',
      },
    ]);
  });

  test('numbers out of range are counted as one problem, however many there are', async () => {
    const mapping = `source: s
files: [{ match: '*.csv', subscriptions: [{ account_id: '{n}', time: '2025-01-01', seats: '{n}' }] }]
`;
    const { problems } = await run(mapping, file('range.csv', 'n\n-1\n-2\n-2\n5\n'));
    expect(problems).toMatchObject([{ line: 2, rows: 3, texts: { '-2': 2, '-1': 1 } }]);
    expect(problems[0]!.detail).toMatch(/^`seats` must lie from 0 to /);
  });

  test('rejected rows are counted by what is wrong, with their texts', async () => {
    const mapping = `source: s
files: [{ match: '*.csv', signals: [{ type: { value: '{k}', map: { a: usage.feature_used } }, account_id: x, time: '{t}' }] }]
`;
    const rows = ['b', 'c', 'b', 'a', 'd', 'b'].map((kind) => `${kind},2025-01-01`);
    const { problems } = await run(mapping, file('counted.csv', `k,t\n${rows.join('\n')}\na,soon\n`));
    expect(problems).toEqual([
      {
        ...{ file: join(folder, 'counted.csv'), line: 2, reason: 'bad_value', field: 'type', rows: 5 },
        detail: '`type`: the text is not listed in its map.',
        texts: { b: 3, c: 1, d: 1 },
      },
      {
        ...{ file: join(folder, 'counted.csv'), line: 8, reason: 'bad_time', field: 'time', rows: 1 },
        detail: '`time`: the text has none of the formats of the mapping.',
        texts: { soon: 1 },
      },
    ]);
  });
});
