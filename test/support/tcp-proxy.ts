import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * A TCP proxy in this process, in front of a broker or a store: so that a test can cut connections in mid-stream, or
 * refuse new ones, without touching what is behind it.
 */
export class TcpProxy {
  readonly #server = createServer((client) => this.#forward(client));
  readonly #sockets = new Set<Socket>();
  #target: { host: string; port: number };
  #refusing = false;
  #frozen = false;
  /** Connections cut so far. */
  cuts = 0;

  constructor(target: { host: string; port: number }) {
    this.#target = target;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Listens on a free port of the loopback. */
  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  /** Where new connections go from now on, such as a restarted server's new port. */
  pointTo(target: { host: string; port: number }): void {
    this.#target = target;
  }

  /** Resets every open connection, bytes under way included. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.cuts += this.#sockets.size;
    this.#sockets.clear();
  }

  /** While true, new connections are reset at once: the network is gone. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing;
    if (refusing) this.cut();
  }

  /** While true, bytes are held back in both directions and connections stay open: the other side has hung up silently. */
  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    for (const socket of this.#sockets) {
      if (frozen) socket.pause();
      else socket.resume();
    }
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #forward(client: Socket): void {
    // The other side may already be gone; an unhandled 'error' would end the test process.
    client.on('error', () => client.destroy());
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(this.#target);
    upstream.on('error', () => client.destroy());
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
    if (this.#frozen) for (const socket of [client, upstream]) socket.pause();
  }
}
