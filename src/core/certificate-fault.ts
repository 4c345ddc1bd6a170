const CODES =
  /^(ERR_TLS_CERT|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(GET|VERIFY)|HOSTNAME_MISMATCH|INVALID_CA)/;

/** Whether an error of Node's TLS with this code says that the other side's certificate is not accepted. */
export function isCertificateFault(code: unknown): code is string {
  return typeof code === 'string' && CODES.test(code);
}
