import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { projectFile } from './project.js';
import { PERENNIAL } from './served-store.js';

/** `perennial up` over a data directory, in a process of its own. */
export async function startUp(
  dataDir: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ target: string; scored: Promise<void>; stop(): Promise<number | null> }> {
  const child: ChildProcess = spawn(process.execPath, [PERENNIAL, 'up'], {
    env: {
      PATH: process.env.PATH,
      PERENNIAL_DATA: dataDir,
      PERENNIAL_SCORING: projectFile('scoring'),
      PERENNIAL_RULES: projectFile('rules'),
      PERENNIAL_GRPC: '127.0.0.1:0',
      PERENNIAL_HTTP: '127.0.0.1:0',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  let lines = '';
  let target: string | undefined;
  let done = () => {};
  const scored = new Promise<void>((resolve) => (done = resolve));
  const served = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr! }).on('line', (line) => {
      lines += `${line}\n`;
      if (line.includes('Serving gRPC')) {
        target = (JSON.parse(line) as { address: string }).address;
        resolve();
      }
      if (line.includes('Scored everyone')) done();
    });
    exited.then(() => reject(new Error(`up ended without serving:\n${lines}`)));
  });
  await served;
  return {
    target: target!,
    scored,
    async stop() {
      child.kill('SIGTERM');
      const [code] = (await exited) as [number | null];
      return code;
    },
  };
}
