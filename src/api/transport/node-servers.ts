import { createServer as createPlainServer, type Server as PlainServer } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { connectNodeAdapter } from '@connectrpc/connect-node';
import { Doorway } from '../../core/doorway.js';
import { LIMITS } from '../../core/limits.js';
import { beginInTurn } from './fair-http2.js';
import { HANDSHAKE_MS } from './listener.js';
import type { TlsFiles } from './tls-files.js';

type Handler = ReturnType<typeof connectNodeAdapter>;
export type NodeRequest = Parameters<Handler>[0];
export type NodeResponse = Parameters<Handler>[1];
type Listener = (request: NodeRequest, response: NodeResponse) => void;

/** How long a caller of HTTP/1.1 may take to send its headers, and its request whole; and how often that is looked at. */
const PATIENCE = {
  headersTimeout: HANDSHAKE_MS,
  requestTimeout: 60_000,
  connectionsCheckingInterval: HANDSHAKE_MS / 4,
};

/** HTTP/1.1 without TLS. */
export function plainServer(listener: Listener): PlainServer {
  return createPlainServer(
    {
      maxHeaderSize: LIMITS.metadataBytes,
      ...PATIENCE,
      noDelay: true,
    },
    listener,
  );
}

/** HTTP/2 and HTTP/1.1 with TLS. */
export function secureServer(listener: Listener, tls: TlsFiles): Http2SecureServer {
  const server = createSecureServer(
    {
      ...tls.context,
      allowHTTP1: true,
      handshakeTimeout: HANDSHAKE_MS,
      requestCert: tls.requiresClientCertificate,
      rejectUnauthorized: tls.requiresClientCertificate,
      settings: { maxConcurrentStreams: LIMITS.callsOfConnection, maxHeaderListSize: LIMITS.metadataBytes },
    },
    listener,
  );
  // HTTP/1.1 there gets a minute for headers and five for a request, and no option says otherwise.
  Object.assign(server, PATIENCE);
  beginInTurn(server, new Doorway());
  return server;
}
