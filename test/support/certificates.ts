import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate authority in a folder of the test's own, by openssl. */
export function testAuthority(folder: string, name = 'ca') {
  const path = (file: string) => join(folder, file);
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...EC,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    path(`${name}.key`),
    '-out',
    path(`${name}.pem`),
  );
  return {
    path: path(`${name}.pem`),
    pem: readFileSync(path(`${name}.pem`)),
    /** Certificate and key of a name, as files and as PEM. */
    issue(subject: string, altNames = 'DNS:localhost,IP:127.0.0.1') {
      const [key, request, cert, ext] = ['key', 'csr', 'pem', 'ext'].map((end) =>
        path(`${subject}.${end}`),
      ) as [string, string, string, string];
      writeFileSync(ext, `subjectAltName=${altNames}\n`);
      openssl('req', ...EC, '-subj', `/CN=${subject}`, '-keyout', key, '-out', request);
      openssl(
        'x509',
        '-req',
        '-in',
        request,
        '-CA',
        path(`${name}.pem`),
        '-CAkey',
        path(`${name}.key`),
        '-CAcreateserial',
        '-days',
        '2',
        '-extfile',
        ext,
        '-out',
        cert,
      );
      return { cert, key, certPem: readFileSync(cert), keyPem: readFileSync(key) };
    },
  };
}
