import { DAY_MS, type Millis } from '../../core/clock.js';
import { writeBatch } from '../../ingest/batch-writer.js';
import { Batcher } from '../../ingest/batcher.js';
import type { SignalCatalogue } from '../../signals/catalogue.js';
import { parseMessage } from '../../signals/parse.js';
import { plainOutcome, plainSubscription } from '../../signals/serialise.js';
import type { SimulatedRecord } from '../../simulate/outbox.js';
import { simulate } from '../../simulate/simulate.js';
import { signalMessage } from '../../simulate/wire.js';
import type { Store } from '../../store/store.js';
import { progress } from '../progress.js';
import type { Terminal } from '../terminal.js';

export interface Business {
  readonly accounts: number;
  readonly seed: number;
  readonly end: Millis;
}

const DAYS = 365;

/** Simulates a year and takes it in as it would arrive: as JSON messages that are read, checked and stored in batches. */
export async function ingestBusiness(
  terminal: Terminal,
  store: Store,
  catalogue: SignalCatalogue,
  business: Business,
): Promise<{ messages: number; seconds: number }> {
  const { records, period } = simulate({ ...business, days: DAYS });
  const tell = progress(terminal, 'Simulating and ingesting a year');
  const batcher = new Batcher(async (batch) => {
    await writeBatch(store, batch);
  });
  const started = performance.now();
  let messages = 0;
  for (const item of records()) {
    const { receivedAt } = item;
    const body = Buffer.from(JSON.stringify(messageOf(item)));
    const record = parseMessage({ body }, 'any', { receivedAt, catalogue });
    batcher.add(
      { record, origin: { topic: 'demo', partition: -1, offset: ++messages }, receivedAt },
      body.length,
    );
    if (!batcher.full) continue;
    await batcher.flush();
    tell((receivedAt - period.start) / (DAYS * DAY_MS), `${messages.toLocaleString('en-US')} messages`);
  }
  await batcher.finish();
  tell(1, `${messages.toLocaleString('en-US')} messages`);
  return { messages, seconds: (performance.now() - started) / 1000 };
}

function messageOf({ record }: SimulatedRecord): object {
  switch (record.kind) {
    case 'signal':
      return signalMessage(record.signal);
    case 'subscription':
      return plainSubscription(record.subscription);
    case 'outcome':
      return plainOutcome(record.outcome);
  }
}
