import { describe, expect, it } from 'vitest';
import { parseListen } from '../../src/cli/commands/clickhouse.js';
import { EXIT } from '../../src/cli/exit-codes.js';
import { runCli } from '../support/run-cli.js';

describe('the address of perennial clickhouse', () => {
  it.each([
    ['127.0.0.1:8123', '127.0.0.1', 8123],
    ['8123', '127.0.0.1', 8123],
    ['[::1]:0', '::1', 0],
    ['db.example.com:443', 'db.example.com', 443],
  ])('%s is host and port', (text, host, port) => expect(parseListen(text)).toEqual({ host, port }));

  it.each(['', 'host', 'host:', ':1', '::1:8123', 'host:65536', 'host:x', 'a:1:2'])('%s is none', (text) => {
    expect(() => parseListen(text)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});

describe('perennial clickhouse', () => {
  it('refuses what it can not do safely, and says what to do', async () => {
    const open = await runCli(['clickhouse', '--listen', '0.0.0.0:0'], {});
    expect([open.code, open.stderr]).toEqual([
      EXIT.usage,
      expect.stringMatching(/no TLS and no users[\s\S]*--insecure/),
    ]);
    const half = await runCli(['clickhouse', '--tls-cert', 'x.pem'], {});
    expect([half.code, half.stderr]).toEqual([EXIT.usage, expect.stringContaining('belong together')]);
    const users = await runCli(['clickhouse', '--users', 'nowhere.yaml'], {});
    expect([users.code, users.stderr]).toEqual([EXIT.notFound, expect.stringContaining('nowhere.yaml')]);
    const places = await runCli(['clickhouse', '--concurrency', '0'], {});
    expect(places.code).toBe(EXIT.usage);
  });
});
