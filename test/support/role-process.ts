import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { PERENNIAL } from './served-store.js';

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A role in a process of its own, as operators run it. */
export class RoleProcess {
  readonly child: ChildProcess;
  /** What it has logged so far; what is no JSON is a line of level "text". */
  readonly log: LogLine[] = [];
  readonly exited: Promise<number | null>;
  readonly #port: Promise<number>;

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, [PERENNIAL, ...args], {
      env: { ...process.env, NODE_ENV: 'production', PERENNIAL_HTTP: '127.0.0.1:0', ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.exited = once(this.child, 'exit').then(([code]) => code as number | null);
    const lines = createInterface({ input: this.child.stderr! });
    this.#port = new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        const entry = parse(line);
        this.log.push(entry);
        if (typeof entry.port === 'number') resolve(entry.port);
      });
      void this.exited.then(() => reject(new Error(`${args[0]} ended before it served its health`)));
    });
    this.#port.catch(() => undefined);
  }

  /** What it answers at a path of PERENNIAL_HTTP. */
  async get(path: string): Promise<{ status: number; text: string }> {
    const answer = await fetch(`http://127.0.0.1:${await this.#port}${path}`);
    return { status: answer.status, text: await answer.text() };
  }

  /** What keeps it from being ready, and what it notes. */
  async health(): Promise<{ ok: boolean; faults: Record<string, string>; notes: Record<string, string> }> {
    return JSON.parse((await this.get('/readyz')).text);
  }

  /** Address of gRPC, once it is served. */
  get grpc(): string | undefined {
    return this.log.find(({ msg }) => msg === 'Serving gRPC')?.address as string | undefined;
  }

  /** Ends it, in order; after 20 s with SIGKILL. */
  async stop(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM');
    const late = setTimeout(() => this.child.kill('SIGKILL'), 20_000);
    const code = await this.exited;
    clearTimeout(late);
    return code;
  }
}

function parse(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: 'text', msg: line };
  }
}
