import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A proxy in front of a store that keeps back the first request of a kind, as a network does that is slow at the worst moment. */
export class HoldingProxy {
  readonly #server: Server;
  /** Resolves once a request is kept back. */
  readonly held: Promise<void>;
  #hold = () => {};
  #release = () => {};
  readonly #released = new Promise<void>((resolve) => {
    this.#release = resolve;
  });

  /** `holds`: says of a statement whether it is the one. */
  constructor(target: string, holds: (statement: string) => boolean) {
    this.held = new Promise((resolve) => {
      this.#hold = resolve;
    });
    let waiting = true;
    this.#server = createServer(async (incoming, answer) => {
      const body = await buffer(incoming);
      const statement = new URL(incoming.url!, target).searchParams.get('query') ?? '';
      if (waiting && holds(statement)) {
        waiting = false;
        this.#hold();
        await this.#released;
      }
      const url = new URL(incoming.url!, target);
      const outgoing = request(url, { method: incoming.method, headers: incoming.headers }, (response) => {
        answer.writeHead(response.statusCode!, response.headers);
        response.pipe(answer);
      });
      outgoing.on('error', () => answer.destroy());
      outgoing.end(body);
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Lets the request go that is kept back. */
  release(): void {
    this.#release();
  }

  stop(): void {
    this.#release();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
