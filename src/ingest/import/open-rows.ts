import { readInputFile } from '../input-file.js';
import { openCsv } from './csv-rows.js';
import { openJsonDocument } from './json-document-rows.js';
import type { FileMapping, MappingData } from './mapping-schema.js';
import { openNdjson } from './ndjson-rows.js';
import type { ReadRow, RowReader } from './row.js';
import { shapedRows } from './shaped-rows.js';
import { transcoded } from './transcode.js';

/** Opens a file of an import in the format that its mapping says, or that its name tells. */
export async function openRows(
  path: string,
  file: FileMapping,
  data: Pick<MappingData, 'nulls'>,
  signal: AbortSignal,
): Promise<RowReader> {
  const input = transcoded(readInputFile(path, signal), file.encoding);
  const reader = await openFormat(path, file, input);
  async function* shaped(): AsyncGenerator<readonly ReadRow[]> {
    for await (const group of reader.rows) yield shapedRows(group, file, data);
  }
  return { ...reader, rows: shaped() };
}

function openFormat(
  path: string,
  file: FileMapping,
  input: AsyncGenerator<Uint8Array>,
): Promise<RowReader> | RowReader {
  switch (file.format ?? formatOf(path)) {
    case 'ndjson':
      return openNdjson(input);
    case 'json':
      return openJsonDocument(path, input, file.rows);
    case 'csv':
      return openCsv(path, input, file);
  }
}

function formatOf(path: string): 'csv' | 'ndjson' | 'json' {
  if (/\.(?:ndjson|jsonl)(?:\.gz)?$/i.test(path)) return 'ndjson';
  return /\.json(?:\.gz)?$/i.test(path) ? 'json' : 'csv';
}
