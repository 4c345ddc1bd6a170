import { createReadStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { LIMITS } from '../../core/limits.js';
import type { Admission } from '../engine/admission.js';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { EngineConnection } from '../engine/engine-connection.js';
import { readStatement, type StatementText } from '../engine/sql-text.js';
import { quoteText } from '../sql-quote.js';
import { unpackedBlocks } from './compressed-blocks.js';
import type { Encoding, HttpQuery } from './http-query.js';
import { RequestBody } from './request-body.js';
import type { Spool, SpoolFile } from './spool.js';
import type { Rows } from './statement-runner.js';

/** A request as far as the engine cares: one statement, and the rows beside it if it is an INSERT that wants some. */
export interface Incoming {
  readonly sql: string;
  readonly statement: StatementText;
  readonly rows: Rows | undefined;
  /** Removes what lies in the spool. */
  discard(): void;
}

interface Parts {
  readonly open: () => EngineConnection;
  readonly spool: Spool;
  readonly admission: Admission;
  readonly maxBodyBytes: number;
  readonly caller: AbortSignal;
}

/**
 * Puts URL and body together, as a server does: the statement begins in the URL, if there is one, and goes on in the body.
 * Rows of an INSERT are never taken for text. Throws when the body is too large or not what its encoding says.
 */
export async function readIncoming(
  request: IncomingMessage,
  query: HttpQuery,
  parts: Parts,
): Promise<Incoming> {
  const files: SpoolFile[] = [];
  const discard = () => {
    for (const file of files) file.remove();
  };
  const newFile = () => {
    const file = parts.spool.file();
    files.push(file);
    return file;
  };
  const sent = new RequestBody(query.requestBlocks ? Readable.from(unpackedBlocks(request)) : request);
  try {
    if (query.hasForm) return fromForm(query, discard);
    const fromUrl = readStatement(query.sql);
    if (fromUrl.rowsFollow) {
      const inline = Buffer.from(query.sql.slice(fromUrl.rowsAt));
      const rows = await readRows(sent, 0, inline, query.requestEncoding, newFile, parts);
      return { sql: query.sql.slice(0, fromUrl.rowsAt), statement: fromUrl, rows, discard };
    }
    let body = sent;
    const unpack = UNPACKERS[query.requestEncoding];
    if (unpack !== undefined) body = new RequestBody(Readable.from(unpacked(sent.from(0), unpack())));
    else if (query.requestEncoding !== 'none') {
      const file = await decoded(body, query.requestEncoding, newFile, parts);
      body = new RequestBody(createReadStream(file.path));
    }
    const before = query.sql === '' ? '' : `${query.sql}\n`;
    const most = maxQueryBytes(query);
    const { bytes, ended } = await body.head(most + 1);
    // As latin1 each character is a byte, so that places in the text are places in the body.
    const head = Buffer.concat([Buffer.from(before), bytes]).toString('latin1');
    const found = readStatement(head);
    if (found.rowsFollow) {
      const offset = found.rowsAt - Buffer.byteLength(before);
      const rows = await readRows(body, offset, Buffer.alloc(0), 'none', newFile, parts);
      const sql = Buffer.from(head.slice(0, found.rowsAt), 'latin1').toString('utf8');
      return { sql, statement: readStatement(sql), rows, discard };
    }
    if (!ended || bytes.length > most) throw tooLong(most);
    const sql = Buffer.from(head, 'latin1').toString('utf8');
    return { sql, statement: readStatement(sql), rows: undefined, discard };
  } catch (thrown) {
    discard();
    // The caller may read the answer only after it has sent all.
    void sent.skip(LIMITS.httpSkippedBytes).then((all) => all || request.destroy());
    throw thrown;
  }
}

/** The body is read already: the statement is one of its fields, or in the URL. */
function fromForm(query: HttpQuery, discard: () => void): Incoming {
  const statement = readStatement(query.sql);
  if (statement.rowsFollow) {
    throw new ClickHouseException(
      CODE.notImplemented,
      'NOT_IMPLEMENTED',
      'Rows of an INSERT are not taken from a form. Send them as the body, behind the statement or with the statement in the URL.',
    );
  }
  if (Buffer.byteLength(query.sql) > maxQueryBytes(query)) throw tooLong(maxQueryBytes(query));
  return { sql: query.sql, statement, rows: undefined, discard };
}

function tooLong(most: number): ClickHouseException {
  return new ClickHouseException(
    CODE.syntaxError,
    'SYNTAX_ERROR',
    `Max query size exceeded: a statement may have ${most} bytes (max_query_size can raise that).`,
  );
}

async function readRows(
  body: RequestBody,
  offset: number,
  inline: Buffer,
  encoding: Encoding,
  newFile: () => SpoolFile,
  parts: Parts,
): Promise<Rows> {
  if (inline.length > 0 && encoding !== 'none') {
    throw new ClickHouseException(
      CODE.notImplemented,
      'NOT_IMPLEMENTED',
      'Rows in the URL together with a compressed body are not supported. Put all rows into the body.',
    );
  }
  const { bytes, ended } = await body.head(offset + LIMITS.httpRowsInMemoryBytes);
  const file = newFile();
  if (ended) file.write(Buffer.concat([inline, bytes.subarray(offset)]));
  else await file.fill(joined(inline, body.from(offset)), parts.maxBodyBytes);
  return { file, encoding };
}

async function* joined(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  yield* rest;
}

/** What Node unpacks by itself: as far as it is asked for, so that a small body that unpacks to much costs nothing. */
const UNPACKERS: Partial<Record<Encoding, () => Transform>> = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

async function* unpacked(packed: AsyncIterable<Buffer>, unpack: Transform): AsyncGenerator<Buffer, void> {
  const source = Readable.from(packed, { objectMode: false });
  source.on('error', (error) => unpack.destroy(error));
  try {
    yield* source.pipe(unpack) as AsyncIterable<Buffer>;
  } catch (thrown) {
    if (thrown instanceof ClickHouseException) throw thrown;
    throw new ClickHouseException(
      CODE.cannotDecompress,
      'CANNOT_DECOMPRESS',
      'The body is not packed as its Content-Encoding says.',
      thrown,
    );
  } finally {
    unpack.destroy();
    source.destroy();
  }
}

/**
 * A compressed body with the statement inside. The engine unpacks it, since Node 20 has neither zstd nor lz4: bytes in, bytes
 * out, through the one format that changes none of them.
 */
async function decoded(
  body: RequestBody,
  encoding: Encoding,
  newFile: () => SpoolFile,
  parts: Parts,
): Promise<SpoolFile> {
  const packed = newFile();
  await packed.fill(body.from(0), parts.maxBodyBytes);
  const plain = newFile();
  const leave = await parts.admission.enter(parts.caller);
  const connection = parts.open();
  try {
    await connection.run(
      `SELECT byte FROM file(${quoteText(packed.path)}, 'RowBinary', 'byte UInt8', '${encoding}')
       INTO OUTFILE ${quoteText(plain.path)} COMPRESSION 'none' FORMAT RowBinary
       SETTINGS max_result_rows = ${parts.maxBodyBytes}, result_overflow_mode = 'throw'`,
    );
  } finally {
    await connection.close();
    leave();
  }
  return plain;
}

/** What `max_query_size` of the URL allows, within reason. */
function maxQueryBytes(query: HttpQuery): number {
  const asked = Number(query.settings.get('max_query_size') ?? 0);
  return Math.min(Math.max(LIMITS.httpQueryBytes, asked || 0), LIMITS.httpQueryBytesMost);
}
