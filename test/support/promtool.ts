import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { projectFile } from './project.js';

const MODULE = 'github.com/prometheus/prometheus/cmd/promtool@v0.316.0';
const FOLDER = projectFile('test/support/promtool/bin');

const works = (file: string, ...args: string[]) => spawnSync(file, args, { stdio: 'ignore' }).status === 0;

/**
 * Prometheus's own evaluator of rules: PROMTOOL, one in the path, or one that is built here with Go (which takes minutes, once) where
 * REQUIRE_PROMTOOL=1 asks for it. Undefined where none can be had.
 */
export function findPromtool(): string | undefined {
  const built = join(FOLDER, 'promtool');
  for (const file of [process.env.PROMTOOL ?? '', 'promtool', built])
    if (file !== '' && works(file, '--version')) return file;
  if (process.env.REQUIRE_PROMTOOL !== '1') return undefined;
  return alone(() => (works(built, '--version') ? built : build(built)));
}

/** Test files run beside each other: one of them builds, the others wait for it. */
function alone<T>(work: () => T): T {
  mkdirSync(FOLDER, { recursive: true });
  const lock = join(FOLDER, 'lock');
  for (let waited = 0; ; waited++) {
    try {
      mkdirSync(lock);
      break;
    } catch (thrown) {
      // Left by a run that was killed.
      if (waited > 1_800) throw thrown;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    }
  }
  try {
    return work();
  } finally {
    rmSync(lock, { recursive: true });
  }
}

function build(built: string): string {
  // Without the packages that find machines in clouds: they are most of it, and no rule needs them.
  const done = spawnSync('go', ['install', '-tags', 'remove_all_sd', MODULE], {
    env: { ...process.env, GOBIN: FOLDER },
    encoding: 'utf8',
  });
  if (done.status === 0 && existsSync(built)) return built;
  throw new Error(`promtool could not be built (REQUIRE_PROMTOOL=1): ${done.error ?? done.stderr}`);
}

/** What a process said at /metrics, second by second; undefined: it did not answer. */
export type Scrape = ReadonlyMap<string, number> | undefined;

/** The samples of Perennial's own figures, by name and labels, but for the buckets that no rule asks for. */
export function readMetrics(text: string, instance: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, labels, value] = /^(perennial_\w+)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    if (name === undefined || /^perennial_(nodejs|process|grpc|ingest_batch)_/.test(name)) continue;
    const all = [...(labels === undefined || labels === '' ? [] : [labels]), `instance="${instance}"`];
    samples.set(`${name}{${all.join(',')}}`, Number(value));
  }
  return samples;
}

/** The alarms that fire each few seconds, by instance: `alarms.get(instance)` maps an alarm to the first second in which it fires. */
export function alarmsOf(
  promtool: string,
  rules: string,
  scrapes: readonly (readonly Scrape[])[],
  everySeconds: number,
): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const seconds = Math.max(...scrapes.map(({ length }) => length));
  const series = scrapes.flatMap((of) => {
    const names = new Set(of.flatMap((scrape) => [...(scrape?.keys() ?? [])]));
    return [...names].map((name) => ({
      series: name,
      values: of.map((scrape) => String(scrape?.get(name) ?? '_')).join(' '),
    }));
  });
  const times = Array.from({ length: Math.floor(seconds / everySeconds) }, (_, i) => (i + 1) * everySeconds);
  const file = {
    rule_files: [rules],
    evaluation_interval: '1s',
    tests: [
      {
        interval: '1s',
        input_series: series,
        promql_expr_test: times.map((time) => ({
          expr: 'ALERTS{alertstate="firing"}',
          eval_time: `${time}s`,
          exp_samples: [],
        })),
      },
    ],
  };
  return firstFiring(run(promtool, stringify(file)));
}

/** It has no way to print what an expression gives, but for saying that it is not what was expected. */
function run(promtool: string, test: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-rules-'));
  try {
    const path = join(folder, 'test.yaml');
    writeFileSync(path, test);
    const { stdout, stderr, error } = spawnSync(promtool, ['test', 'rules', path], {
      encoding: 'utf8',
      maxBuffer: 100_000_000,
    });
    if (error !== undefined) throw error;
    return stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function firstFiring(output: string): Map<string, Map<string, number>> {
  const first = new Map<string, Map<string, number>>();
  if (!/SUCCESS|FAILED/.test(output)) throw new Error(output);
  for (const [, time, got] of output.matchAll(/time: (\w+),\s+exp: .*\s+got: (.*)/g)) {
    for (const [, labels] of got!.matchAll(/\{([^}]*)\}/g)) {
      const label = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(labels!)?.[1] ?? '';
      const ofInstance = first.get(label('instance')) ?? new Map<string, number>();
      first.set(label('instance'), ofInstance);
      const at = secondsOf(time!);
      ofInstance.set(label('alertname'), Math.min(at, ofInstance.get(label('alertname')) ?? at));
    }
  }
  return first;
}

/** Such as 1m15s. */
function secondsOf(time: string): number {
  const [, minutes = '0', seconds = '0'] = /^(?:(\d+)m)?(?:(\d+)s)?$/.exec(time) ?? [];
  return 60 * Number(minutes) + Number(seconds);
}
