import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { writeBatch } from '../../src/ingest/batch-writer.js';
import { loadMapping } from '../../src/ingest/import/mapping.js';
import { importSource } from '../../src/ingest/import-source.js';
import { retract } from '../../src/ingest/retract.js';
import { type LoadPlan, runLoad } from '../../src/ingest/run-load.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { undoLoad } from '../../src/ingest/undo-load.js';
import { EMPTY_CATALOGUE } from '../../src/signals/catalogue.js';
import { parseMessage } from '../../src/signals/parse.js';
import { listLoads, readLoad } from '../../src/store/load-log.js';
import type { Store } from '../../src/store/store.js';
import { context, json, NOW } from '../signals/forms.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => ({ store, close } = await tempStore()));
afterAll(() => close());

/** Time passes with each look at the clock. */
let now = NOW;
const clock = () => {
  now += 1_000;
  return now;
};

function record(fields: object): Delivery {
  const receivedAt = clock();
  const time = new Date(NOW - DAY_MS).toISOString();
  const body = json({ source: 'crm', account_id: 'acme', time, ...fields });
  const parsed = parseMessage(body, 'any', { ...context(), receivedAt });
  return { record: parsed, origin: { topic: 'file', partition: -1, offset: 1 }, receivedAt };
}
const signal = (id: string, value: number, more: object = {}) =>
  record({ type: 'usage.made_up', id, value, ...more });
const contract = (account_id: string, arr_minor: number) =>
  record({ type: 'subscription.updated', source: undefined, account_id, arr_minor, currency: 'EUR' });
const rejected = (): Delivery => ({
  record: {
    kind: 'rejection',
    rejection: { reason: 'bad_row', detail: 'x', field: '', id: '', raw: Buffer.from('x') },
  },
  origin: { topic: 'file', partition: -1, offset: 9 },
  receivedAt: NOW,
});

const load = (source: string, batch: readonly Delivery[], more: Partial<LoadPlan> = {}) =>
  runLoad(
    store,
    { kind: 'import', source, mapping: 'm.yaml', files: ['f.csv'], by: 'ada', ...more },
    clock,
    async (write) => void (await write(batch)),
  );
const undo = (id: string) => undoLoad(store, id, { by: 'bob', reason: 'wrong month', now: clock() });

const values = (where: string) =>
  store
    .rows<{ id: string; value: number }>(`SELECT id, value FROM signals WHERE ${where} ORDER BY id`)
    .then((rows) => rows.map(({ id, value }) => `${id}=${value}`));

describe('a load', () => {
  test('is listed with what became of its records, and they carry its id', async () => {
    await load('one', [signal('l1', 1), signal('l2', 1)]);
    const second = await load('one', [signal('l1', 2), signal('l2', 1), signal('l3', 1), rejected()]);
    expect(second.load).toMatchObject({
      ...{ status: 'done', kind: 'import', source: 'one', mapping: 'm.yaml', files: ['f.csv'], by: 'ada' },
      counts: { new: 1, same: 1, corrected: 1, retracted: 0, withdrawn: 0, rejected: 1 },
    });
    expect((await listLoads(store, 1))[0]).toEqual(second.load);
    expect(
      await store.rows(`SELECT id FROM signals WHERE _load = {id:String} ORDER BY id`, {
        id: second.load.id,
      }),
    ).toEqual([{ id: 'l1' }, { id: 'l3' }]);
    expect(
      await store.rows(
        `SELECT records_new, records_same, records_corrected, rows_rejected FROM loads WHERE load_id = {id:String}`,
        { id: second.load.id },
      ),
    ).toEqual([{ records_new: 1, records_same: 1, records_corrected: 1, rows_rejected: 1 }]);
  });

  test('that names one thing in several rows brings the last, and nothing when it is read again', async () => {
    const rows = () => {
      const receivedAt = clock();
      const rows = [signal('n1', 1), signal('n2', 1), signal('n1', 2), signal('n2', 1), signal('n1', 3)];
      return rows.map((row) => ({ ...row, receivedAt }));
    };
    const first = await load('named', rows());
    expect(first.load.counts).toMatchObject({ new: 2, same: 1, corrected: 2 });
    expect((await load('named', rows())).load.counts).toMatchObject({ new: 0, same: 5, corrected: 0 });
    expect(await values("id IN ('n1', 'n2')")).toEqual(['n1=3', 'n2=1']);
    expect(await store.rows(`SELECT count() AS n FROM signal_versions WHERE id IN ('n1', 'n2')`)).toEqual([
      { n: 2 },
    ]);
  });

  test('that fails is left as failed, with what it had brought', async () => {
    const failing = runLoad(
      store,
      { kind: 'files', source: '', mapping: '', files: ['x'], by: 'ada' },
      clock,
      async (write) => {
        await write([signal('f1', 1)]);
        throw new Error('no more');
      },
    );
    await expect(failing).rejects.toThrow('no more');
    expect((await listLoads(store, 1))[0]).toMatchObject({ status: 'failed', counts: { new: 1 } });
  });
});

describe('undoing a load', () => {
  test('takes out what it brought, and what it corrected holds again', async () => {
    await writeBatch(store, [contract('u-0', 100), contract('u-1', 100)]);
    await load('two', [signal('u1', 1, { account_id: 'u-0' }), signal('u2', 1)]);
    const { load: wrong } = await load('two', [
      signal('u2', 9),
      signal('u3', 9, { account_id: 'u-9' }),
      contract('u-1', 12),
    ]);
    await load('two', [signal('u1', 5, { account_id: 'u-0' })]);
    const undone = await undo(wrong.id);
    expect(undone).toMatchObject({ removed: 3, restored: 2, accounts: ['acme', 'u-1', 'u-9'] });
    expect(await values("id IN ('u1', 'u2', 'u3')")).toEqual(['u1=5', 'u2=1']);
    expect(
      await store.rows(
        `SELECT account_id, arr_minor FROM subscriptions WHERE account_id LIKE 'u-%' ORDER BY 1`,
      ),
    ).toEqual([
      { account_id: 'u-0', arr_minor: 100 },
      { account_id: 'u-1', arr_minor: 100 },
    ]);
    expect(await readLoad(store, wrong.id)).toMatchObject({
      ...{ status: 'undone', undoneBy: 'bob', undoneReason: 'wrong month' },
    });
    await expect(undo(wrong.id)).rejects.toThrow(/undone already/);
    // Imported anew, it comes in anew.
    const again = await load('two', [signal('u2', 9), signal('u3', 9)]);
    expect(again.load.counts).toMatchObject({ new: 1, corrected: 1, same: 0 });
  });

  test('leaves what also came from elsewhere: by another load, by messages, or before and after a failure', async () => {
    const batch = () => ['k1', 'k2', 'k3', 'k4'].map((id) => signal(id, 1));
    const [k1, k2, k3, k4] = batch();
    await writeBatch(store, [k1!]);
    const { load: first } = await load('kept', [k1!, k2!, k3!, k4!]);
    expect(first.counts).toMatchObject({ new: 3, same: 1 });
    await writeBatch(store, [signal('k2', 1)]);
    const { load: second } = await load('kept', [signal('k3', 1), signal('k5', 1)]);
    expect(await undo(first.id)).toMatchObject({ removed: 1, restored: 0, kept: 2 });
    const all = "id IN ('k1', 'k2', 'k3', 'k4', 'k5')";
    expect(await values(all)).toEqual(['k1=1', 'k2=1', 'k3=1', 'k5=1']);
    expect(await store.rows(`SELECT id FROM signals WHERE _load = '${first.id}'`)).toEqual([]);
    await undo(second.id);
    expect(await values(all)).toEqual(['k1=1', 'k2=1']);
  });

  test('brings nothing back that was retracted', async () => {
    await writeBatch(store, [signal('gone', 1)]);
    const { load: correcting } = await load('gone', [signal('gone', 2)]);
    await retract(store, { source: 'crm', id: 'gone' }, { reason: 'x', by: 'ada', now: clock() });
    await undo(correcting.id);
    expect(await values("id = 'gone'")).toEqual([]);
  });
});

describe('a file that was cut off', () => {
  const MAPPING = `source: log
files:
  - match: '*.csv'
    signals: [{ type: usage.made_up, account_id: cut, time: '{day}', value: '{n}' }]
`;
  const { mapping } = loadMapping('m.yaml', MAPPING);
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'perennial-cut-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  async function importText(text: string) {
    const path = join(folder, 'log.csv');
    writeFileSync(path, text);
    const source = importSource(mapping!, [path], { catalogue: EMPTY_CATALOGUE, clock });
    const plan = { kind: 'import', source: 'log', mapping: 'm.yaml', files: [path], by: 'ada' } as const;
    const { load } = await runLoad(store, plan, clock, async (write) =>
      source.run(async (batch) => void (await write(batch)), new AbortController().signal),
    );
    return load;
  }
  const shown = () =>
    store
      .rows<{ value: number }>("SELECT value FROM signals WHERE source = 'log' ORDER BY occurred_at, value")
      .then((rows) => rows.map(({ value }) => value));
  const day = (days: number) => new Date(NOW - days * DAY_MS).toISOString().slice(0, 10);
  const head = 'day,n\n';

  test('within its last cell is put right by the whole one, and by that alone', async () => {
    const rows = `${day(9)},10\n${day(8)},1`;
    await importText(`${head}${rows}`);
    // Not by another file, nor by one that has the same row there.
    await importText(`${head}${day(7)},20\n${day(6)},12\n`);
    await importText(`${head}${rows}`);
    expect(await shown()).toEqual([10, 1, 20, 12]);
    const whole = await importText(`${head}${rows}25\n${day(5)},7`);
    expect(whole.counts).toMatchObject({ new: 2, same: 1, withdrawn: 1 });
    expect(await shown()).toEqual([10, 125, 20, 12, 7]);
    await undo(whole.id);
    expect(await shown()).toEqual([10, 1, 20, 12]);
  });
});

describe('a load that replaces', () => {
  test('takes out what earlier imports of its source brought and it does not, and nothing else', async () => {
    await writeBatch(store, [signal('r-kafka', 1)]);
    await load('other', [signal('r-other', 1)]);
    await load('crm', [signal('r1', 1), signal('r2', 1), contract('r-a', 1), contract('r-b', 1)]);
    const replaced = await load('crm', [signal('r1', 1), signal('r3', 1), contract('r-a', 2)], {
      replace: true,
    });
    expect(replaced.load.counts).toMatchObject({ new: 1, same: 1, corrected: 1, withdrawn: 2 });
    const all = "id IN ('r-kafka', 'r-other', 'r1', 'r2', 'r3')";
    expect(await values(all)).toEqual(['r-kafka=1', 'r-other=1', 'r1=1', 'r3=1']);
    const left = () =>
      store.rows(`SELECT account_id AS a FROM subscriptions WHERE account_id LIKE 'r-%' ORDER BY a`);
    expect(await left()).toEqual([{ a: 'r-a' }]);
    await undo(replaced.load.id);
    expect(await values(all)).toEqual(['r-kafka=1', 'r-other=1', 'r1=1', 'r2=1']);
    expect(await left()).toEqual([{ a: 'r-a' }, { a: 'r-b' }]);
  });

  test('leaves what came from elsewhere, too', async () => {
    const ids = ['e1', 'e2', 'e3'];
    await load(
      'mine',
      ids.map((id) => signal(id, 1)),
    );
    await writeBatch(store, [signal('e1', 1)]);
    const { load: theirs } = await load('theirs', [signal('e2', 1)]);
    const all = "id IN ('e1', 'e2', 'e3')";
    const { load: replaced } = await load('mine', [signal('e4', 1)], { replace: true });
    expect(replaced.counts.withdrawn).toBe(1);
    expect(await values(all)).toEqual(['e1=1', 'e2=1']);
    await undo(theirs.id);
    await load('mine', [signal('e4', 1)], { replace: true });
    expect(await values(all)).toEqual(['e1=1']);
  });

  test('takes nothing out when it is empty, nor when rows were rejected: those may be what is missing', async () => {
    await load('careful', [signal('c1', 1)]);
    const { load: done, notReplaced } = await load('careful', [rejected()], { replace: true });
    expect(done.counts.withdrawn).toBe(0);
    expect(notReplaced).toMatch(/1 rows were rejected, so nothing was taken out/);
    const empty = await load('careful', [], { replace: true });
    expect(empty.notReplaced).toMatch(/brought no record, so nothing was taken out/);
    expect(await values("id = 'c1'")).toEqual(['c1=1']);
  });
});
