import type { Millis } from '../../src/core/clock.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { parseMessage } from '../../src/signals/parse.js';
import { context, iso, json } from '../signals/forms.js';
import { END } from '../support/business.js';

let offset = 0;

/** A signal as a producer sends it, received when it happened. */
export function sentSignal(account: string, type: string, time: Millis, more: object = {}): Delivery {
  offset++;
  const body = { id: `s${offset}`, source: 'test', type, account_id: account, time: iso(time), ...more };
  return {
    record: parseMessage(json(body), 'any', { ...context(), receivedAt: END }),
    origin: { topic: 'test', partition: 0, offset },
    receivedAt: time,
  };
}
