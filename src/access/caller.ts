import type { Millis } from '../core/clock.js';
import { SCOPES, type Scope } from './scope.js';

/** A caller whose credentials were accepted. */
export interface Caller {
  /** Who it is, for logs, limits and audit: the name of a token or certificate, or a JWT's subject. */
  readonly name: string;
  readonly by: 'token' | 'jwt' | 'certificate' | 'machine';
  readonly scopes: ReadonlySet<Scope>;
  /** Calls a second; null: not limited. */
  readonly callsPerSecond: number | null;
  /** When the credentials end; null: they don't. */
  readonly expires: Millis | null;
}

/** Anyone who can reach a port of this machine, or its socket, where no credentials are asked for. */
export const MACHINE: Caller = {
  name: 'local',
  by: 'machine',
  scopes: new Set(SCOPES),
  callsPerSecond: null,
  expires: null,
};

/** What is known of who is at the other end, before any credentials are looked at. */
export interface Peer {
  /** Address for logs; "unix" for a socket of this machine. */
  readonly address: string;
  /** Names in the client's certificate, once TLS has verified it; empty without one. */
  readonly certificateNames: readonly string[];
}
