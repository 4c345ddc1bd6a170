import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { nameOfViews, readViews } from './view-files.js';

export interface Migration {
  /** "0001_signals": number and subject. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file: an applied migration must never change. */
  readonly hash: string;
  /**
   * The migration that a program has to know, at least, to run on a store that has this one; empty: none. From the line
   * `-- needs: <name>` of a file that takes away what earlier programs use.
   */
  readonly needs: string;
}

/**
 * The migrations that come with this program, in order: the files, which change tables, and last the views as they are now. Any change of
 * a view is a migration of another name. A store that has had this program's views keeps them, or those of a newer program.
 */
export function readMigrations(): readonly Migration[] {
  return [...readFiles(new URL('./migrations/', import.meta.url)), views()];
}

function views(): Migration {
  const all = readViews();
  const name = nameOfViews(all);
  return { name, sql: all.map(({ sql }) => `${sql};\n`).join(''), hash: name, needs: '' };
}

function readFiles(folder: URL): Migration[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => {
      const sql = readFileSync(new URL(file, folder), 'utf8');
      return {
        name: file.slice(0, -'.sql'.length),
        sql,
        hash: createHash('sha256').update(sql).digest('hex'),
        needs: /^-- needs: (\w+)$/m.exec(sql)?.[1] ?? '',
      };
    });
}

/** Migration files end each statement with ";" at the end of a line, and nowhere else have one there. */
export function statementsOf(sql: string): string[] {
  return sql
    .split(/;\s*$/m)
    .map((statement) => statement.replace(/^\s*--.*$/gm, '').trim())
    .filter((statement) => statement !== '');
}
