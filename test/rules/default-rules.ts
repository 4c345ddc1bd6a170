import { readdirSync, readFileSync } from 'node:fs';

const RULES = new URL('../../rules/', import.meta.url);

/** The rule files that come with Perennial, by name. */
export function defaultFiles(): Map<string, string> {
  const names = readdirSync(RULES).filter((name) => name.endsWith('.yaml'));
  return new Map(names.map((name) => [name, readFileSync(new URL(name, RULES), 'utf8')]));
}
