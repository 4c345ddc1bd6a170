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
import type { Week } from './live-weeks.js';

export interface Business {
  readonly accounts: number;
  readonly seed: number;
  readonly end: Millis;
}

const DAYS = 365;

/**
 * Simulates a year and takes it in as it would arrive: as JSON messages that are read, checked and stored in batches. Each of `weeks` is
 * lived through once everything that had arrived by then is stored. `seconds` is the time without them.
 */
export async function ingestBusiness(
  terminal: Terminal,
  store: Store,
  catalogue: SignalCatalogue,
  business: Business,
  weeks: readonly Week[],
): Promise<{ messages: number; seconds: number }> {
  const { records, period } = simulate({ ...business, days: DAYS });
  const tell = progress(terminal, 'Simulating and ingesting a year');
  const batcher = new Batcher(async (batch) => {
    await writeBatch(store, batch);
  });
  const started = performance.now();
  let lived = 0;
  let messages = 0;
  const ahead = [...weeks];
  const liveUntil = async (time: Millis): Promise<void> => {
    for (let week = ahead[0]; week !== undefined && week.at <= time; week = ahead[0]) {
      await batcher.finish();
      const from = performance.now();
      await week.live();
      lived += performance.now() - from;
      ahead.shift();
    }
  };
  for (const item of records()) {
    const { receivedAt } = item;
    await liveUntil(receivedAt);
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
  await liveUntil(business.end);
  // One that nobody can read: real producers send such, too.
  const body = Buffer.from('{"type": "usage.feature_used", "id": ');
  const receivedAt = business.end - 1;
  batcher.add(
    {
      record: parseMessage({ body }, 'any', { receivedAt, catalogue }),
      origin: { topic: 'demo', partition: -1, offset: ++messages },
      receivedAt,
    },
    body.length,
  );
  await batcher.finish();
  tell(1, `${messages.toLocaleString('en-US')} messages`);
  return { messages, seconds: (performance.now() - started - lived) / 1000 };
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
