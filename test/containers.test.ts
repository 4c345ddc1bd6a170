import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { SETTINGS } from '../src/core/settings.js';
import { projectFile } from './support/project.js';
import { runCli } from './support/run-cli.js';

const { healthUrl } = (await import(projectFile('bin/healthcheck.mjs'))) as {
  healthUrl(args: readonly string[], env: Readonly<Record<string, string>>): string | undefined;
};

interface Service {
  readonly image: string;
  readonly build?: object;
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: object;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const read = (path: string) => readFileSync(projectFile(path), 'utf8');

describe('docker-compose.yml', () => {
  const { services, volumes } = parse(read('docker-compose.yml'), { merge: true }) as {
    services: Record<string, Service>;
    volumes: Record<string, unknown>;
  };
  const own = Object.entries(services).filter(([, service]) => service.build !== undefined);

  test('starts a broker, a store, the topics and the three roles', () => {
    expect(Object.keys(services)).toEqual(['kafka', 'clickhouse', 'topics', 'ingest', 'score', 'serve']);
    expect(own.map(([name]) => name)).toEqual(['topics', 'ingest', 'score', 'serve']);
  });

  test('sets only what Perennial reads', () => {
    for (const [name, { environment }] of own) {
      for (const variable of Object.keys(environment))
        expect(Object.keys(SETTINGS), name).toContain(variable);
    }
  });

  test('starts commands that exist', async () => {
    for (const [name, { command }] of own) {
      const words = command!.filter((word) => !word.startsWith('-'));
      const { code, stdout } = await runCli([...words, '--help']);
      expect(code, name).toBe(0);
      expect(stdout, name).toContain(`Usage: perennial ${words.join(' ')}`);
      for (const flag of command!.filter((word) => word.startsWith('-')))
        expect(stdout, name).toContain(flag);
    }
  });

  test('bounds what its own services may use and do', () => {
    for (const [name, service] of own) {
      expect(service, name).toMatchObject({ read_only: true, cap_drop: ['ALL'], tmpfs: ['/tmp'] });
      expect(service, name).toHaveProperty('mem_limit');
      expect(service, name).toHaveProperty('pids_limit');
    }
  });

  test('opens ports to this machine only', () => {
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  test('holds no password', () => {
    for (const [name, { environment }] of Object.entries(services)) {
      const secrets = Object.entries(environment).filter(([key]) => /PASSWORD|SECRET|TOKEN/.test(key));
      for (const [key, value] of secrets) expect(value, `${name} ${key}`).toMatch(/^\$\{[A-Z_]+:\?.+\}$/);
    }
  });

  test('waits for what is healthy', () => {
    for (const [name, service] of Object.entries(services)) {
      for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(services, `${name} waits for ${other}`).toHaveProperty(other);
        // The services of other makers have their own check; ours have that of the image.
        if (condition === 'service_healthy') expect(services[other]!.healthcheck, other).toBeDefined();
      }
    }
  });

  test('mounts what exists', () => {
    for (const mount of Object.values(services).flatMap((service) => service.volumes ?? [])) {
      const [from] = mount.split(':') as [string];
      if (from.startsWith('./')) expect(existsSync(projectFile(from)), mount).toBe(true);
      else expect(volumes, mount).toHaveProperty(from);
    }
  });
});

describe('Dockerfile', () => {
  const lines = read('Dockerfile').split('\n');
  const copied = lines
    .filter((line) => /^COPY (?!--from)/.test(line))
    .flatMap((line) => line.split(' ').slice(1, -1));

  test('copies what exists and what .dockerignore lets through', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    expect(copied.length).toBeGreaterThan(10);
    for (const source of copied) expect(existsSync(projectFile(source)), source).toBe(true);
    expect([...new Set(copied)].sort()).toEqual([...allowed].sort());
  });

  test('runs as a user without rights, by number, on one Node with long-term support', () => {
    expect(lines).toContain('USER 1000:1000');
    const bases = lines.flatMap((line) => /^FROM node:(\d+)-slim/.exec(line)?.[1] ?? []);
    expect(bases).toHaveLength(3);
    expect(new Set(bases).size).toBe(1);
    expect(Number(bases[0]) % 2).toBe(0);
  });

  test('writes to /data and /tmp only, and hands signals and orphans to an init', () => {
    expect(lines).toContain('VOLUME /data');
    expect(read('Dockerfile')).toMatch(/^ENV .*PERENNIAL_DATA=\/data /m);
    expect(lines.find((line) => line.startsWith('ENTRYPOINT'))).toMatch(/^ENTRYPOINT \["tini", "--", "node"/);
  });

  test('leaves the embedded engine out of the image for roles that use a server, and docker-compose.yml uses that one', () => {
    const stages = read('Dockerfile').split(/^FROM /m);
    const stage = (name: string) => stages.find((text) => text.split('\n')[0]!.endsWith(` AS ${name}`))!;
    expect(stage('packages-of-roles')).toContain('RUN rm -rf node_modules/@chdb\n');
    expect(stage('roles')).toContain('COPY --from=packages-of-roles ');
    // That is where the engine is: the package chdb itself is small, and finds out at run time that it is not there.
    const { optionalDependencies } = JSON.parse(read('node_modules/chdb/package.json'));
    expect(Object.keys(optionalDependencies).filter((name) => !name.startsWith('@chdb/'))).toEqual([]);
    const compose = parse(read('docker-compose.yml'), { merge: true });
    for (const service of Object.values(compose.services) as Service[])
      if (service.build !== undefined) {
        expect(service.build).toMatchObject({ target: 'roles' });
        expect(service.environment).toHaveProperty('CLICKHOUSE_URL');
      }
  });

  test('can be reached from outside the container', () => {
    const env = Object.fromEntries(
      [...read('Dockerfile').matchAll(/(PERENNIAL_\w+)=(\S+)/g)].map(([, k, v]) => [k, v]),
    );
    expect(env).toMatchObject({ PERENNIAL_HTTP: '0.0.0.0:9464', PERENNIAL_GRPC: '0.0.0.0:50051' });
    expect(Object.keys(SETTINGS)).toEqual(expect.arrayContaining(Object.keys(env)));
  });
});

test('updates of packages, actions, images and the broker are asked for every week or month', () => {
  const { updates } = parse(read('.github/dependabot.yml')) as {
    updates: { 'package-ecosystem': string; schedule: { interval: string } }[];
  };
  expect(updates.map((update) => update['package-ecosystem']).sort()).toEqual([
    'docker',
    'github-actions',
    'maven',
    'npm',
  ]);
  for (const { schedule } of updates) expect(schedule.interval).toMatch(/^(weekly|monthly)$/);
  // The page that people look for.
  expect(read('SECURITY.md')).toMatch(/report a weakness privately/);
});

describe('the health check of the image', () => {
  const inContainer = { PERENNIAL_HTTP: '0.0.0.0:9464' };
  test.each([
    ['serve --insecure', inContainer, 'http://127.0.0.1:9464/readyz'],
    ['ingest', {}, 'http://127.0.0.1:9464/readyz'],
    ['up', { PERENNIAL_HTTP: ':8080' }, 'http://127.0.0.1:8080/readyz'],
    ['score', { PERENNIAL_HTTP: '10.0.0.7:9464' }, 'http://10.0.0.7:9464/readyz'],
    ['clickhouse --listen 0.0.0.0:8123 --users u.yaml', inContainer, 'http://127.0.0.1:8123/ping'],
    [
      'clickhouse --tls-cert c.pem --tls-key k.pem --listen=[::]:8443',
      inContainer,
      'https://127.0.0.1:8443/ping',
    ],
  ])('asks of `%s` what it serves', (command, env, url) => {
    expect(healthUrl(command.split(' '), env)).toBe(url);
  });

  test('has nothing to ask of what ends by itself, or serves no health', () => {
    expect(healthUrl(['topics', 'create'], inContainer)).toBeUndefined();
    expect(healthUrl(['serve'], { PERENNIAL_HTTP: '' })).toBeUndefined();
  });
});
