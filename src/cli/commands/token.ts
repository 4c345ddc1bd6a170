import { Command } from 'commander';
import { addTokenToFile, entryText } from '../../access/add-token.js';
import { SCOPES, type Scope } from '../../access/scope.js';
import { newToken, tokenHash } from '../../access/token.js';
import type { Millis } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { time } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { print, printJson } from '../terminal.js';

interface Options {
  readonly scope: readonly string[];
  readonly expires?: Millis;
  readonly into?: string;
  readonly json?: boolean;
}

export function tokenCommand({ terminal }: CommandContext): Command {
  return new Command('token')
    .description('make a bearer token for a service, and the entry of the access file that lets it in')
    .argument('<name>', 'who it is for: it stands in logs, limits and the audit log')
    .requiredOption(
      '--scope <scope>',
      `what it may do, once for each: ${SCOPES.join(', ')}`,
      (scope: string, before: readonly string[]) => [...before, scope],
      [] as readonly string[],
    )
    .option(
      '--expires <time>',
      'from when on it is refused, such as 2027-01-01T00:00:00Z (default: never)',
      time,
    )
    .option('--into <file>', 'write the entry into this access file; it is made where there is none')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Prints the token once, to standard error; nothing keeps it. Its entry goes into the file of --into, or else to standard output: put it
under \`tokens:\` in the file of PERENNIAL_ACCESS, which is read again within seconds. Taking the entry out revokes the token.

Examples:
  perennial token billing-service --scope read --scope ingest
  perennial token dashboard --scope read --expires 2027-01-01T00:00:00Z --into access.yaml
`,
    )
    .action((name: string, options: Options) => {
      const scopes = options.scope.map(scopeOf);
      const expires = options.expires === undefined ? undefined : toCome(options.expires, terminal.clock());
      const token = newToken();
      const entry = { name, sha256: tokenHash(token), scopes, ...(expires === undefined ? {} : { expires }) };
      // Nothing is printed of an entry that no file may have.
      const text = entryText(entry);
      if (options.into !== undefined) addTokenToFile(options.into, entry);
      if (options.json === true) {
        printJson(terminal, { token, entry });
        return;
      }
      terminal.stderr.write(`${token}\n`);
      if (options.into === undefined) print(terminal, text);
      else print(terminal, `${options.into} lets ${name} in.`);
    });
}

function scopeOf(text: string): Scope {
  const scope = SCOPES.find((known) => known === text);
  if (scope !== undefined) return scope;
  throw new PerennialError('invalid_argument', `There is no scope ${text}.`, {
    hint: `There is ${SCOPES.join(', ')}.`,
  });
}

/** Throws `invalid_argument` for a time at which the token has ended already. */
function toCome(expires: Millis, now: Millis): string {
  if (expires > now) return new Date(expires).toISOString();
  throw new PerennialError('invalid_argument', '--expires is not a time to come.', {
    hint: 'Write it as 2027-01-01T00:00:00Z; it is in UTC where it names no zone.',
  });
}
