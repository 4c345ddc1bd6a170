import { once } from 'node:events';
import { chmodSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type PeerCertificate } from 'node:tls';
import { type Address, formatAddress } from '../../core/address.js';
import { PerennialError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import type { TlsFiles } from './tls-files.js';

/** A port or unix socket that hands over its connections once they are ready for HTTP. */
export interface Listener {
  /** The port that it got; 0 for a unix socket. */
  readonly port: number;
  /** Takes no more connections. Those there are stay. */
  close(): void;
}

/** A client that has not finished TLS by then is none. */
export const HANDSHAKE_MS = 10_000;

/** Listens at host:port, with TLS when given. Throws `unavailable` when the address can't be had. */
export async function listenTcp(
  address: Address,
  setting: string,
  tls: TlsFiles | undefined,
  protocols: readonly string[],
  connected: (socket: Socket) => void,
): Promise<Listener> {
  const server =
    tls === undefined
      ? createTcpServer({ noDelay: true }, connected)
      : createTlsServer(
          {
            ...tls.context,
            ALPNProtocols: [...protocols],
            handshakeTimeout: HANDSHAKE_MS,
            noDelay: true,
            requestCert: tls.requiresClientCertificate,
            rejectUnauthorized: tls.requiresClientCertificate,
          },
          connected,
        );
  const unlisten =
    tls === undefined
      ? () => {}
      : tls.onChange((context) => (server as ReturnType<typeof createTlsServer>).setSecureContext(context));
  server.maxConnections = LIMITS.connections;
  try {
    server.listen({ host: address.host, port: address.port });
    await once(server, 'listening');
  } catch (cause) {
    unlisten();
    throw new PerennialError('unavailable', `The server can't listen on ${formatAddress(address)}.`, {
      hint: `Set ${setting} to a free host:port of this machine, with port 0 for any free one.`,
      retryable: false,
      cause,
    });
  }
  // A connection that fails is that client's matter; one that can't be accepted is tried again by Node.
  server.on('error', () => {});
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      unlisten();
      server.close();
    },
  };
}

/**
 * Listens at a unix socket that only the user of this process can open. One that a process before this left is taken over; throws
 * `failed_precondition` when another process answers on it.
 */
export async function listenUnix(path: string, connected: (socket: Socket) => void): Promise<Listener> {
  if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH)
    throw new PerennialError('failed_precondition', `The path of the socket is too long: ${path}`, {
      hint: `Unix sockets have at most ${LONGEST_SOCKET_PATH} bytes: name the data directory by a shorter path.`,
    });
  if (isSocket(path)) {
    if (await answers(path))
      throw new PerennialError('failed_precondition', `Another process answers on ${path}.`);
    rmSync(path, { force: true });
  }
  const server = createTcpServer(connected);
  try {
    const listening = once(server, 'listening');
    // The file is made within `listen`, so nothing else is made under this mask.
    const before = process.umask(0o177);
    try {
      server.listen(path);
    } finally {
      process.umask(before);
    }
    await listening;
    chmodSync(path, 0o600);
  } catch (cause) {
    throw new PerennialError('unavailable', `The server can't listen on ${path}.`, {
      retryable: false,
      cause,
    });
  }
  server.on('error', () => {});
  // Node removes the file with the server.
  return { port: 0, close: () => void server.close() };
}

/** Bytes of the path of a unix socket that every system allows. */
export const LONGEST_SOCKET_PATH = 103;

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}

async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** The names in a client certificate that TLS has verified: its common name, its DNS and its URI names. */
export function certificateNames({ subject, subjectaltname }: PeerCertificate): readonly string[] {
  const names = [subject?.CN].flat().filter((name): name is string => typeof name === 'string');
  // Node quotes names that hold separators; such ones are not taken apart, so that none can pose as several.
  const others = subjectaltname?.includes('"') === false ? subjectaltname : '';
  for (const part of others.split(', ')) {
    const [, name] = /^(?:DNS|URI):(.+)$/.exec(part) ?? [];
    if (name !== undefined) names.push(name);
  }
  return names;
}
