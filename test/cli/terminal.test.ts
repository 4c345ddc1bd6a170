import { PassThrough } from 'node:stream';
import pc from 'picocolors';
import { expect, it } from 'vitest';
import { print, printTable, type Terminal } from '../../src/cli/terminal.js';
import { streamText } from '../support/stream-text.js';

const HOSTILE = 'a\u001b]0;mine\u0007\u001b[2Jb\u009b8m\u202ec\u001b[8md\re';
const SHOWN = 'a\\x1b]0;mine\\x07\\x1b[2Jb\\x9b8m\\u202ec\\x1b[8md\\x0de';

async function shownBy(show: (terminal: Terminal) => void): Promise<string> {
  const stdout = new PassThrough();
  const colors = pc.createColors(true);
  show({ stdout, stderr: stdout, env: {}, interactive: false, colors, clock: Date.now });
  stdout.end();
  return streamText(stdout);
}

// Bug: account ids of producers set the title of the operator's terminal, cleared it, and moved what stood beside them.
it('what producers send does not steer the terminal it is shown on, while our colours do', async () => {
  expect(await shownBy((terminal) => print(terminal, `${terminal.colors.bold('x')} ${HOSTILE}\nnext`))).toBe(
    `${pc.createColors(true).bold('x')} ${SHOWN}\nnext\n`,
  );
  const table = await shownBy((terminal) =>
    printTable(terminal, ['account', 'risk'], [[`${HOSTILE}\nf`, 1]]),
  );
  expect(table).toContain(`${SHOWN}\\x0af`);
});
