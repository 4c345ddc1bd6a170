import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** A process that is started again whenever it ends, as an orchestrator would. */
export class Member {
  readonly name: string;
  readonly #args: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #log: string;
  #child: ChildProcess | undefined;
  #wanted = true;

  constructor(name: string, args: readonly string[], env: Readonly<Record<string, string>>, folder: string) {
    this.name = name;
    this.#args = args;
    this.#env = env;
    mkdirSync(folder, { recursive: true });
    this.#log = join(folder, `${name}.log`);
    this.#start();
  }

  /** SIGKILL: no time to finish anything. It comes back by itself. False: it was not running just then. */
  async kill(): Promise<boolean> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return false;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    return true;
  }

  /** SIGSTOP for some time: it finds itself where it was, and the world somewhere else. False: it was not running just then. */
  async freeze(ms: number): Promise<boolean> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return false;
    child.kill('SIGSTOP');
    await sleep(ms);
    child.kill('SIGCONT');
    return true;
  }

  /** As an orchestrator rolls a new version out: it may finish, and comes back by itself. */
  async restart(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    await ended(child);
  }

  /** What it said of defects of its own, in all its lives. */
  defects(): readonly string[] {
    return readFileSync(this.#log, 'utf8')
      .split('\n')
      .filter((line) => /defect of Perennial|unhandled/i.test(line))
      .map((line) => `${this.name}: ${line}`);
  }

  /** Asks it to finish and waits; it does not come back. After 60 s it is killed. */
  async stop(): Promise<void> {
    this.#wanted = false;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    await ended(child);
  }

  #start(): void {
    const out = createWriteStream(this.#log, { flags: 'a' });
    const child = spawn(process.execPath, [...this.#args], {
      env: { ...process.env, NODE_ENV: 'production', ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.pipe(out);
    child.stderr.pipe(out);
    child.once('exit', () => {
      if (!this.#wanted) return;
      void sleep(200).then(() => {
        if (this.#wanted) this.#start();
      });
    });
    this.#child = child;
  }
}

/** Asks it to finish; after 60 s it is killed. */
async function ended(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 60_000);
  await gone;
  clearTimeout(late);
}
