import type { Terminal } from './terminal.js';

/** What every command is built with. A command sets its exit code through this; 0 by default. */
export interface CommandContext {
  readonly terminal: Terminal;
  exitCode: number;
}
