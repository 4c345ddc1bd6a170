import type { z } from 'zod';

/** What a schema finds wrong with a file, said to the person who wrote it. Messages that a schema brings itself come first. */

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of `name: value` lines',
  record: 'a group of `name: value` lines',
  null: 'nothing',
};

/** "text", "a list". Names of kinds that are not listed speak for themselves. */
export function kindInWords(kind: string): string {
  return KINDS[kind] ?? kind;
}

/** The kind of a value of a YAML file. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/**
 * Where in a file, without the numbers of list items that nobody counts: the line stands beside it. "`event.channel`", "item 2
 * of `curve`", "the file".
 */
export function pathInWords(path: readonly PropertyKey[]): string {
  const last = path.at(-1);
  if (last === undefined) return 'the file';
  if (typeof last === 'number') {
    const list = path.slice(0, -1);
    return `item ${last + 1}${list.length === 0 ? '' : ` of ${pathInWords(list)}`}`;
  }
  const from = path.findLastIndex((step) => typeof step === 'number') + 1;
  return `\`${path.slice(from).map(String).join('.')}\``;
}

/** The end of a sentence that starts with the place, such as "has to be a number, and is text"; undefined: as zod says it. */
export function issueInWords(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === null && issue.expected !== 'nonoptional') {
        return `is empty, and has to be ${kindInWords(issue.expected)}`;
      }
      return `has to be ${kindInWords(issue.expected)}, and is ${saying(issue.input, issue.expected)}`;
    case 'invalid_value':
      return `is ${saying(issue.input)}, and has to be ${oneOf(issue.values)}`;
    case 'invalid_union': {
      const { discriminator, options } = issue as unknown as {
        discriminator?: string;
        options?: unknown[];
      };
      if (discriminator === undefined || options === undefined) return undefined;
      const value = (issue.input as Record<string, unknown>)[discriminator];
      return value === undefined
        ? `is missing; it is ${oneOf(options)}`
        : `is ${saying(value)}, and has to be ${oneOf(options)}`;
    }
    case 'too_small':
      return `has to ${sized(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum)}`;
    case 'too_big':
      return `has to ${sized(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum)}`;
    case 'invalid_format':
      if (issue.format !== 'datetime') return undefined;
      return `is ${saying(issue.input)}, and has to be a time such as "2025-03-01T00:00:00Z"`;
    default:
      return undefined;
  }
}

/** A short value as it is, another by its kind. */
function saying(value: unknown, beside?: string): string {
  const kind = kindOf(value);
  if (kind === 'string' && (value as string).length <= 40) {
    return beside === undefined ? JSON.stringify(value) : `the text ${JSON.stringify(value)}`;
  }
  return kind === 'number' || kind === 'boolean' ? String(value) : kindInWords(kind);
}

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of: ${values.map(String).join(', ')}`;
}

function sized(origin: string, bound: string, limit: number | bigint): string {
  if (origin === 'string') return `have ${bound} ${limit} characters`;
  return origin === 'array' || origin === 'set' ? `have ${bound} ${limit} items` : `be ${bound} ${limit}`;
}
