// Every benchmark of `npm run bench`, one after the other, each in a process of its own.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

for (const name of ['ingest-file', 'rescore', 'grpc']) {
  const done = spawnSync(
    process.execPath,
    [...process.execArgv, fileURLToPath(new URL(`${name}.mjs`, import.meta.url)), ...process.argv.slice(2)],
    { stdio: 'inherit' },
  );
  if (done.status !== 0) process.exit(done.status ?? 1);
}
