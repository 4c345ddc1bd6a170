import type { Metrics } from '../telemetry/metrics.js';
import type { Gate } from './gate.js';

type ApiMetrics = Pick<Metrics, 'grpcHandled' | 'grpcSeconds' | 'grpcInFlight' | 'grpcWaiting'>;

/** Counts the API's calls. The children of each label are kept: to look one up costs more than to count. */
export class CallMetrics {
  readonly #metrics: ApiMetrics;
  readonly #ofMethod = new Map<string, MethodMetrics>();

  constructor(metrics: ApiMetrics, gate: Gate) {
    this.#metrics = metrics;
    gate.onWaiting((cost, waiting) => metrics.grpcWaiting.set({ cost }, waiting));
  }

  began(method: string): void {
    this.#of(method).inFlight.inc();
  }

  ended(method: string, status: string, seconds: number): void {
    const of = this.#of(method);
    of.inFlight.dec();
    of.seconds.observe(seconds);
    let handled = of.handled.get(status);
    if (handled === undefined) {
      handled = this.#metrics.grpcHandled.labels({ method, status });
      of.handled.set(status, handled);
    }
    handled.inc();
  }

  #of(method: string): MethodMetrics {
    let of = this.#ofMethod.get(method);
    if (of === undefined) {
      of = {
        inFlight: this.#metrics.grpcInFlight.labels({ method }),
        seconds: this.#metrics.grpcSeconds.labels({ method }),
        handled: new Map(),
      };
      this.#ofMethod.set(method, of);
    }
    return of;
  }
}

interface MethodMetrics {
  readonly inFlight: ReturnType<ApiMetrics['grpcInFlight']['labels']>;
  readonly seconds: ReturnType<ApiMetrics['grpcSeconds']['labels']>;
  readonly handled: Map<string, ReturnType<ApiMetrics['grpcHandled']['labels']>>;
}
