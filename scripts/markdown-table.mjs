/** A table as the formatter would have it. The first row is its head. */
export function table(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const [head, ...body] = rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i])));
  const rule = widths.map((width) => '-'.repeat(width));
  return [head, rule, ...body].map((row) => `| ${row.join(' | ')} |\n`).join('');
}
