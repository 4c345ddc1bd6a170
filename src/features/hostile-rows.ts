/** Values that go through the door, or come out of a measure, and that nobody thinks of when an expression is written. */
const LONG = "repeat('x', 8192)";
const TEXTS = ["''", "'x'", "'NaN'", "'-0'", "'1e308'", "'1e999'", "'2999-01-01'", "'\\0'", "'ü💥'", LONG];
const NUMBERS = ['0.', '-0.', '1.', '-1.', '1e308', '-1e308', '1e-308', '9007199254740993.'];
const WHOLE = ['0', '1', '-1', '9223372036854775807', '-9223372036854775808'];
const TIMES = [
  "'1970-01-01 00:00:00.000'",
  "'2024-02-29 23:59:59.999'",
  "'2299-12-31 23:59:59.999'",
  "'1900-01-01'",
];

/** Rows that show every value of a column beside many of the others. */
export const HOSTILE_ROWS = 64;

/** A column of that type with such values, one for each row number `n`; columns of other numbers go through theirs at another pace. */
export function hostileColumn(type: string, column: number): string {
  const values = valuesOf(type);
  const { length } = values;
  const place = `1 + (n + ${column} * intDiv(n, ${length})) % ${length}`;
  return `CAST([${values.join(', ')}][${place}], '${type.replaceAll("'", "\\'")}')`;
}

function valuesOf(type: string): readonly string[] {
  const missing = type.includes('Nullable') ? ['NULL'] : [];
  if (type.startsWith('Array')) return ['[]', "['']", `['a', ${LONG}]`];
  if (type.includes('Bool')) return ['true', 'false', ...missing];
  if (type.includes('Date')) return [...TIMES, ...missing];
  if (type.includes('Float')) return [...NUMBERS, 'inf', 'nan', ...missing];
  if (type.includes('UInt')) return ['0', '1', '255', ...missing];
  if (type.includes('Int')) return [...WHOLE, ...missing];
  return [...TEXTS, ...missing];
}

/** Signals with such values, as a measure in SQL sees them; `attributes`: names that its text reads. */
export function hostileSignals(attributes: readonly string[]): string {
  const map = attributes.flatMap((name, i) => [
    `'${name.replaceAll("'", "\\'")}'`,
    hostileColumn('String', i + 2),
  ]);
  return `SELECT n, at, age, age / 86400000 AS age_days, fromUnixTimestamp64Milli(at + age, 'UTC') AS as_of, fromUnixTimestamp64Milli(at, 'UTC') AS occurred_at,
      type, category, value, attributes
    FROM (
      SELECT number AS n, toInt64(1700000000000) AS at, toInt64([0, 1, 86400000, 34560000000][1 + n % 4]) AS age,
        ${hostileColumn('LowCardinality(String)', 0)} AS type, ${hostileColumn('LowCardinality(String)', 1)} AS category,
        ${hostileColumn('Nullable(Float64)', 0)} AS value,
        CAST(map(${map.length === 0 ? "'x', ''" : map.join(', ')}), 'Map(String, String)') AS attributes
      FROM numbers(${HOSTILE_ROWS})
    )`;
}
