import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { loadMapping } from '../../src/ingest/import/mapping.js';
import { importSource } from '../../src/ingest/import-source.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { context } from '../signals/forms.js';
import { projectFile } from '../support/project.js';

/** Where the public data sets lie, which are never copied into the project. */
const DATA = [
  process.env.PERENNIAL_EXAMPLE_DATA,
  projectFile('../shared/data'),
  projectFile('../../shared/data'),
].find((path) => path !== undefined && path !== '' && existsSync(join(path, 'ravenstack')));

const examples = readdirSync(projectFile('examples'), { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.yaml'),
);

test.each(examples)('examples/%s is a valid mapping', (path) => {
  expect(loadMapping(path, readFileSync(projectFile(`examples/${path}`), 'utf8')).problems).toEqual([]);
});

/** Rows of a simple CSV file as objects, read in a way of its own: it must have no delimiter or line end in a cell. */
function rowsOf(path: string, delimiter = ','): Record<string, string>[] {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
  const [head, ...lines] = text.split(/\r?\n/).filter((line) => line !== '');
  const cells = (line: string) => line.split(delimiter).map((cell) => cell.replaceAll('"', ''));
  const names = cells(head!);
  return lines.map((line) => Object.fromEntries(cells(line).map((cell, i) => [names[i]!, cell])));
}

interface Counts {
  readonly [kind: string]: number;
}

async function run(example: string, ...files: string[]) {
  const { mapping } = loadMapping(example, readFileSync(projectFile(`examples/${example}`), 'utf8'));
  const paths = files.map((file) => join(DATA!, file));
  const source = importSource(mapping!, paths, { ...context(), clock: () => Date.UTC(2025, 5, 1) });
  const all: Delivery[] = [];
  await source.run(async (batch) => void all.push(...batch), new AbortController().signal);
  const counts: Record<string, number> = {};
  const identities = new Set<string>();
  for (const { record } of all) {
    const kind =
      record.kind === 'signal'
        ? record.signal.type
        : record.kind === 'outcome'
          ? record.outcome.kind
          : record.kind === 'subscription'
            ? `subscription ${record.subscription.status}`
            : record.kind === 'rejection'
              ? `rejected ${record.rejection.reason}`
              : record.kind;
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (record.kind === 'signal') identities.add(`signal ${record.signal.id}`);
    if (record.kind === 'outcome') identities.add(`outcome ${record.outcome.id}`);
  }
  return { all, counts: counts as Counts, identities };
}

const count = (rows: readonly Record<string, string>[], test: (row: Record<string, string>) => boolean) =>
  rows.filter(test).length;

if (DATA === undefined) {
  console.warn(
    'The example data sets are not here, so their imports are not tested. PERENNIAL_EXAMPLE_DATA names their folder.',
  );
}

describe.runIf(DATA !== undefined)('the example mapping of', () => {
  test('ravenstack turns every row of the five tables into what its columns say', async () => {
    const tables = ['accounts', 'churn_events', 'feature_usage', 'subscriptions', 'support_tickets'];
    const files = tables.map((table) => `ravenstack/ravenstack_${table}.csv`);
    const [, churn, usage, subscriptions, tickets] = files.map((path) => rowsOf(join(DATA!, path)));
    const { all, counts, identities } = await run('ravenstack/mapping.yaml', ...files);

    const ended = count(subscriptions!, (row) => row.end_date !== '');
    const churned = count(subscriptions!, (row) => row.churn_flag === 'TRUE');
    const left = count(churn!, (row) => row.is_reactivation === 'FALSE');
    expect(counts).toEqual({
      feature_used: usage!.length,
      error_experienced: count(usage!, (row) => Number(row.error_count) > 0),
      'subscription active': count(subscriptions!, (row) => row.is_trial === 'FALSE'),
      'subscription trialing': count(subscriptions!, (row) => row.is_trial === 'TRUE'),
      'subscription ended': ended,
      churned: churned + left,
      refund_or_credit: count(
        churn!,
        (row) => row.is_reactivation === 'FALSE' && Number(row.refund_amount_usd) > 0,
      ),
      ticket_opened: tickets!.length,
      ticket_solved: count(tickets!, (row) => row.closed_at !== ''),
      escalated: count(tickets!, (row) => row.escalation_flag === 'TRUE'),
      csat_response: count(tickets!, (row) => row.satisfaction_score !== ''),
    });
    expect([usage!.length, subscriptions!.length, ended, churned]).toEqual([25_000, 5_000, 486, 486]);
    // No two records share an identity, though 21 usage ids stand twice in the export.
    expect(identities.size).toBe(all.filter(({ record }) => record.kind !== 'subscription').length);

    const accountOf = new Map(subscriptions!.map((row) => [row.subscription_id, row.account_id]));
    const uses = all.flatMap(({ record }) =>
      record.kind === 'signal' && record.signal.type === 'feature_used' ? [record.signal] : [],
    );
    expect(uses.map(({ accountId }) => accountId)).toEqual(
      usage!.map((row) => accountOf.get(row.subscription_id!)),
    );
    expect(uses.map(({ value }) => value)).toEqual(usage!.map((row) => Number(row.usage_count)));
  });

  test('telco places every customer on the calendar by its convention', async () => {
    const rows = rowsOf(join(DATA!, 'telco_ibm/Telco-Customer-Churn.csv'));
    const { all, counts } = await run('telco/mapping.yaml', 'telco_ibm/Telco-Customer-Churn.csv');
    const churned = count(rows, (row) => row.Churn === 'Yes');
    expect(counts).toEqual({ 'subscription active': rows.length, churned });
    expect([rows.length, churned]).toEqual([7_043, 1_869]);

    const contracts = all.flatMap(({ record }) =>
      record.kind === 'subscription' ? [record.subscription] : [],
    );
    contracts.forEach((contract, i) => {
      const row = rows[i]!;
      const start = Date.UTC(2024, -Number(row.tenure), 1);
      const term = row.Contract === 'Month-to-month' ? 1 : row.Contract === 'One year' ? 12 : 24;
      const terms = Math.floor(Number(row.tenure) / term) + 1;
      expect(contract.start).toBe(start);
      expect(contract.renewal).toBe(Date.UTC(2024, terms * term - Number(row.tenure), 1));
      expect(contract.arrMinor).toBe(Math.round(Number(row.MonthlyCharges) * 100) * 12);
    });
  });

  test('platform365 turns every row of the three tables into a signal of its own', async () => {
    const files = ['engagement', 'info', 'purchases'].map((table) => `platform365/student_${table}.csv`);
    const [engagement, info, purchases] = files.map((path) => rowsOf(join(DATA!, path), ';'));
    const { counts, identities } = await run('platform365/mapping.yaml', ...files);
    expect(counts).toEqual({
      core_action_completed: engagement!.length,
      milestone_reached: info!.length,
      invoice_paid: purchases!.length,
    });
    expect(identities.size).toBe(74_246 + 40_979 + 5_922);
  });

  test('the event log keeps every event', async () => {
    const path = 'platform365/mapped/events.csv.gz';
    const rows = rowsOf(join(DATA!, path));
    const { counts, identities } = await run('platform365/events.yaml', path);
    expect(counts).toEqual({
      core_action_completed: count(rows, (row) => row.signal === 'watched_day'),
      invoice_paid: count(rows, (row) => row.signal === 'payment_succeeded'),
      milestone_reached: count(rows, (row) => row.signal === 'signed_up'),
    });
    // Two events that are equal in every column are one signal: nothing tells them apart.
    expect(identities.size).toBe(new Set(rows.map((row) => JSON.stringify(row))).size);
  });
});
