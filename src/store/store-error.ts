import { isCertificateFault } from '../core/certificate-fault.js';
import { PerennialError } from '../core/errors.js';

/** Runs work on the store and turns whatever it throws into a PerennialError. */
export async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw storeError(thrown);
  }
}

/**
 * ClickHouse error codes that pass by themselves, or once an operator has done something: timeouts, too many parts or queries,
 * memory, a full disk, network, quorum, a query that was killed, shutting down.
 */
const PASSING = new Set([
  ...[
    '159',
    '160',
    '201',
    '202',
    '203',
    '209',
    '210',
    '225',
    '236',
    '241',
    '242',
    '243',
    '252',
    '279',
    '285',
  ],
  ...['319', '394', '425', '439', '745', '999'],
]);

/** Codes for a user who is refused, or may not do this: no password, a wrong one, no such user, no grant, reading only. */
const REFUSED = new Set(['164', '192', '193', '194', '497', '516']);

export function storeError(thrown: unknown): PerennialError {
  if (thrown instanceof PerennialError) return thrown;
  if (isClickHouseError(thrown)) {
    const code = String(thrown.code);
    if (REFUSED.has(code))
      return new PerennialError('permission_denied', `ClickHouse: ${thrown.message}`, {
        hint: 'Check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD; Perennial needs a user that may write and create tables.',
        cause: thrown,
      });
    return new PerennialError(
      PASSING.has(code) ? 'unavailable' : 'internal',
      `ClickHouse: ${thrown.message}`,
      {
        cause: thrown,
      },
    );
  }
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (isCertificateFault((error as { code?: unknown }).code))
    return new PerennialError(
      'unavailable',
      `The certificate of ClickHouse is not accepted: ${error.message}`,
      {
        hint: 'Check CLICKHOUSE_TLS_CA, and that the certificate has not expired and names the host in CLICKHOUSE_URL.',
        cause: thrown,
      },
    );
  if (!isNetworkError(error))
    return new PerennialError('internal', `ClickHouse: ${error.message}`, { cause: thrown });
  return new PerennialError('unavailable', `The store does not answer: ${error.message || error.name}`, {
    hint: 'Check CLICKHOUSE_URL, CLICKHOUSE_USER and CLICKHOUSE_PASSWORD, and that the server runs.',
    cause: thrown,
  });
}

function isNetworkError(error: Error): boolean {
  const code = (error as { code?: unknown }).code;
  return (
    (typeof code === 'string' && /^E[A-Z]+$|^ERR_STREAM|^ERR_SSL|^HPE_|^UND_ERR/.test(code)) ||
    /socket hang up|timeout|network/i.test(error.message)
  );
}

/**
 * Whether the engine itself has answered with this error, so that the query is over. By shape: the client's class has no name, and
 * its codes are texts.
 */
export function isClickHouseError(thrown: unknown): thrown is Error & { code: string | number } {
  if (!(thrown instanceof Error)) return false;
  const { code, type } = thrown as { code?: unknown; type?: unknown };
  return /^\d+$/.test(String(code)) && typeof type === 'string';
}
