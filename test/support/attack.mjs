// Attacks on a server of the API by HTTP/2, one a process: Node's own client does not survive all of them. Arguments: attack, host:port.
import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import { gzipSync } from 'node:zlib';

const [, , attack, target] = process.argv;

async function session(settings = {}) {
  const made = connect(`http://${target}`, { settings });
  made.on('error', () => {});
  await once(made, 'connect');
  return made;
}

function open(of, method, body, more = {}) {
  const stream = of.request({
    ':method': 'POST',
    ':path': `/perennial.v1.${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...more,
  });
  stream.on('error', () => {});
  if (body !== undefined) stream.end(body);
  return stream;
}

/** Resolves once a stream has closed, by whatever error. */
const closing = (stream) => new Promise((resolve) => stream.once('close', resolve));

/** A message as gRPC frames it. */
function message(bytes, { compressed = false, length = bytes.length } = {}) {
  const header = Buffer.alloc(5);
  header.writeUInt8(Number(compressed), 0);
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, bytes]);
}

/** A message whose field 1 is this text. */
function text(value) {
  const bytes = Buffer.from(value);
  return message(Buffer.concat([Buffer.from([10, bytes.length]), bytes]));
}
const GET = text('a');

const attacks = {
  /** Streams that are opened and reset as fast as can be. */
  async resets() {
    const attacker = await session();
    for (let i = 0; i < 5_000 && !attacker.closed && !attacker.destroyed; i++) {
      open(attacker, 'RiskService/ListRisks', message(Buffer.alloc(0))).close(constants.NGHTTP2_CANCEL);
      if (i % 200 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  },
  /** Messages that unpack to a hundred times what they are, or are not what they say. */
  async bombs() {
    const bomb = message(gzipSync(Buffer.alloc(64 * 1_048_576)), { compressed: true });
    const attacker = await session();
    const streams = Array.from({ length: 10 }).flatMap(() => [
      open(attacker, 'RiskService/GetRisk', bomb, { 'grpc-encoding': 'gzip' }),
      open(attacker, 'SignalService/IngestSignals', bomb, { 'grpc-encoding': 'gzip' }),
      open(attacker, 'RiskService/GetRisk', message(GET, { length: 0xffff_ffff })),
      open(attacker, 'RiskService/GetRisk', message(Buffer.alloc(64, 0xff))),
      open(attacker, 'RiskService/GetRisk', message(GET, { compressed: true })),
      open(attacker, 'RiskService/GetRisk', Buffer.alloc(3)),
      open(attacker, 'RiskService/Nothing', GET),
    ]);
    await Promise.all(
      streams.map(async (stream) => {
        stream.resume();
        if (!stream.closed) await once(stream, 'close');
      }),
    );
  },
  /** A thousand watches on each of three connections. */
  async watches() {
    const attackers = await Promise.all([session(), session(), session()]);
    await Promise.all(
      attackers.map((attacker) =>
        Promise.all(
          Array.from({ length: 1_000 }, () =>
            once(open(attacker, 'RiskService/WatchRisks', message(Buffer.alloc(0))), 'response'),
          ),
        ),
      ),
    );
  },
  /** Requests that lack a byte, until the server has enough of them. */
  async halves() {
    const attacker = await session();
    const half = message(Buffer.alloc(4_194_303), { length: 4_194_304 });
    const streams = Array.from({ length: 100 }, () => {
      const stream = open(attacker, 'SignalService/IngestSignals');
      stream.write(half);
      return stream;
    });
    await Promise.race(streams.map(closing));
  },
  /** Large answers of which nothing is read, until the server has enough of them. */
  async answers() {
    const attackers = await Promise.all([1, 2, 3].map(() => session({ initialWindowSize: 0 })));
    const ids = message(Buffer.concat(Array.from({ length: 1_000 }, () => GET.subarray(5))));
    const streams = attackers.flatMap((attacker) =>
      Array.from({ length: 990 }, () => open(attacker, 'RiskService/BatchGetRisks', ids)),
    );
    await Promise.race(streams.map(closing));
  },
  /** Answers that nobody reads, of a caller that leaves in the middle of them. */
  async unread() {
    const attacker = await session();
    const query = text("SELECT repeat('x', 1000) AS x FROM numbers(200000)");
    const streams = Array.from({ length: 12 }, () => open(attacker, 'QueryService/RunQuery', query));
    await Promise.race(streams.map((stream) => once(stream, 'response')));
  },
};

await attacks[attack]();
process.exit(0);
