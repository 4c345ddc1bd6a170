import type { IncomingHttpHeaders } from 'node:http';
import { LONGEST_TIMER_MS } from '../../core/long-timer.js';

/** The longest timer, in words of gRPC. */
const LONGEST = `${Math.floor(LONGEST_TIMER_MS / 1_000)}S`;
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** The `grpc-timeout` header in milliseconds; undefined where there is none, or it is malformed. */
export function grpcTimeoutMs(header: string | readonly string[] | undefined): number | undefined {
  const [, value, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(header ?? '')) ?? [];
  return value === undefined ? undefined : Number(value) * UNIT_MS[unit!]!;
}

/** Shortens timeouts of weeks, which callers send who mean "no end", to what the libraries of both protocols can count: they end such calls at once. */
export function shortenTimeouts(headers: IncomingHttpHeaders): void {
  if ((grpcTimeoutMs(headers['grpc-timeout']) ?? 0) > LONGEST_TIMER_MS) headers['grpc-timeout'] = LONGEST;
  const ofConnect = headers['connect-timeout-ms'];
  if (ofConnect !== undefined && /^\d{10}$/.test(String(ofConnect)) && Number(ofConnect) > LONGEST_TIMER_MS)
    headers['connect-timeout-ms'] = String(LONGEST_TIMER_MS);
}
