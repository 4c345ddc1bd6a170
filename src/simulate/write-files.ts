import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { DAY_MS } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { makeFolder } from '../core/make-folder.js';
import { plainOutcome, plainSubscription } from '../signals/serialise.js';
import type { SimulatedRecord } from './outbox.js';
import type { Simulation } from './simulate.js';
import { signalMessage } from './wire.js';

/** How many lines went into each file. */
export interface SimulationCounts {
  readonly signals: number;
  readonly subscriptions: number;
  readonly outcomes: number;
  readonly truth: number;
}

export const SIMULATION_FILES = {
  signals: 'signals.ndjson',
  subscriptions: 'subscriptions.ndjson',
  outcomes: 'outcomes.ndjson',
  truth: 'truth.ndjson',
} as const;
type FileKey = keyof typeof SIMULATION_FILES;

/** Characters gathered before they are written. */
const CHUNK = 1 << 20;

/**
 * Writes a simulation as NDJSON files into `directory`, which is made if need be. Files get their names only when all
 * are complete, so that an interrupted run leaves none that look whole; existing ones are replaced.
 * @param onProgress called with the share of the days that are done, in [0, 1], at most once a simulated day
 * @throws PerennialError `failed_precondition` when the directory can't be written to
 */
export async function writeSimulation(
  simulation: Simulation,
  directory: string,
  onProgress: (done: number, counts: SimulationCounts) => void = () => undefined,
): Promise<SimulationCounts> {
  const writers = await openAll(directory);
  const counts = () => ({
    signals: writers.signals.lines,
    subscriptions: writers.subscriptions.lines,
    outcomes: writers.outcomes.lines,
    truth: writers.truth.lines,
  });
  try {
    const { start, days } = simulation.period;
    let today = 0;
    for (const { record, receivedAt } of simulation.records()) {
      const day = Math.floor((receivedAt - start) / DAY_MS);
      if (day > today) {
        today = day;
        onProgress(day / days, counts());
      }
      // Awaited only when a chunk is full: a turn of the event loop's queue per line would cost more than the line.
      const writing = writeRecord(writers, record);
      if (writing !== undefined) await writing;
    }
    for (const truth of simulation.truth()) await writers.truth.line(truth);
    for (const writer of Object.values(writers)) await writer.finish();
  } catch (thrown) {
    for (const writer of Object.values(writers)) await writer.abandon();
    throw notWritable(directory, thrown);
  }
  onProgress(1, counts());
  return counts();
}

function writeRecord(
  writers: Record<FileKey, LineWriter>,
  record: SimulatedRecord['record'],
): Promise<void> | undefined {
  switch (record.kind) {
    case 'signal':
      return writers.signals.line(signalMessage(record.signal));
    case 'subscription':
      return writers.subscriptions.line(plainSubscription(record.subscription));
    case 'outcome':
      return writers.outcomes.line(plainOutcome(record.outcome));
  }
}

class LineWriter {
  lines = 0;
  #gathered = '';
  constructor(
    readonly path: string,
    readonly file: FileHandle,
  ) {}

  /** Returns a promise only when a chunk is full and being written. */
  line(value: object): Promise<void> | undefined {
    this.lines += 1;
    this.#gathered += `${JSON.stringify(value)}\n`;
    return this.#gathered.length < CHUNK ? undefined : this.#flush();
  }

  async finish(): Promise<void> {
    await this.#flush();
    await this.file.close();
    await rename(partial(this.path), this.path);
  }

  async abandon(): Promise<void> {
    await this.file.close().catch(() => undefined);
  }

  async #flush(): Promise<void> {
    const text = this.#gathered;
    this.#gathered = '';
    await this.file.appendFile(text);
  }
}

async function openAll(directory: string): Promise<Record<FileKey, LineWriter>> {
  const writer = async (key: FileKey) => {
    const path = join(directory, SIMULATION_FILES[key]);
    return new LineWriter(path, await open(partial(path), 'w'));
  };
  try {
    makeFolder(directory);
    return {
      signals: await writer('signals'),
      subscriptions: await writer('subscriptions'),
      outcomes: await writer('outcomes'),
      truth: await writer('truth'),
    };
  } catch (thrown) {
    throw notWritable(directory, thrown);
  }
}

function partial(path: string): string {
  return `${path}.partial`;
}

function notWritable(directory: string, thrown: unknown): PerennialError {
  const code = (thrown as NodeJS.ErrnoException).code;
  if (code === undefined) return PerennialError.from(thrown);
  return new PerennialError('failed_precondition', `Can't write to ${directory} (${code}).`, {
    hint: 'Give a directory that can be made and written to with --out.',
    cause: thrown,
  });
}
