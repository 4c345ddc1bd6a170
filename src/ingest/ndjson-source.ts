import type { Readable } from 'node:stream';
import type { Clock } from '../core/clock.js';
import { LIMITS } from '../core/limits.js';
import type { SignalCatalogue } from '../signals/catalogue.js';
import { parseMessage } from '../signals/parse.js';
import type { Parsed } from '../signals/parsed.js';
import { Batcher } from './batcher.js';
import { readInputFile, readStream } from './input-file.js';
import { isBlank, type Line, readLines } from './lines.js';
import type { SignalSource } from './signal-source.js';

export interface NdjsonOptions {
  readonly catalogue: SignalCatalogue;
  readonly clock: Clock;
  /** Rows of one batch. @default LIMITS.batchRows */
  readonly batchRows?: number;
}

/**
 * Signals, subscriptions and outcomes from a file, one JSON object a line, unpacked when it ends in `.gz`. Each line says
 * itself what it is (`docs/signals.md`, "Which is which"). A line's number is its offset, the path its topic.
 */
export function ndjsonFileSource(path: string, options: NdjsonOptions): SignalSource {
  return ndjsonSource(path, (signal) => readInputFile(path, signal), options);
}

/** The same from a stream, such as stdin. Unlike a file it can be run once only. */
export function ndjsonStreamSource(name: string, stream: Readable, options: NdjsonOptions): SignalSource {
  return ndjsonSource(name, (signal) => readStream(stream, signal), options);
}

function ndjsonSource(
  topic: string,
  open: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
  { catalogue, clock, batchRows }: NdjsonOptions,
): SignalSource {
  return {
    name: `file:${topic}`,
    async run(deliver, signal) {
      const batcher = new Batcher(deliver, batchRows);
      for await (const lines of readLines(open(signal), LIMITS.messageBytes)) {
        if (signal.aborted) break;
        const receivedAt = clock();
        for (const line of lines) {
          if (isBlank(line)) continue;
          const record = recordOf(line, { receivedAt, catalogue });
          const origin = { topic, partition: -1, offset: line.number };
          batcher.add({ record, origin, receivedAt }, line.bytes.length);
          if (batcher.full) await batcher.flush();
        }
      }
      await batcher.finish();
    },
  };
}

function recordOf(line: Line, context: Parameters<typeof parseMessage>[2]): Parsed {
  if (!line.cut) return parseMessage({ body: line.bytes }, 'any', context);
  const detail = `The line is longer than ${LIMITS.messageBytes} bytes: split it.`;
  return {
    kind: 'rejection',
    rejection: { reason: 'too_large', detail, field: '', id: '', raw: line.bytes },
  };
}
