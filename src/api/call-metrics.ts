import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Gate } from './gate.js';

/** Figures of the API's calls. Labels are the method and the status: few values each. */
export class CallMetrics {
  readonly #handled: Counter<'method' | 'status'>;
  readonly #seconds: Histogram<'method'>;
  readonly #inFlight: Gauge<'method'>;

  /** @param registry @default one that nobody reads */
  constructor(gate: Gate, registry: Registry = new Registry()) {
    const registers = [registry];
    this.#handled = new Counter({
      name: 'perennial_grpc_handled_total',
      help: 'Calls that ended, by method and status.',
      labelNames: ['method', 'status'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'perennial_grpc_handling_seconds',
      help: 'Time from the arrival of a call to its end; streams for as long as they were open.',
      labelNames: ['method'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
      registers,
    });
    this.#inFlight = new Gauge({
      name: 'perennial_grpc_in_flight',
      help: 'Calls that have come and not ended.',
      labelNames: ['method'],
      registers,
    });
    new Gauge({
      name: 'perennial_grpc_waiting',
      help: 'Calls that wait for their turn, by what they cost.',
      labelNames: ['cost'],
      registers,
      collect() {
        for (const cost of ['lookup', 'work'] as const) this.set({ cost }, gate.waiting(cost));
      },
    });
  }

  began(method: string): void {
    this.#inFlight.inc({ method });
  }

  ended(method: string, status: string, seconds: number): void {
    this.#inFlight.dec({ method });
    this.#handled.inc({ method, status });
    this.#seconds.observe({ method }, seconds);
  }
}
