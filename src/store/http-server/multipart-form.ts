import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import { LIMITS } from '../../core/limits.js';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { Spool, SpoolFile } from './spool.js';

/** A body in parts: fields that count like parameters of the URL, and the rows of external tables. */
export interface MultipartForm {
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly tables: ReadonlyMap<string, SpoolFile>;
  discard(): void;
}

export function isMultipart(request: IncomingMessage): boolean {
  return /^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '');
}

/** Reads the whole body; rows go to files. Throws on what is no form, has too many parts or is larger than `maxBytes`. */
export async function readMultipartForm(
  request: IncomingMessage,
  spool: Spool,
  maxBytes: number,
): Promise<MultipartForm> {
  const fields: [string, string][] = [];
  const tables = new Map<string, SpoolFile>();
  const streams: Readable[] = [];
  const written: Promise<void>[] = [];
  const discard = () => {
    for (const file of tables.values()) file.remove();
  };
  try {
    const parser = new Busboy({
      headers: { ...request.headers, 'content-type': request.headers['content-type'] ?? '' },
      limits: {
        fieldSize: LIMITS.httpReaderBodyBytes,
        fields: LIMITS.httpFormFields,
        files: LIMITS.httpFormTables,
        fieldNameSize: 256,
      },
    });
    await new Promise<void>((done, failed) => {
      parser.on('field', (name, value, nameCut, valueCut) => {
        if (nameCut || valueCut) failed(tooLarge(`the field ${name.slice(0, 64)}`));
        else fields.push([name, value]);
      });
      parser.on('file', (name, stream) => {
        const file = spool.file();
        tables.set(name, file);
        streams.push(stream);
        const filled = file.fill(stream, maxBytes);
        filled.catch(failed);
        written.push(filled);
      });
      parser.on('fieldsLimit', () => failed(tooLarge('its number of fields')));
      parser.on('filesLimit', () => failed(tooLarge('its number of external tables')));
      parser.on('error', (cause: unknown) => failed(wrong(cause)));
      parser.on('finish', done);
      let bytes = 0;
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBytes) failed(tooLarge('it'));
      });
      request.on('aborted', () => failed(wrong(new Error('it ends early'))));
      request.pipe(parser);
    });
    await Promise.all(written);
    return { fields, tables, discard };
  } catch (thrown) {
    request.unpipe();
    // The rest of a table does not come any more: what waits for it would wait for ever.
    for (const stream of streams) stream.destroy();
    await Promise.allSettled(written);
    discard();
    throw thrown instanceof ClickHouseException ? thrown : wrong(thrown);
  }
}

function wrong(cause: unknown): ClickHouseException {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ClickHouseException(
    CODE.badArguments,
    'BAD_ARGUMENTS',
    `The body is not a multipart form: ${why}.`,
    cause,
  );
}

function tooLarge(what: string): ClickHouseException {
  return new ClickHouseException(
    CODE.requestTooLarge,
    'TOO_MANY_BYTES',
    `The multipart body is too large: ${what} passes a limit (docs/clickhouse-http.md).`,
  );
}
