import { closeSync, openSync } from 'node:fs';

let left = false;

/**
 * Gives up the standard input of this process for good. The engine takes what comes there for more rows of an INSERT that reads a file, and
 * waits for it while it is open: under a supervisor that holds a pipe no INSERT ended. For processes that read nothing there.
 */
export function leaveStdin(): void {
  if (left) return;
  left = true;
  closeSync(0);
  // The lowest number that is free: that of the standard input.
  openSync('/dev/null', 'r');
}
