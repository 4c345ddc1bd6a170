import { statSync } from 'node:fs';
import { basename } from 'node:path';
import type { Clock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { formatProblem } from '../core/problem.js';
import type { SignalCatalogue } from '../signals/catalogue.js';
import { Fault } from '../signals/fault.js';
import type { ParseContext, Parsed } from '../signals/parsed.js';
import { OUTCOMES } from '../store/outcome-log.js';
import { keyHash } from '../store/record-hash.js';
import { SIGNALS } from '../store/signal-log.js';
import { SUBSCRIPTIONS } from '../store/subscription-log.js';
import { Batcher } from './batcher.js';
import { Expressions } from './import/expressions.js';
import { JoinedRow, type Joins, loadJoins } from './import/join.js';
import { type Mapping, unknownColumns } from './import/mapping.js';
import type { FileMapping } from './import/mapping-schema.js';
import { Notices } from './import/notices.js';
import { openRows } from './import/open-rows.js';
import { RecordWriter } from './import/records.js';
import type { ReadRow } from './import/row.js';
import { RowProblems } from './import/row-problems.js';
import type { Delivery, SignalSource } from './signal-source.js';

export interface ImportOptions {
  readonly catalogue: SignalCatalogue;
  readonly clock: Clock;
  /** Rows of one batch. @default LIMITS.batchRows */
  readonly batchRows?: number;
}

/** What became of the rows of one file. */
export interface FileReport {
  readonly path: string;
  rows: number;
  /** Rows that `skip` left out. */
  skipped: number;
  /** Rows that no record applied to, or whose list of rows is empty. */
  unused: number;
  /** Rows of whose type or kind the mapping makes nothing. */
  leftOut: number;
  /** Rows that were rejected, whole. */
  rejected: number;
  signals: number;
  subscriptions: number;
  outcomes: number;
}

/** An import as a source. `report` counts while it runs. */
export interface ImportSource extends SignalSource {
  readonly report: readonly FileReport[];
  /** Rejected rows by what is wrong with them. */
  readonly problems: RowProblems;
  /** What went in and is probably not meant. */
  readonly notices: Notices;
}

/**
 * Files in forms of their own, read by a mapping. Checks first that every file has the columns that the mapping names; then
 * delivers records file by file, a row whole or not at all, and rejected rows with their line. A file's path as given is
 * the topic, a row's first line the offset.
 *
 * Throws `invalid_argument` when a path matches no file of the mapping. `run` rejects with `invalid_file` and every problem.
 */
export function importSource(
  mapping: Mapping,
  paths: readonly string[],
  options: ImportOptions,
): ImportSource {
  const tasks = paths.map((path) => taskOf(mapping, path));
  const pathsOf = (file: FileMapping) => tasks.filter((task) => task.file === file).map(({ path }) => path);
  const problems = new RowProblems();
  const notices = new Notices(options.catalogue);
  return {
    problems,
    notices,
    name: `import:${mapping.file.path}`,
    report: tasks.map(({ report }) => report),
    async run(deliver, signal) {
      const batcher = new Batcher(deliver, options.batchRows);
      try {
        const importedAt = options.clock();
        await checkColumns(mapping, tasks, signal);
        const joins = await loadJoins(mapping, pathsOf, signal);
        for (const task of tasks) {
          const snapshot = { import: importedAt, file: Math.floor(statSync(task.path).mtimeMs) };
          const expressions = new Expressions(mapping.data, snapshot);
          const writer = new RecordWriter(task.file, mapping.data.source, expressions);
          const { rows } = await openRows(task.path, task.file, mapping.data, signal);
          for await (const group of rows) {
            // Where reading was stopped, the last row may be the beginning of one.
            if (signal.aborted) break;
            const context = { receivedAt: options.clock(), catalogue: options.catalogue };
            for (const read of group) {
              for (const record of recordsOf(read, task, writer, joins, context, problems)) {
                notice(notices, record);
                batcher.add(deliveryOf(record, read, task, mapping, context), read.raw.length);
              }
              if (batcher.full) await batcher.flush();
            }
          }
        }
      } catch (thrown) {
        // A file that an abort cut off may end anywhere, and does not look right then.
        if (!signal.aborted) throw thrown;
      }
      await batcher.finish();
    },
  };
}

interface Task {
  readonly path: string;
  readonly file: FileMapping;
  readonly index: number;
  readonly report: FileReport;
}

function taskOf(mapping: Mapping, path: string): Task {
  const { files } = mapping.data;
  const index = files.findIndex(({ match }) => globOf(match).test(basename(path)));
  const file = files[index];
  if (file === undefined) {
    throw new PerennialError('invalid_argument', `No file of the mapping matches ${path}.`, {
      hint: `The mapping knows ${files.map(({ match }) => match).join(', ')}.`,
    });
  }
  const report = {
    path,
    rows: 0,
    skipped: 0,
    unused: 0,
    leftOut: 0,
    rejected: 0,
    signals: 0,
    subscriptions: 0,
    outcomes: 0,
  };
  return { path, file, index, report };
}

/** A name in which * stands for any characters and ? for one. */
function globOf(match: string): RegExp {
  const pattern = match
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`);
}

async function checkColumns(mapping: Mapping, tasks: readonly Task[], signal: AbortSignal): Promise<void> {
  const problems = [];
  for (const { path, file, index } of tasks) {
    const { columns, close } = await openRows(path, file, mapping.data, signal);
    await close();
    if (columns !== null) problems.push(...unknownColumns(mapping, index, columns));
  }
  if (problems.length === 0) return;
  throw new PerennialError(
    'invalid_file',
    `The mapping does not fit:\n${problems.map(formatProblem).join('\n')}`,
    {
      hint: 'Correct the mapping; nothing was imported.',
    },
  );
}

function recordsOf(
  read: ReadRow,
  { file, report }: Task,
  writer: RecordWriter,
  joins: Joins,
  context: ParseContext,
  problems: RowProblems,
): readonly Parsed[] {
  report.rows++;
  try {
    if (read.row instanceof Fault) throw read.row;
    if (read.isBare === true) {
      report.unused++;
      return [];
    }
    const row = file.join === undefined ? read.row : new JoinedRow(read.row, file, joins);
    if (writer.skips(row)) {
      report.skipped++;
      return [];
    }
    const { records, leftOut } = writer.write(row, read.content, context);
    if (records.length === 0) report[leftOut > 0 ? 'leftOut' : 'unused']++;
    for (const { kind } of records) report[`${kind}s`]++;
    return records;
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    report.rejected++;
    problems.add(report.path, read.line, thrown);
    const { reason, detail, field } = thrown;
    return [{ kind: 'rejection', rejection: { reason, detail, field, id: '', raw: read.raw } }];
  }
}

function notice(notices: Notices, record: Parsed): void {
  switch (record.kind) {
    case 'signal': {
      const { signal } = record;
      notices.signal(signal);
      notices.identity(
        keyHash(SIGNALS.identityOf(signal)),
        SIGNALS.contentOf(signal),
        `${signal.source} ${signal.id}`,
      );
      break;
    }
    case 'outcome': {
      const { outcome } = record;
      notices.identity(
        keyHash(OUTCOMES.identityOf(outcome)),
        OUTCOMES.contentOf(outcome),
        `${outcome.source} ${outcome.id}`,
      );
      break;
    }
    case 'subscription': {
      const { subscription } = record;
      const time = new Date(subscription.occurredAt).toISOString();
      notices.identity(
        keyHash(SUBSCRIPTIONS.identityOf(subscription)),
        SUBSCRIPTIONS.contentOf(subscription),
        `${subscription.accountId} ${subscription.subscriptionId} at ${time}`,
      );
      break;
    }
    default:
  }
}

function deliveryOf(
  record: Parsed,
  read: ReadRow,
  task: Task,
  mapping: Mapping,
  context: ParseContext,
): Delivery {
  const origin = { topic: task.path, partition: -1, offset: read.line };
  const receivedAt = mapping.data.received === 'occurred' ? occurredAt(record, context) : context.receivedAt;
  // Of two imports the later one holds, also where both count their records as received in the past.
  const row = { raw: read.raw, isLast: read.isLast };
  return { record, origin, receivedAt, arrivedAt: context.receivedAt, row };
}

function occurredAt(record: Parsed, context: ParseContext): number {
  switch (record.kind) {
    case 'signal':
      return record.signal.occurredAt;
    case 'subscription':
      return record.subscription.occurredAt;
    case 'outcome':
      return record.outcome.occurredAt;
    case 'tombstone':
    case 'retraction':
    case 'rejection':
      return context.receivedAt;
  }
}
