import { readInputFile } from '../input-file.js';
import { openCsv } from './csv-rows.js';
import type { FileMapping } from './mapping-schema.js';
import { openNdjson } from './ndjson-rows.js';
import type { RowReader } from './row.js';

/** Opens a file of an import in the format that its mapping says, or that its name tells. */
export async function openRows(path: string, file: FileMapping, signal: AbortSignal): Promise<RowReader> {
  const format = file.format ?? (/\.(?:ndjson|jsonl)(?:\.gz)?$/i.test(path) ? 'ndjson' : 'csv');
  const input = readInputFile(path, signal);
  return format === 'ndjson' ? openNdjson(input) : openCsv(path, input, file);
}
