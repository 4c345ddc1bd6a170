// Prints "N passed, N failed", and ", N skipped" when some were, from JSON reports of vitest. A test file that failed as a whole,
// so that none of its tests ran, counts as one failure. A file that is in a later report, too, was run again: the later result
// counts, and tests that only passed then are named before. Exit code 1 when a report is missing, or all are empty.
// With --failed-files: prints the names of the files that failed instead, a line each.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const FAILED_FILES = '--failed-files';

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    process.stderr.write(`There is no test report: ${error.message}\n`);
    process.exit(1);
  }
}

function failuresOf(file) {
  const failed = file.assertionResults.filter(({ status }) => status === 'failed');
  if (file.status !== 'failed') return [];
  const name = relative(process.cwd(), file.name ?? '');
  return failed.length > 0 ? failed.map(({ fullName }) => `${name}: ${fullName}`) : [name];
}

const paths = process.argv.slice(2);
const failedFiles = paths[0] === FAILED_FILES;
if (failedFiles) paths.shift();

const results = new Map();
const passedAgain = [];
for (const file of paths.flatMap((path) => read(path).testResults)) {
  const before = results.get(file.name);
  if (before !== undefined && file.status === 'passed') passedAgain.push(...failuresOf(before));
  results.set(file.name, file);
}

if (failedFiles) {
  for (const file of results.values())
    if (failuresOf(file).length > 0) process.stdout.write(`${relative(process.cwd(), file.name)}\n`);
} else {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of results.values()) {
    const statuses = file.assertionResults.map(({ status }) => status);
    for (const status of statuses) counts[status === 'passed' || status === 'failed' ? status : 'skipped']++;
    if (file.status === 'failed' && !statuses.includes('failed')) counts.failed++;
  }
  for (const name of passedAgain) process.stdout.write(`Passed only when run again: ${name}\n`);
  const { passed, failed, skipped } = counts;
  process.stdout.write(`${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}\n`);
  if (passed + failed === 0) process.exitCode = 1;
}
