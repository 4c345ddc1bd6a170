import { quoteText } from '../sql-quote.js';
import type { EngineConnection } from './engine-connection.js';

/**
 * Whether a text may be run by those who may only read: the engine's own classifier says that it is one statement that leaves no
 * trace. Its setting `readonly` alone lets pass SYSTEM statements and INTO OUTFILE. A text that is no SQL at all throws the
 * engine's own words, with the place, so that a typo is not called a write.
 */
export async function readsOnly(connection: EngineConnection, sql: string): Promise<boolean> {
  const { count, kind } = await connection.classify(sql);
  // The text is an argument here and is not run.
  if (kind === 'unknown') await connection.run(`SELECT formatQuery(${quoteText(sql)}) FORMAT Null`);
  return count === 1 && kind === 'read';
}
