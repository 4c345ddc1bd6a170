import type { Store } from './store.js';

export interface DiskSpace {
  readonly name: string;
  readonly path: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export interface TableSize {
  readonly table: string;
  readonly bytes: number;
  readonly rows: number;
}

/** The disks that the store writes to; object storage, which has no size, is none of them. */
export async function readDisks(store: Store): Promise<DiskSpace[]> {
  return await store.rows<DiskSpace>(
    `SELECT name, path, free_space AS freeBytes, total_space AS totalBytes
     FROM system.disks WHERE total_space > 0 AND total_space < 1e18 ORDER BY name`,
    {},
    { lane: 'ask' },
  );
}

/** What Perennial's tables take on disk, the largest first. */
export async function readTableSizes(store: Store): Promise<TableSize[]> {
  return await store.rows<TableSize>(
    `SELECT table, sum(bytes_on_disk) AS bytes, sum(rows) AS rows
     FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table ORDER BY bytes DESC, table`,
    {},
    { lane: 'ask' },
  );
}

/** The sentence about disks of which less than a share is free; undefined: there are none. */
export function lowDisks(disks: readonly DiskSpace[], leastPercent: number): string | undefined {
  const low = disks.filter((disk) => isLow(disk, leastPercent));
  if (low.length === 0) return undefined;
  const each = low.map(
    ({ name, path, freeBytes, totalBytes }) =>
      `${name} (${path}) has ${inUnits(freeBytes)} free of ${inUnits(totalBytes)}, ${((100 * freeBytes) / totalBytes).toFixed(0)} %`,
  );
  return `The store's disk is filling up: ${each.join('; ')}.`;
}

export function isLow({ freeBytes, totalBytes }: DiskSpace, leastPercent: number): boolean {
  return freeBytes < (leastPercent / 100) * totalBytes;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Bytes for people, such as 1.4 GiB. */
export function inUnits(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1_024 ** power;
  return `${value >= 10 || power === 0 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[power]}`;
}
