import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { PerennialError } from '../../core/errors.js';
import { readSettings } from '../../core/read-settings.js';
import { checkTls } from '../../core/tls-pem.js';
import { unreadSettings } from '../../core/unread-settings.js';
import { hashPassword } from '../../store/http-server/password.js';
import { startClickHouseServer } from '../../store/http-server/server.js';
import { readUsers } from '../../store/http-server/users.js';
import { createLogger } from '../../telemetry/log.js';
import type { CommandContext } from '../command-context.js';
import { watchDoorFiles } from '../door-files.js';
import { onStopRequest } from '../interrupt.js';
import { print, printJson } from '../terminal.js';

interface Options {
  readonly data?: string;
  readonly listen: string;
  readonly users?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly allowFiles?: boolean;
  readonly insecure?: boolean;
  readonly concurrency?: number;
  readonly json?: boolean;
}

/** `perennial clickhouse`: the embedded engine for several processes and for SQL tools. */
export function clickhouseCommand({ terminal }: CommandContext): Command {
  const serve = new Command('clickhouse')
    .description(
      "serve the embedded store over ClickHouse's HTTP interface, for several processes and SQL tools",
    )
    .option('--data <dir>', 'data directory (PERENNIAL_DATA, ./data)')
    .option('--listen <host:port>', 'address; port 0 picks a free one', '127.0.0.1:8123')
    .option(
      '--users <file>',
      'users file (docs/clickhouse-http.md); without one everyone who connects may do everything',
    )
    .option('--allow-files', 'without users: let statements reach files and programs of this machine')
    .option('--tls-cert <file>', 'certificate in PEM')
    .option('--tls-key <file>', 'its key in PEM')
    .option('--insecure', 'serve a public address without TLS or without users')
    .option('--concurrency <n>', 'statements at once (one less than UV_THREADPOOL_SIZE)', positiveNumber)
    .option('--json', 'print the address as JSON')
    .addHelpText(
      'after',
      `
Runs until SIGTERM or SIGINT, and reads users and certificates again when their files change. docs/clickhouse-http.md has the clients that
were tried, users, and TLS.

Examples:
  perennial clickhouse
  CLICKHOUSE_URL=http://127.0.0.1:8123/default perennial risks     # in another terminal, on the same store
`,
    )
    .action(async (options: Options) => {
      const tls = readTls(options);
      const users = options.users === undefined ? undefined : readUsers(options.users);
      const settings = readSettings(terminal.env);
      const log = createLogger(settings.PERENNIAL_LOG_LEVEL, terminal.stderr).child({ role: 'clickhouse' });
      for (const unread of unreadSettings(terminal.env)) log.warn(unread);
      const server = await startClickHouseServer({
        path: options.data ?? settings.PERENNIAL_DATA,
        ...parseListen(options.listen),
        ...(users === undefined ? {} : { users }),
        ...(tls === undefined ? {} : { tls }),
        ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
        files: options.allowFiles === true,
        insecure: options.insecure === true,
        log,
        logStatements: settings.PERENNIAL_LOG_STATEMENTS,
      });
      const unwatch = await watchDoorFiles(server, { users: options.users, tls: tlsFiles(options) }, log);
      if (options.json === true) printJson(terminal, { url: server.url });
      else print(terminal, `ClickHouse HTTP interface: ${server.url}`);
      await untilSignal();
      unwatch();
      await server.close();
    });
  serve.addCommand(
    new Command('hash-password')
      .description('print the hash of a password read from stdin, for a users file')
      .option('--json', 'as JSON')
      .action(async (options: { json?: boolean }) => {
        const hash = await hashPassword(await passwordFromStdin());
        if (options.json === true) printJson(terminal, { hash });
        else print(terminal, hash);
      }),
  );
  return serve;
}

/** `host:port`, `[::1]:port` or a bare port on loopback. Throws `invalid_argument`. */
export function parseListen(text: string): { host: string; port: number } {
  const found = /^(?:(?<host>\[[\da-fA-F:.]+\]|[^:[\]]+):)?(?<port>\d{1,5})$/.exec(text);
  const port = Number(found?.groups?.port);
  if (found === null || port > 65_535) {
    throw new PerennialError('invalid_argument', `\`${text}\` is not an address.`, {
      hint: 'It looks like 127.0.0.1:8123 or [::1]:8123.',
    });
  }
  return { host: (found.groups?.host ?? '127.0.0.1').replace(/^\[|\]$/g, ''), port };
}

function tlsFiles({ tlsCert: cert, tlsKey: key }: Options): { cert: string; key: string } | undefined {
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

function readTls(options: Options): { cert: string; key: string } | undefined {
  const { tlsCert, tlsKey } = options;
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new PerennialError('invalid_argument', '--tls-cert and --tls-key belong together.', {
      hint: 'Give both, or none.',
    });
  }
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (thrown) {
      throw new PerennialError('not_found', `Can't read ${file}.`, { cause: thrown });
    }
  };
  const pem = { cert: read(tlsCert), key: read(tlsKey) };
  checkTls(pem, { cert: tlsCert, key: tlsKey });
  return pem;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new PerennialError('invalid_argument', `\`${text}\` is not a positive whole number.`);
}

async function passwordFromStdin(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  const password = Buffer.concat(parts)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (password !== '') return password;
  throw new PerennialError('invalid_argument', 'There is no password on stdin.', {
    hint: 'For example: printf %s "$PASSWORD" | perennial clickhouse hash-password',
  });
}

function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    onStopRequest(() => resolve());
  });
}
