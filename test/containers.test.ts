import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { SETTINGS } from '../src/core/settings.js';
import { projectFile } from './support/project.js';
import { runCli } from './support/run-cli.js';

interface Service {
  readonly image: string;
  readonly build?: string;
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

  test('runs as a user without rights, on a Node that package.json allows', () => {
    expect(lines).toContain('USER node');
    const least = JSON.parse(read('package.json')).engines.node as string;
    const bases = lines.flatMap((line) => /^FROM node:(\d+)-slim/.exec(line)?.[1] ?? []);
    expect(bases).toHaveLength(3);
    for (const base of bases) expect(least).toBe(`>=${base}.19`);
  });
});
