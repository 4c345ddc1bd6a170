/**
 * A value as the engine reads it for a parameter `{name:Type}`: in the text form of its type, where a text outside of a list
 * stands without quotes. ClickHouse's HTTP interface reads `param_<name>` the same way.
 */
export function parameterText(value: unknown): string {
  if (typeof value === 'string') return escaped(value);
  if (value === null || value === undefined) return '\\N';
  return nested(value);
}

function nested(value: unknown): string {
  if (typeof value === 'string') return `'${escaped(value).replaceAll("'", "\\'")}'`;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value);
  if (value === null || value === undefined) return 'NULL';
  if (Array.isArray(value)) return `[${value.map(nested).join(',')}]`;
  throw new TypeError(`A ${typeof value} can't be a parameter of a query.`);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\0': '\\0',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function escaped(text: string): string {
  return text.replace(/[\\\0\b\f\n\r\t]/g, (char) => ESCAPES[char]!);
}
