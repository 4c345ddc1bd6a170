import { type ExecFileOptions, execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileAccess } from '../../src/access/access-control.js';
import { newToken, tokenHash } from '../../src/access/token.js';
import { formatAddress } from '../../src/core/address.js';
import { silentLogger } from '../../src/telemetry/log.js';
import { namedBlocks } from '../support/markdown.js';
import { projectFile } from '../support/project.js';
import { findPython } from '../support/python.js';
import { NOW, type ScoredEngine, type Served, scoredEngine, serve } from './support.js';

const blocks = namedBlocks('docs/api.md');
const folder = mkdtempSync(join(tmpdir(), 'perennial-languages-'));
const token = newToken();
let scored: ScoredEngine;
let api: Served;
let guarded: Served;
let access: FileAccess;

beforeAll(async () => {
  scored = await scoredEngine(5);
  api = await serve(scored.engine, { http: { address: '127.0.0.1:0', origins: [] } });
  const file = join(folder, 'access.yaml');
  writeFileSync(file, `tokens:\n  - {name: t, sha256: ${tokenHash(token)}, scopes: [read, ingest]}\n`);
  access = await FileAccess.open(file, () => NOW, silentLogger());
  guarded = await serve(scored.engine, { access });
}, 120_000);
afterAll(async () => {
  await api.stop();
  await guarded.stop();
  access.close();
  await scored.close();
  rmSync(folder, { recursive: true, force: true });
});

const start = promisify(execFile);
/** Runs a program to its end, and gives what it printed. Rejects with what it said when it fails. */
async function run(program: string, args: readonly string[], options: ExecFileOptions = {}): Promise<string> {
  const { stdout } = await start(program, args, { maxBuffer: 1e8, encoding: 'utf8', ...options });
  return String(stdout);
}

/** An example of the page, at the address of this test, with the patience of a busy machine. */
const example = (name: string) =>
  blocks
    .get(name)!
    .replace('127.0.0.1:50051', api.target)
    .replace('timeout=0.5', 'timeout=30')
    .replace('500*time.Millisecond', '30*time.Second');
const protos = (...packages: string[]) =>
  packages.flatMap((path) =>
    readdirSync(projectFile(`proto/${path}`)).map((file) => projectFile(`proto/${path}/${file}`)),
  );
const FIRST_RISK = /^\d+\.\d \w+ /;

describe('curl', () => {
  it('asks by HTTP as docs/api.md says', async () => {
    const http = formatAddress(api.server.http!);
    const body = '{"subscription_id": "sub-000002-1"}';
    const url = `http://${http}/perennial.v1.RiskService/GetRisk`;
    const answer = await run('curl', ['-sS', '-H', 'content-type: application/json', '-d', body, url]);
    expect(JSON.parse(answer)).toMatchObject({ subscriptionId: 'sub-000002-1', band: 'BAND_MEDIUM' });
  });
});

const python = findPython();
describe.skipIf(python.python === undefined)('Python', () => {
  it('asks its first risk, reads errors, and sends signals, by the client that protoc makes', async () => {
    const gen = join(folder, 'python');
    mkdirSync(gen);
    const include = ['-I', projectFile('proto'), `--python_out=${gen}`, `--grpc_python_out=${gen}`];
    await run(python.python!, [
      '-m',
      'grpc_tools.protoc',
      ...include,
      ...protos('perennial/v1', 'buf/validate'),
    ]);
    const env = { ...process.env, PYTHONPATH: gen };
    writeFileSync(join(gen, 'first_risk.py'), example('python first-risk'));
    expect(await run(python.python!, [join(gen, 'first_risk.py')], { env })).toMatch(FIRST_RISK);
    const check = projectFile('test/clients/python_check.py');
    expect(await run(python.python!, [check, guarded.target, token], { env })).toBe('ok\n');
  });
});

/** Go with the modules of test/clients/go, or why there is none. In CI there must be. */
async function findGo(): Promise<string | undefined> {
  try {
    const bin = projectFile('test/clients/go/bin');
    const packages = [
      'github.com/fullstorydev/grpcurl/cmd/grpcurl',
      'google.golang.org/grpc/cmd/protoc-gen-go-grpc',
      'google.golang.org/protobuf/cmd/protoc-gen-go',
    ];
    mkdirSync(bin, { recursive: true });
    if (!existsSync(join(bin, 'protoc-gen-go')))
      await run('go', ['build', '-o', `${bin}/`, ...packages], { cwd: projectFile('test/clients/go') });
    return bin;
  } catch (thrown) {
    if (process.env.REQUIRE_GO === '1') throw thrown;
    console.warn(`The clients in Go are not tested: ${thrown instanceof Error ? thrown.message : thrown}`);
    return undefined;
  }
}
const bin = await findGo();

describe.skipIf(bin === undefined)('grpcurl', () => {
  const grpcurl = (...args: string[]) => run(join(bin!, 'grpcurl'), ['-plaintext', ...args]);

  it('lists, describes with comments, and asks, by reflection alone', async () => {
    expect(await grpcurl(api.target, 'list')).toContain('perennial.v1.RiskService');
    const described = await grpcurl(api.target, 'describe', 'perennial.v1.Risk');
    expect(described).toContain('0 to 100, higher is worse');
    const data = '{"subscription_id": "sub-000002-1"}';
    const risk = JSON.parse(await grpcurl('-d', data, api.target, 'perennial.v1.RiskService/GetRisk'));
    expect(risk).toMatchObject({ subscriptionId: 'sub-000002-1', band: 'BAND_MEDIUM' });
  });

  it('shows the details of an error', async () => {
    const method = 'perennial.v1.RiskService/GetRisk';
    const failed = await grpcurl('-d', '{"subscription_id": ""}', api.target, method).catch(
      (thrown: { stderr: string }) => thrown.stderr,
    );
    for (const shown of [
      'InvalidArgument',
      'google.rpc.ErrorInfo',
      'google.rpc.BadRequest',
      'subscription_id',
    ])
      expect(failed).toContain(shown);
    expect(failed).not.toContain('not recognized');
  });

  it('shows a token', async () => {
    const data = ['-d', '{"page_size": 1}'];
    const authorization = ['-H', `authorization: Bearer ${token}`];
    const method = 'perennial.v1.RiskService/ListRisks';
    expect(await grpcurl(...authorization, ...data, guarded.target, method)).toContain('subscriptionId');
    await expect(grpcurl(...data, guarded.target, method)).rejects.toThrow();
  });
});

describe.skipIf(bin === undefined)('Go', () => {
  it('asks its first risk by the client that protoc makes', async () => {
    const module = join(folder, 'go');
    mkdirSync(module);
    for (const file of ['go.mod', 'go.sum'])
      cpSync(projectFile(`test/clients/go/${file}`), join(module, file));
    const template = {
      version: 'v2',
      plugins: ['go', 'go-grpc'].map((name) => ({
        local: join(bin!, `protoc-gen-${name}`),
        out: module,
        opt: ['module=perennial'],
      })),
      inputs: [{ directory: projectFile('proto'), paths: [projectFile('proto/perennial')] }],
    };
    await run(projectFile('node_modules/.bin/buf'), ['generate', '--template', JSON.stringify(template)]);
    writeFileSync(join(module, 'main.go'), example('go first-risk'));
    expect(await run('go', ['run', '.'], { cwd: module })).toMatch(FIRST_RISK);
  });
});
