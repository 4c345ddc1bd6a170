import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give out by themselves, to servers that ask for any and to connections, from 32768 or 49152 on: one of
 * those may be taken by another test between the look and the start. A broker took what such a server said for a message of a gigabyte.
 */
const FIRST = 20_000;
const LAST = 32_000;

const given = new Set<number>();

/** A port that was free a moment ago, for servers that must be told their port before they start. Another one each time. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
