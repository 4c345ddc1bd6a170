import type { SecureContextOptions } from 'node:tls';
import { WatchedFiles } from '../../access/watched-file.js';
import { systemClock } from '../../core/clock.js';
import { PerennialError } from '../../core/errors.js';
import { checkTls, type TlsPaths } from '../../core/tls-pem.js';
import type { Logger } from '../../telemetry/log.js';

/** TLS as its files say, and anew when they change: a renewed certificate needs no restart. */
export class TlsFiles {
  readonly requiresClientCertificate: boolean;
  readonly #listeners = new Set<(context: SecureContextOptions) => void>();
  #context: SecureContextOptions = {};
  #files: WatchedFiles | undefined;
  #fault: string | undefined;
  #validTo = Number.POSITIVE_INFINITY;

  private constructor(requiresClientCertificate: boolean) {
    this.requiresClientCertificate = requiresClientCertificate;
  }

  /** Throws `invalid_file` for files that can't be read, or that do not belong together. */
  static async open(files: TlsPaths, log: Logger): Promise<TlsFiles> {
    const { cert, key, clientCa } = files;
    const tls = new TlsFiles(clientCa !== undefined);
    const paths = clientCa === undefined ? [cert, key] : [cert, key, clientCa];
    const words = paths.join(', ');
    try {
      tls.#files = await WatchedFiles.open(
        paths,
        ([certificate, privateKey, ca]) => {
          const pem = { cert: certificate!, key: privateKey!, ...(ca === undefined ? {} : { ca }) };
          // Fails here, rather than in every handshake.
          const { validTo, subject } = checkTls(pem, files);
          const context: SecureContextOptions = { ...pem, minVersion: 'TLSv1.2' };
          tls.#context = context;
          tls.#fault = undefined;
          tls.#validTo = Date.parse(validTo);
          for (const listener of tls.#listeners) listener(context);
          if (tls.#validTo <= systemClock())
            log.warn(
              { subject, validTo },
              'The TLS certificate has expired: new connections get it, and clients refuse it',
            );
          else log.info({ subject, validTo }, 'TLS certificate read: new connections get it');
        },
        (thrown) => {
          tls.#fault = `The TLS files can't be used; those before them are served: ${PerennialError.from(thrown).message}`;
          log.error(
            { error: PerennialError.from(thrown), files: words },
            'The changed TLS files are refused',
          );
        },
      );
    } catch (thrown) {
      const { message, hint } = PerennialError.from(thrown);
      throw new PerennialError('invalid_file', `The TLS files can't be used (${words}): ${message}`, {
        hint:
          hint ??
          'PERENNIAL_TLS_CERT, PERENNIAL_TLS_KEY and PERENNIAL_TLS_CLIENT_CA name PEM files that belong together.',
        cause: thrown,
      });
    }
    return tls;
  }

  get context(): SecureContextOptions {
    return this.#context;
  }

  /** Calls the listener with each changed context, until the returned function is called. */
  onChange(listener: (context: SecureContextOptions) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Why the files as they are now are not what is served, or of no use; undefined when all is well. */
  fault(now = systemClock()): string | undefined {
    if (this.#fault !== undefined || now < this.#validTo) return this.#fault;
    return `The TLS certificate expired at ${new Date(this.#validTo).toISOString()}: clients refuse it.`;
  }

  /** Reads the files now, rather than at their next turn. */
  async look(): Promise<void> {
    await this.#files?.look();
  }

  close(): void {
    this.#files?.close();
  }
}
