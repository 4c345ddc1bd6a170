import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

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

/** The migrations that come with this program, in order. */
export function readMigrations(folder = new URL('./migrations/', import.meta.url)): readonly Migration[] {
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
