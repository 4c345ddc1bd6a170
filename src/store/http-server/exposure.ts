import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { PerennialError } from '../../core/errors.js';
import { ClickHouseException, CODE } from '../engine/clickhouse-exception.js';
import type { EngineConnection } from '../engine/engine-connection.js';
import { quoteText } from '../sql-quote.js';
import type { User, Users } from './users.js';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/;

/** Throws `invalid_argument` for a public address without TLS or users, unless that is said to be meant. */
export function refuseUnprotected(
  host: string,
  options: { readonly tls?: unknown; readonly insecure?: boolean },
  users: Users,
): void {
  if (LOOPBACK.test(host) || options.insecure === true) return;
  const lacks = [options.tls === undefined ? 'TLS' : '', users.open ? 'users' : ''].filter((it) => it !== '');
  if (lacks.length === 0) return;
  throw new PerennialError(
    'invalid_argument',
    `${host} is a public address, and there is no ${lacks.join(' and no ')}.`,
    {
      hint: 'Give --tls-cert, --tls-key and --users; or listen on 127.0.0.1; or say --insecure if the network is yours.',
    },
  );
}

/** A writer's databases are its own: among Perennial's tables a slip would lose what can't be had again. */
export async function refuseOwnTables(anchor: EngineConnection, users: readonly User[]): Promise<void> {
  const databases = users.flatMap((user) => user.databases ?? []);
  if (databases.length === 0) return;
  const held = await anchor.rows<{ database: string }>(
    `SELECT database FROM system.tables
     WHERE name = 'perennial_migrations' AND database IN (${databases.map(quoteText).join(', ')})`,
  );
  if (held.length === 0) return;
  throw new PerennialError(
    'invalid_argument',
    `${held.map(({ database }) => database).join(', ')} holds Perennial's tables and can't be a writer's database.`,
    { hint: 'Give writers databases of their own; they may read the others.' },
  );
}

/**
 * Without users, a web page in a browser on this machine could reach the port: refuses requests that a page sends on its
 * own, and names that someone else's DNS points here.
 */
export function refuseStrangers(request: IncomingMessage, users: Users, host: string): void {
  if (!users.open || !LOOPBACK.test(host)) return;
  const name = (request.headers.host ?? '').replace(/:\d+$/, '');
  const site = request.headers['sec-fetch-site'];
  if (request.headers.origin === undefined && (site === undefined || site === 'none') && isLocalName(name))
    return;
  throw new ClickHouseException(
    CODE.accessDenied,
    'ACCESS_DENIED',
    'This server has no users and answers local programs only, not web pages. Start it with --users to allow more.',
  );
}

function isLocalName(name: string): boolean {
  return name === '' || LOOPBACK.test(name) || isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}
