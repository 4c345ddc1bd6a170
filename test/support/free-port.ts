import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** The system may give one port out twice in a row, and a broker has two of them. */
const given = new Set<number>();

/** A port that was free a moment ago, for servers that must be told their port before they start. Another one each time. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await anyPort();
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}

async function anyPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
