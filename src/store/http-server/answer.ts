import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { ClickHouseException, httpStatusOf } from '../engine/clickhouse-exception.js';
import type { EngineResult } from '../engine/engine-connection.js';
import { packedBlock } from './compressed-blocks.js';
import type { Encoding } from './http-query.js';

/** What every answer of the server says about itself. */
export interface ServerIdentity {
  readonly displayName: string;
  readonly timezone: string;
  readonly version: string;
}

/** Bytes of a result that are gathered before the answer begins: until then an error still has a status of its own. */
const HELD_BACK = 1_048_576;
const PIECE = 262_144;
/** A compressed block is hashed on the event loop: some 3 ms. */
const BLOCK = 65_536;
/** How often a growing result is looked at. */
const LOOK_MS = 5;

/** How a result goes out. */
export interface FileAnswer {
  readonly encoding: Encoding;
  /** In ClickHouse's own compressed blocks. */
  readonly blocks: boolean;
  readonly waitForEnd: boolean;
  /** How far the query is: asked when the answer begins before its end. */
  progress(): Promise<Progress | undefined>;
}

/** What an insert whose rows came with it has written. */
export interface Written {
  readonly rowsWritten: number;
  readonly bytesWritten: number;
}

export interface Progress {
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly rowsToRead: number;
}

/** One answer to one request, from its first header to its last byte. */
export class Answer {
  readonly #response: ServerResponse;
  readonly #identity: ServerIdentity;
  readonly #silentMs: number;
  readonly #started = process.hrtime.bigint();
  readonly #exceptionTag = randomBytes(8).toString('hex');

  /** `silentMs`: a caller that takes nothing for so long is cut off. */
  constructor(response: ServerResponse, identity: ServerIdentity, silentMs: number) {
    this.#silentMs = silentMs;
    this.#response = response;
    this.#identity = identity;
    response.setHeader('X-ClickHouse-Server-Display-Name', identity.displayName);
  }

  describe(queryId: string, format: string | undefined, timezone: string | undefined): void {
    this.#response.setHeader('X-ClickHouse-Query-Id', headerSafe(queryId));
    this.#response.setHeader('X-ClickHouse-Timezone', headerSafe(timezone ?? this.#identity.timezone));
    if (format === undefined) return;
    this.#response.setHeader('X-ClickHouse-Format', headerSafe(format));
    this.#response.setHeader('Content-Type', contentType(format));
  }

  /** Sends an answer that no query has made. */
  bytes(bytes: Uint8Array, blocks: boolean): void {
    const sending = blocks ? packedBlock(bytes) : Buffer.from(bytes);
    this.#response.setHeader('Content-Length', sending.length);
    this.#response.end(sending);
  }

  /** Sends what is in memory. */
  small(result: Pick<EngineResult, 'bytes'> & Partial<Written>): void {
    const { rowsWritten, bytesWritten } = result;
    const written =
      rowsWritten === undefined ? {} : { written_rows: rowsWritten, written_bytes: bytesWritten };
    this.#response.setHeader('X-ClickHouse-Summary', this.#summary(written));
    this.#response.setHeader('Content-Length', result.bytes.length);
    this.#response.end(Buffer.from(result.bytes));
  }

  /**
   * Sends a result that the engine is writing to a file: at once when it is small, else as it grows and as fast as the
   * caller takes it.
   */
  async file(path: string, running: Promise<EngineResult>, options: FileAnswer): Promise<void> {
    const response = this.#response;
    let result: EngineResult | undefined;
    const ended = running.then((value) => {
      result = value;
    });
    ended.catch(() => {});
    const look = async (): Promise<number> => {
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, LOOK_MS))]);
      return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    };
    // Nothing is sent yet: an error here gets a status and a clean body.
    while (result === undefined) {
      if ((await look()) >= HELD_BACK && !options.waitForEnd) break;
    }
    const summary = result ?? (await options.progress());
    if (summary !== undefined)
      response.setHeader('X-ClickHouse-Summary', this.#summary(readSummary(summary)));
    response.setHeader('Vary', 'Accept-Encoding');
    if (options.encoding !== 'none') response.setHeader('Content-Encoding', options.encoding);
    if (result !== undefined) {
      if (!options.blocks)
        response.setHeader('Content-Length', statSync(path, { throwIfNoEntry: false })?.size ?? 0);
    } else response.setHeader('X-ClickHouse-Exception-Tag', this.#exceptionTag);
    try {
      const from = openExisting(path);
      try {
        for (;;) {
          const whole = result !== undefined;
          const size = options.blocks ? BLOCK : PIECE;
          const piece = Buffer.allocUnsafe(size);
          const bytes = from === undefined ? 0 : readSync(from, piece, 0, size, null);
          if (bytes === 0) {
            if (whole) break;
            await look();
          } else if (!response.write(sent(piece.subarray(0, bytes), options.blocks)))
            await drained(response, this.#silentMs);
          if (response.destroyed) return;
        }
      } finally {
        if (from !== undefined) closeSync(from);
      }
      response.end();
    } catch (thrown) {
      await this.#failMidway(ClickHouseException.from(thrown), options.encoding !== 'none' || options.blocks);
    }
  }

  /** Sends an error with its status. */
  fail(exception: ClickHouseException): void {
    const response = this.#response;
    if (response.destroyed) return;
    const text = exception.toText(this.#identity.version);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    for (const name of ['Content-Encoding', 'Content-Length', 'Vary']) response.removeHeader(name);
    response.statusCode = httpStatusOf(exception.code);
    response.setHeader('X-ClickHouse-Exception-Code', exception.code);
    response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
    if (response.statusCode === 401) response.setHeader('WWW-Authenticate', 'Basic realm="ClickHouse"');
    response.end(text);
  }

  /**
   * The status is gone already. As ClickHouse does since 25.11: the error as a framed text at the end, then the connection
   * is cut before the last chunk, so that no client takes the result for a whole one. In a compressed stream there is no
   * place for a text, so only the cut remains.
   */
  async #failMidway(exception: ClickHouseException, packed: boolean): Promise<void> {
    const response = this.#response;
    if (!response.destroyed && !packed) {
      const text = exception.toText(this.#identity.version);
      const tag = this.#exceptionTag;
      const frame = `\r\n__exception__\r\n${tag}\r\n${text}${Buffer.byteLength(text)} ${tag}\r\n__exception__\r\n`;
      await new Promise<void>((resolve) => {
        response.once('close', resolve);
        response.write(frame, () => resolve());
      });
      // end() on the socket lets what was written arrive; destroy() could drop it.
      response.socket?.end();
      return;
    }
    response.destroy();
  }

  /** Only what is known: a number that the engine does not tell, such as the rows of an INSERT ... SELECT, is left out. */
  #summary(known: Readonly<Record<string, number | undefined>>): string {
    const numbers = Object.entries(known).map(([name, value]) => [name, String(value)]);
    const elapsed = String(process.hrtime.bigint() - this.#started);
    return JSON.stringify({ ...Object.fromEntries(numbers), elapsed_ns: elapsed });
  }
}

function readSummary(known: EngineResult | Progress): Record<string, number> {
  const total = 'rowsToRead' in known ? { total_rows_to_read: known.rowsToRead } : {};
  return { read_rows: known.rowsRead, read_bytes: known.bytesRead, ...total };
}

function sent(piece: Buffer, blocks: boolean): Buffer {
  return blocks ? packedBlock(piece) : piece;
}

/** Until the caller has taken what was sent. One that takes nothing for long is cut off: its result costs disk. */
async function drained(response: ServerResponse, silentMs: number): Promise<void> {
  if (response.destroyed) return;
  const done = new AbortController();
  const silent = setTimeout(() => response.destroy(), silentMs);
  await Promise.race([
    once(response, 'drain', { signal: done.signal }),
    once(response, 'close', { signal: done.signal }),
  ])
    .catch(() => {})
    .finally(() => {
      clearTimeout(silent);
      done.abort();
    });
}

/** `FORMAT Null` writes no file at all. */
function openExisting(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false }) === undefined ? undefined : openSync(path, 'r');
}

function headerSafe(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

function contentType(format: string): string {
  if (/^(JSON|JSONCompact|JSONStrings|JSONColumns\w*|JSONCompactColumns|JSONObjectEachRow)$/.test(format)) {
    return 'application/json; charset=UTF-8';
  }
  if (/EachRow/.test(format)) return 'application/x-ndjson; charset=UTF-8';
  if (/^(TabSeparated|TSV)/.test(format)) return 'text/tab-separated-values; charset=UTF-8';
  if (/^CSV/.test(format)) return 'text/csv; charset=UTF-8; header=present';
  if (/^(Native|RowBinary|Parquet|ORC|Avro|MsgPack|BSONEachRow|Arrow)/.test(format)) {
    return format === 'ArrowStream' ? 'application/vnd.apache.arrow.stream' : 'application/octet-stream';
  }
  if (/^XML/.test(format)) return 'application/xml; charset=UTF-8';
  return 'text/plain; charset=UTF-8';
}
