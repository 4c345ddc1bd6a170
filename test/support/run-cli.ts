import { Writable } from 'node:stream';
import pc from 'picocolors';
import { runProgram } from '../../src/cli/program.js';
import { type Clock, systemClock } from '../../src/core/clock.js';

/** Runs a command line of `perennial` in this process, and gives back what it printed. */
export async function runCli(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  clock: Clock = systemClock,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const text = { stdout: '', stderr: '' };
  const into = (name: keyof typeof text) =>
    new Writable({
      write: (chunk, _encoding, done) => {
        text[name] += String(chunk);
        done();
      },
    });
  const code = await runProgram(args, {
    stdout: into('stdout'),
    stderr: into('stderr'),
    env,
    interactive: false,
    colors: pc.createColors(false),
    clock,
  });
  return { code, ...text };
}

/** What `--json` printed: one object a line. */
export function jsonLines(output: string): Record<string, unknown>[] {
  return output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
