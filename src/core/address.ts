import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { PerennialError } from './errors.js';

/** Where a server listens. */
export interface Address {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** Reads host:port, IPv6 as [host]:port. Throws `invalid_argument` that names the setting it came from. */
export function parseAddress(address: string, setting: string): Address {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, Math.max(0, at)).replace(/^\[(.*)\]$/, '$1');
  const digits = address.slice(at + 1);
  const port = Number(digits);
  const bareIpv6 = host.includes(':') && !address.startsWith('[');
  if (host === '' || bareIpv6 || !/^\d{1,5}$/.test(digits) || port > 65_535) {
    throw new PerennialError('invalid_argument', `${setting} is not host:port: ${address}`, {
      hint: 'Write it as 127.0.0.1:50051, or [::1]:50051 for IPv6; port 0 picks a free one.',
    });
  }
  return { host, port };
}

/** host:port as URLs and gRPC write it. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Whether only this machine can reach a host. A name counts as loopback when every address it stands for is; one that
 * stands for nothing does not.
 */
export async function isLoopback(host: string): Promise<boolean> {
  const found =
    isIP(host) === 0
      ? await lookup(host, { all: true }).catch(() => [])
      : [{ address: host, family: isIP(host) }];
  return (
    found.length > 0 &&
    found.every(({ address, family }) => LOOPBACK.check(address, family === 6 ? 'ipv6' : 'ipv4'))
  );
}
