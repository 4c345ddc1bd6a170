import { readFileSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import { Code, ConnectError, connect, ErrorInfoSchema, type Perennial } from '../client/index.js';
import { isLoopback, parseAddress } from '../core/address.js';
import { isCertificateFault } from '../core/certificate-fault.js';
import { type ErrorCode, PerennialError } from '../core/errors.js';
import type { Settings } from '../core/settings.js';
import { checkTls } from '../core/tls-pem.js';

/*
 * A command asks the process that holds the store, and opens the store itself only where none does:
 *
 *   --server (PERENNIAL_SERVER)  that server, with PERENNIAL_TOKEN
 *   else <data>/perennial.sock   the process that holds the data directory, if it serves
 *   else                         the store
 */

/** Where a process that serves the API can be asked by commands of the same user on the same machine. */
export function socketOf(settings: Settings): string {
  return join(settings.PERENNIAL_DATA, 'perennial.sock');
}

/** How long a command may take: a query in SQL has no end that is known before. */
const DEADLINE_MS = 24 * 3_600_000;

/** The API to ask; undefined when no process holds the store. The caller closes it. */
export async function connectRunning(settings: Settings): Promise<Perennial | undefined> {
  if (settings.PERENNIAL_SERVER !== '') return connectServer(settings);
  if (settings.CLICKHOUSE_URL !== '') return undefined;
  const socket = socketOf(settings);
  if (!(await answers(socket))) return undefined;
  return connect({ server: `unix:${socket}`, deadlineMs: DEADLINE_MS });
}

function read(setting: keyof Settings, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (thrown) {
    throw new PerennialError('not_found', `Can't read ${file}, which ${setting} names.`, { cause: thrown });
  }
}

/** Undefined: the server is not to be shown one. */
function clientCertificate({ PERENNIAL_CLIENT_CERT: certFile, PERENNIAL_CLIENT_KEY: keyFile }: Settings) {
  if (certFile === '' && keyFile === '') return undefined;
  if (certFile === '' || keyFile === '')
    throw new PerennialError(
      'invalid_argument',
      'PERENNIAL_CLIENT_CERT and PERENNIAL_CLIENT_KEY are needed both or neither.',
    );
  const pem = { cert: read('PERENNIAL_CLIENT_CERT', certFile), key: read('PERENNIAL_CLIENT_KEY', keyFile) };
  checkTls(pem, { cert: certFile, key: keyFile });
  return pem;
}

async function connectServer(settings: Settings): Promise<Perennial> {
  const { PERENNIAL_SERVER: server, PERENNIAL_TOKEN: token, PERENNIAL_SERVER_CA: caFile } = settings;
  const { host } = parseAddress(server, '--server');
  const certificate = clientCertificate(settings);
  const ca = caFile === '' ? undefined : { ca: read('PERENNIAL_SERVER_CA', caFile) };
  const files = ca === undefined && certificate === undefined ? undefined : { ...ca, ...certificate };
  const tls = files ?? !(await isLoopback(host));
  return connect({
    server,
    tls,
    deadlineMs: DEADLINE_MS,
    ...(token === '' ? {} : { token }),
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectSocket(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

const CODES: Readonly<Partial<Record<Code, ErrorCode>>> = {
  [Code.InvalidArgument]: 'invalid_argument',
  [Code.NotFound]: 'not_found',
  [Code.ResourceExhausted]: 'limit_exceeded',
  [Code.FailedPrecondition]: 'failed_precondition',
  [Code.Unauthenticated]: 'unauthenticated',
  [Code.PermissionDenied]: 'permission_denied',
  [Code.Unavailable]: 'unavailable',
  [Code.DeadlineExceeded]: 'unavailable',
  [Code.Canceled]: 'cancelled',
};

/** Asks the process that holds the store, or where none does, the store itself: by the same question, for the same answer. */
export async function askEngine<T>(
  settings: Settings,
  remote: (engine: Perennial) => Promise<T>,
  local: () => Promise<T>,
): Promise<T> {
  const running = await connectRunning(settings);
  if (running === undefined) return local();
  try {
    return await remote(running);
  } catch (thrown) {
    throw fromServer(thrown);
  } finally {
    running.close();
  }
}

function codeOf(cause: unknown): string {
  return String((cause as { code?: unknown } | undefined)?.code);
}

/** Alerts of TLS that say so. */
const REFUSES_CERTIFICATE =
  /^ERR_SSL_\w+_ALERT_(UNKNOWN_CA|(BAD|UNSUPPORTED)_CERTIFICATE|CERTIFICATE_(EXPIRED|REVOKED|UNKNOWN))$/;

/** The error of a server, as if it had been thrown here. */
export function fromServer(thrown: unknown): unknown {
  if (!(thrown instanceof ConnectError)) return thrown;
  if (isCertificateFault(codeOf(thrown.cause)))
    return new PerennialError(
      'unavailable',
      `The server's certificate is not accepted: ${thrown.rawMessage}`,
      {
        hint: 'Check PERENNIAL_SERVER_CA, and that the certificate has not expired and names the host in PERENNIAL_SERVER or --server.',
        cause: thrown,
      },
    );
  if (REFUSES_CERTIFICATE.test(codeOf(thrown.cause)))
    return new PerennialError('unauthenticated', 'The server does not accept the client certificate.', {
      hint: 'The one in PERENNIAL_CLIENT_CERT has to be of the authority that the server names in PERENNIAL_TLS_CLIENT_CA, and not expired.',
      cause: thrown,
    });
  if (/^ERR_SSL_\w+_ALERT_CERTIFICATE_REQUIRED$/.test(codeOf(thrown.cause)))
    return new PerennialError('unauthenticated', 'The server asks for a client certificate.', {
      hint: 'Name one with PERENNIAL_CLIENT_CERT and PERENNIAL_CLIENT_KEY. Services give `tls.cert` and `tls.key` to perennial/client.',
      cause: thrown,
    });
  // A server of TLS that is spoken to without breaks the connection off at once.
  if (thrown.code === Code.Canceled && thrown.rawMessage.startsWith('http/2 stream closed'))
    return new PerennialError('unavailable', `The server broke the call off: ${thrown.rawMessage}`, {
      hint: 'If it asks for TLS, set PERENNIAL_SERVER_CA; if it does not, leave that empty. If it asks for a client certificate, that in PERENNIAL_CLIENT_CERT has to be of its authority. Else it is stopping: try again.',
      cause: thrown,
    });
  const [info] = thrown.findDetails(ErrorInfoSchema);
  const hint = info?.metadata.hint;
  // The hint follows the message there.
  const message =
    hint !== undefined && thrown.rawMessage.endsWith(` ${hint}`)
      ? thrown.rawMessage.slice(0, -hint.length - 1)
      : thrown.rawMessage;
  return new PerennialError(CODES[thrown.code] ?? 'internal', message, {
    ...(hint === undefined ? {} : { hint }),
    ...(info === undefined ? {} : { reason: info.reason }),
    cause: thrown,
  });
}
