export { quoteText } from '../core/sql-text.js';

/** A name as SQL wants it. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}
