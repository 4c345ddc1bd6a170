/** What a check finds: nothing, or what is wrong in a sentence. */
export type HealthCheck = () => string | undefined;

export interface HealthReport {
  readonly ok: boolean;
  /** What is wrong, by the name of the check. */
  readonly faults: Readonly<Record<string, string>>;
  /** What people should know although the process does its work, such as that a changed rule file is refused. */
  readonly notes: Readonly<Record<string, string>>;
}

/**
 * Whether the process does its work, asked of the parts themselves. `live`: it can't heal and should be restarted.
 * `ready`: it should get no traffic now, such as while a partition stands still or the store refuses writes.
 * What is not live is not ready either.
 */
export class Health {
  readonly #live = new Map<string, HealthCheck>();
  readonly #ready = new Map<string, HealthCheck>();
  readonly #notes = new Map<string, HealthCheck>();

  /** A check that throws counts as failed. The returned function takes the check away again. */
  add(kind: 'live' | 'ready' | 'note', name: string, check: HealthCheck): () => void {
    const checks = { live: this.#live, ready: this.#ready, note: this.#notes }[kind];
    checks.set(name, check);
    return () => {
      if (checks.get(name) === check) checks.delete(name);
    };
  }

  /** Every check that live or ready rest on, and whether it is content. */
  checks(): readonly { readonly check: string; readonly ok: boolean }[] {
    return [...this.#live, ...this.#ready].map(([check, ask]) => ({ check, ok: run(ask) === undefined }));
  }

  live(): HealthReport {
    return report([this.#live], this.#notes);
  }

  ready(): HealthReport {
    return report([this.#live, this.#ready], this.#notes);
  }
}

function report(groups: readonly Checks[], noted: Checks): HealthReport {
  const faults = Object.assign({}, ...groups.map(findings)) as Record<string, string>;
  return { ok: Object.keys(faults).length === 0, faults, notes: findings(noted) };
}

type Checks = ReadonlyMap<string, HealthCheck>;

function findings(checks: Checks): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, check] of checks) {
    const finding = run(check);
    if (finding !== undefined) found[name] = finding;
  }
  return found;
}

function run(check: HealthCheck): string | undefined {
  try {
    return check();
  } catch (error) {
    return `The check itself failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}
