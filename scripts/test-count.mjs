// Prints "N passed, N failed", and ", N skipped" when some were, from JSON reports of vitest. A test file that failed as a whole,
// so that none of its tests ran, counts as one failure. Exit code 1 when one is missing, or all are empty.
import { readFileSync } from 'node:fs';

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    process.stderr.write(`There is no test report: ${error.message}\n`);
    process.exit(1);
  }
}

const counts = { passed: 0, failed: 0, skipped: 0 };
for (const file of process.argv.slice(2).flatMap((path) => read(path).testResults)) {
  const statuses = file.assertionResults.map(({ status }) => status);
  for (const status of statuses) counts[status === 'passed' || status === 'failed' ? status : 'skipped']++;
  if (file.status === 'failed' && !statuses.includes('failed')) counts.failed++;
}
const { passed, failed, skipped } = counts;
process.stdout.write(`${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}\n`);
if (passed + failed === 0) process.exitCode = 1;
