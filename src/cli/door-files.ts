import { WatchedFiles } from '../access/watched-file.js';
import { type Clock, systemClock } from '../core/clock.js';
import { PerennialError } from '../core/errors.js';
import { checkTls } from '../core/tls-pem.js';
import type { ClickHouseServer } from '../store/http-server/server.js';
import { parseUsers } from '../store/http-server/users.js';
import type { Logger } from '../telemetry/log.js';

/** Files that the HTTP interface of the store was started with. */
export interface DoorFiles {
  readonly users?: string | undefined;
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/**
 * Has the HTTP interface take changed users and certificates without a restart, until the returned function is called. What is wrong
 * with a changed file is logged, and what was there before goes on.
 */
export async function watchDoorFiles(
  server: Pick<ClickHouseServer, 'replaceUsers' | 'replaceTls'>,
  { users, tls }: DoorFiles,
  log: Logger,
  everyMs?: number,
  clock: Clock = systemClock,
): Promise<() => void> {
  const watched: WatchedFiles[] = [];
  const watch = async (
    paths: readonly string[],
    take: (texts: readonly string[]) => Promise<void> | void,
  ) => {
    const refused = (thrown: unknown) =>
      log.error(
        { error: PerennialError.from(thrown), files: paths },
        'A changed file is refused; what it said before goes on',
      );
    let first = true;
    const changed = async (contents: readonly Buffer[]) => {
      await take(contents.map(String));
      if (!first) log.info({ files: paths }, 'A changed file is used from now on');
      first = false;
    };
    watched.push(await WatchedFiles.open(paths, changed, refused, everyMs));
  };
  if (users !== undefined) await watch([users], ([text]) => server.replaceUsers(parseUsers(users, text!)));
  if (tls !== undefined)
    await watch([tls.cert, tls.key], ([cert, key]) => {
      const pem = { cert: cert!, key: key! };
      const { subject, validTo } = checkTls(pem, tls);
      server.replaceTls(pem);
      if (Date.parse(validTo) <= clock())
        log.warn({ subject, validTo }, 'The TLS certificate has expired: clients refuse it');
    });
  return () => {
    for (const files of watched) files.close();
  };
}
