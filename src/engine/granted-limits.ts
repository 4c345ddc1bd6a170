import type { Clock, Millis } from '../core/clock.js';
import type { Ruling } from '../decisions/guardrail-check.js';
import { type LimitRequest, limitRequest, requestIdOf } from '../decisions/limit-request.js';
import type { Asked, SharedLimits } from '../decisions/shared-limits.js';
import type { Brake } from '../rules/rule-set.js';
import { type LimitGrant, readGrants } from '../store/limit-grants.js';
import type { Store } from '../store/store.js';

/** A grant reserves for this long. A scorer uses it only in the first half: its pass takes time, and clocks differ. */
export const GRANT_MS: Millis = 600_000;

/**
 * The shared limits as one of many scorers sees them: what their keeper has granted it may open, for everything else it asks,
 * and opens it in a later pass. In the meantime such a proposal counts as suppressed.
 */
export class GrantedLimits implements SharedLimits {
  readonly #grants: ReadonlyMap<string, LimitGrant>;
  readonly #brake: Brake | null;
  readonly #requests = new Map<string, LimitRequest>();

  constructor(grants: Iterable<LimitGrant>, brake: Brake | null) {
    this.#grants = new Map([...grants].map((grant) => [grant.requestId, grant]));
    this.#brake = brake;
  }

  static async read(store: Store, brake: Brake | null, clock: Clock): Promise<GrantedLimits> {
    return new GrantedLimits(await readGrants(store, clock() - GRANT_MS / 2, true), brake);
  }

  /** What was asked and not granted yet. */
  get requests(): readonly LimitRequest[] {
    return [...this.#requests.values()];
  }

  ask(asked: Asked): Ruling {
    if (!this.#concerns(asked)) return { kind: 'pass' };
    const requestId = requestIdOf(asked);
    const grant = this.#grants.get(requestId);
    if (grant === undefined) {
      this.#requests.set(requestId, limitRequest(asked, this.#brake));
      return {
        kind: 'wait',
        guardrail: 'shared_limits',
        reason: 'The keeper of the limits that all accounts share has been asked and answers in a moment.',
      };
    }
    const { ruling, guardrail, reason } = grant;
    if (ruling === 'pass') return { kind: 'pass' };
    if (ruling === 'undecided') return { kind: 'suppress', guardrail, reason, undecided: true };
    return { kind: ruling, guardrail, reason };
  }

  /** The keeper learns what changed from the store. */
  record(): void {}

  /** Whether anything that is shared could have a say. */
  #concerns({ proposal, costKnown, guardrails, opens }: Asked): boolean {
    if (opens && this.#brake !== null) return true;
    return guardrails.some((guardrail) =>
      guardrail.kind === 'budget'
        ? !costKnown || proposal.costMinor > 0
        : opens && guardrail.types.includes(proposal.kind),
    );
  }
}
