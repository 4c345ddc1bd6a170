import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { PerennialError } from './errors.js';

/** Where the PEM files of TLS are. */
export interface TlsPaths {
  readonly cert: string;
  readonly key: string;
  /** Authority of client certificates. Given: every client must have one. */
  readonly clientCa?: string;
}

type Pem = string | Buffer;

/**
 * Reads what PEM files of TLS hold, and gives back the certificate. Throws `invalid_file` naming the file at fault: OpenSSL would say it in
 * its own words, an authority that is none not before every client is refused.
 */
export function checkTls(
  { cert, key, ca }: { readonly cert: Pem; readonly key: Pem; readonly ca?: Pem },
  paths: TlsPaths,
): X509Certificate {
  const certificate = certificateIn(cert, paths.cert);
  if (ca !== undefined) certificateIn(ca, paths.clientCa ?? '');
  let isOfKey: boolean;
  try {
    isOfKey = certificate.checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw new PerennialError('invalid_file', `${paths.key} holds no private key that can be read.`, {
      hint: 'A key in PEM begins with "-----BEGIN PRIVATE KEY-----", or another kind of private key, and has no password.',
      cause,
    });
  }
  if (!isOfKey)
    throw new PerennialError('invalid_file', `The key in ${paths.key} is not that of ${paths.cert}.`, {
      hint: 'A certificate that was issued for a new key needs that key beside it. The certificate itself stands first in its file, before those that issued it.',
    });
  try {
    createSecureContext({ cert, key, ...(ca === undefined ? {} : { ca }) });
  } catch (cause) {
    throw new PerennialError(
      'invalid_file',
      `${paths.cert} can't be used for TLS: ${PerennialError.from(cause).message}.`,
      { hint: 'Have it issued anew, with a key of at least 2048 bits for RSA.', cause },
    );
  }
  return certificate;
}

function certificateIn(pem: Pem, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new PerennialError('invalid_file', `${path} holds no certificate that can be read.`, {
      hint: 'A certificate in PEM begins with "-----BEGIN CERTIFICATE-----".',
      cause,
    });
  }
}
