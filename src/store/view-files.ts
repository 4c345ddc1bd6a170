import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

/** A view that people and programs read, as `views/` defines it. */
export interface View {
  readonly name: string;
  /** The comment above its statement. */
  readonly description: string;
  readonly sql: string;
  /** Tables and views that it reads. */
  readonly sources: readonly string[];
}

/**
 * The views that come with this program, each after those that it reads, as their files are numbered. They hold no data, so unlike tables
 * they are not changed step by step: each file holds the present definitions, and is edited in place.
 */
export function readViews(): readonly View[] {
  const folder = new URL('./views/', import.meta.url);
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .flatMap((file) => viewsOf(readFileSync(new URL(file, folder), 'utf8')));
}

/** How the names of all sets of views begin. */
export const VIEWS_NAME = 'views_';

/** Name of a set of views, other for any other set: what a store has applied is known by it. */
export function nameOfViews(views: readonly View[]): string {
  const hash = createHash('sha256').update(JSON.stringify(views)).digest('hex');
  return `${VIEWS_NAME}${hash.slice(0, 12)}`;
}

function viewsOf(sql: string): View[] {
  const found = sql.matchAll(/((?:^-- .*\n)+)(CREATE OR REPLACE VIEW (\w+)\b[\s\S]*?);$/gm);
  return Array.from(found, ([, comment, statement, name]) => ({
    name: name!,
    description: comment!.replaceAll('-- ', '').trim().replaceAll('\n', ' '),
    sql: statement!,
    sources: [...statement!.matchAll(/\b(?:FROM|JOIN)\s+(\w+)/g)].map((match) => match[1]!),
  }));
}
