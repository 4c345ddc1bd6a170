import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Keeps a server open to new callers when others hold connections and say nothing: beyond the limit the one that has been without
 * a request for longest goes. A new one is turned away only when all others are being served. Returns how many are open.
 */
export function limitConnections(server: Server, most: number): () => number {
  const open = new Map<string, Socket>();
  /** Without a request, longest first. */
  const silent = new Set<string>();
  server.on('connection', (socket: Socket) => {
    const key = keyOf(socket);
    open.set(key, socket);
    silent.add(key);
    socket.once('close', () => {
      open.delete(key);
      silent.delete(key);
    });
    if (open.size <= most) return;
    const [longest = key] = silent;
    open.get(longest)?.destroy();
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const key = keyOf(socket);
    silent.delete(key);
    response.once('close', () => {
      if (open.has(key)) silent.add(key);
    });
  });
  return () => open.size;
}

/** The same for a connection and for what TLS makes of it. */
function keyOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
