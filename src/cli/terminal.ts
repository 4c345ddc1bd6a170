import { once } from 'node:events';
import Table from 'cli-table3';
import pc from 'picocolors';
import { type Clock, systemClock } from '../core/clock.js';

/** What a command talks to: so that tests can run one without a process of its own. */
export interface Terminal {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly env: NodeJS.ProcessEnv;
  /** Whether stderr is a terminal a person looks at: then progress is drawn in place, else a line now and then. */
  readonly interactive: boolean;
  /** Colours for stdout; plain text when NO_COLOR is set or stdout is no terminal. */
  readonly colors: ReturnType<typeof pc.createColors>;
  /** What counts as now. */
  readonly clock: Clock;
}

export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  const noColor = (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb';
  const forced = (env.FORCE_COLOR ?? '') !== '' && env.FORCE_COLOR !== '0';
  return {
    stdout,
    stderr,
    env,
    interactive: stderr.isTTY === true && env.TERM !== 'dumb' && (env.CI ?? '') === '',
    colors: pc.createColors(!noColor && (forced || stdout.isTTY === true)),
    clock: systemClock,
  };
}

/** Text for a person. Values that anybody sent may be in it: all that steers a terminal is shown, but for our own colours. */
export function print(terminal: Terminal, text = ''): void {
  terminal.stdout.write(`${linesOf(text)}\n`);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for.
const STEERING = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
/** The colours of `Terminal.colors`, and ends of lines. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for.
const OURS = /\u001b\[(?:[012]|22|3[0-79]|9[0-7])m|\r?\n/g;

/** A text from anybody, safe to print within a line: what would steer a terminal, or turn the text around, is written as \xNN. */
export function harmless(text: string): string {
  return text.replace(STEERING, shown);
}

/** The same of lines of ours, which may have colours. */
export function linesOf(text: string): string {
  const ours = text.match(OURS) ?? [];
  return text
    .split(OURS)
    .map((part, i) => harmless(part) + (ours[i] ?? ''))
    .join('');
}

function shown(sign: string): string {
  const code = sign.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, '0')}`;
}

/** One JSON value, on a line of its own. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Streams whose reader has gone. */
const unread = new WeakSet<NodeJS.WritableStream>();

/**
 * A reader of our output may close it early, as `head` does: that is no failure. What a command does goes on to its end, unseen; ending
 * the process there would break off a query in the engine, and a pass or series in its middle.
 */
export function outliveReader(stream: NodeJS.WritableStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    unread.add(stream);
  });
}

/** Writes at the pace of the stream. False: its reader has gone. */
export async function writePaced(
  stream: NodeJS.WritableStream,
  chunk: Uint8Array | string,
): Promise<boolean> {
  if (unread.has(stream)) return false;
  try {
    if (!stream.write(chunk)) await once(stream, 'drain');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EPIPE') throw thrown;
    return false;
  }
  return true;
}

/** Writes bytes as they come, until the reader closes the stream. */
export async function writeAll(
  stream: NodeJS.WritableStream,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  for await (const chunk of chunks) if (!(await writePaced(stream, chunk))) return;
}

/** A borderless table with a header line; numbers are aligned to the right. */
export function printTable(
  terminal: Terminal,
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void {
  const none = '';
  const table = new Table({
    head: head.map((cell) => terminal.colors.dim(cell)),
    colAligns: head.map((_, i) =>
      rows.length > 0 && rows.every((row) => typeof row[i] === 'number') ? 'right' : 'left',
    ),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: {
      top: none,
      'top-mid': none,
      'top-left': none,
      'top-right': none,
      bottom: none,
      'bottom-mid': none,
      'bottom-left': none,
      'bottom-right': none,
      left: none,
      'left-mid': none,
      mid: none,
      'mid-mid': none,
      right: none,
      'right-mid': none,
      middle: none,
    },
  });
  for (const row of rows)
    table.push(row.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en-US') : harmless(cell))));
  print(
    terminal,
    table
      .toString()
      .split('\n')
      .map((line) => line.trimEnd())
      .join('\n'),
  );
}
