/** What a check finds: nothing, or what is wrong in a sentence. */
export type HealthCheck = () => string | undefined;

export interface HealthReport {
  readonly ok: boolean;
  /** What is wrong, by the name of the check. */
  readonly faults: Readonly<Record<string, string>>;
}

/**
 * Whether the process does its work, asked of the parts themselves. `live`: it can't heal and should be restarted.
 * `ready`: it should get no traffic now, such as while a partition stands still or the store refuses writes.
 * What is not live is not ready either.
 */
export class Health {
  readonly #live = new Map<string, HealthCheck>();
  readonly #ready = new Map<string, HealthCheck>();

  /** A check that throws counts as failed. The returned function takes the check away again. */
  add(kind: 'live' | 'ready', name: string, check: HealthCheck): () => void {
    const checks = kind === 'live' ? this.#live : this.#ready;
    checks.set(name, check);
    return () => {
      if (checks.get(name) === check) checks.delete(name);
    };
  }

  live(): HealthReport {
    return report([this.#live]);
  }

  ready(): HealthReport {
    return report([this.#live, this.#ready]);
  }
}

function report(groups: readonly ReadonlyMap<string, HealthCheck>[]): HealthReport {
  const faults: Record<string, string> = {};
  for (const checks of groups)
    for (const [name, check] of checks) {
      const fault = run(check);
      if (fault !== undefined) faults[name] = fault;
    }
  return { ok: Object.keys(faults).length === 0, faults };
}

function run(check: HealthCheck): string | undefined {
  try {
    return check();
  } catch (error) {
    return `The check itself failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}
