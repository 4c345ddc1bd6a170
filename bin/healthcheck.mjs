// Asks the process of this container whether it is ready: what a Docker HEALTHCHECK runs. Which question that is depends on the command
// that the container was started with. A command that ends by itself has nothing to ask, and counts as healthy.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** Commands that serve /readyz at PERENNIAL_HTTP. */
const ROLES = new Set(['up', 'ingest', 'score', 'serve']);

/** The URL to ask; undefined: there is none. */
export function healthUrl(args, env) {
  const [command, ...rest] = args;
  if (command === 'clickhouse') {
    const tls = rest.some((word) => word.startsWith('--tls-cert'));
    return `${tls ? 'https' : 'http'}://${localAddress(option(rest, '--listen') ?? '127.0.0.1:8123')}/ping`;
  }
  const address = env.PERENNIAL_HTTP ?? '127.0.0.1:9464';
  return ROLES.has(command) && address !== '' ? `http://${localAddress(address)}/readyz` : undefined;
}

function option(words, name) {
  const at = words.indexOf(name);
  if (at >= 0) return words[at + 1];
  return words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** "Every address" is one that listens, not one that is asked. */
function localAddress(address) {
  return address.replace(/^(0\.0\.0\.0|\[::\]|\*)?:/, '127.0.0.1:');
}

/** The words behind bin/perennial.mjs of the process that runs in this container. */
function commandOf(process1) {
  const words = process1.split('\0').filter((word) => word !== '');
  return words.slice(words.findIndex((word) => word.endsWith('perennial.mjs')) + 1);
}

async function isHealthy() {
  const url = healthUrl(commandOf(readFileSync('/proc/1/cmdline', 'utf8')), process.env);
  if (url === undefined) return true;
  // Asked on this machine; the certificate is for the names that others use.
  if (url.startsWith('https:')) process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  return fetch(url).then(
    (answer) => answer.ok,
    () => false,
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exit((await isHealthy()) ? 0 : 1);
