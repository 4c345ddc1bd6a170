import type { RuleTestResult } from './run-tests.js';

/** Results as JUnit XML, which every CI system reads: one suite for each file. */
export function junitXml(results: readonly RuleTestResult[]): string {
  const files = [...new Set(results.map(({ file }) => file))];
  const suites = files.map((file) => {
    const own = results.filter((result) => result.file === file);
    const failed = own.filter(({ passed }) => !passed).length;
    const cases = own.map(({ name, line, passed, failures }) => {
      const open = `    <testcase name="${escaped(name)}" classname="${escaped(file)}" file="${escaped(file)}" line="${line}"`;
      if (passed) return `${open}/>`;
      const message = failures.join('\n');
      return `${open}>\n      <failure message="${escaped(failures[0]!.split('\n')[0]!)}">${escaped(message)}</failure>\n    </testcase>`;
    });
    return `  <testsuite name="${escaped(file)}" tests="${own.length}" failures="${failed}">\n${cases.join('\n')}\n  </testsuite>`;
  });
  const failed = results.filter(({ passed }) => !passed).length;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites tests="${results.length}" failures="${failed}">\n${suites.join('\n')}\n</testsuites>\n`;
}

/** Text inside XML; characters that XML can't hold become a replacement character. */
function escaped(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;');
}
