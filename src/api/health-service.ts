import type { Server, ServerWritableStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { Health } from '../telemetry/health.js';

/** How soon watchers hear of a change. Who asks with Check hears at once. */
const LOOK_EVERY_MS = 500;

/**
 * grpc.health.v1 over `Health.ready()`: SERVING while the process should get traffic. The whole server ("") and each
 * service are in the same state, since all of them stand on the same store.
 */
export class HealthService {
  readonly #health: Health;
  readonly #services: readonly string[];
  readonly #implementation = new HealthImplementation();
  readonly #watches = new Set<ServerWritableStream<unknown, unknown>>();
  readonly #timer: NodeJS.Timeout;
  #serving: boolean | undefined;
  #stopping = false;

  constructor(health: Health, services: readonly string[]) {
    this.#health = health;
    this.#services = ['', ...services];
    this.#look();
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  addTo(server: Server): void {
    this.#implementation.addToServer({
      addService: (definition, handlers) =>
        server.addService(definition, this.#watched(handlers as UntypedServiceImplementation)),
    });
  }

  /** Says NOT_SERVING from now on, to watchers too, and ends their calls: they would never end by themselves. */
  stop(): void {
    this.#stopping = true;
    clearInterval(this.#timer);
    this.#look();
    for (const watch of this.#watches) watch.end();
  }

  /** The library's handlers, but looking before Check and List answer, and knowing who watches. */
  #watched(handlers: UntypedServiceImplementation): UntypedServiceImplementation {
    const fresh = (handler: unknown) => (call: unknown, callback: unknown) => {
      this.#look();
      (handler as (call: unknown, callback: unknown) => void)(call, callback);
    };
    return {
      ...handlers,
      check: fresh(handlers.check),
      list: fresh(handlers.list),
      watch: (call: ServerWritableStream<unknown, unknown>) => {
        this.#watches.add(call);
        call.once('cancelled', () => this.#watches.delete(call));
        (handlers.watch as (call: unknown) => void)(call);
        if (this.#stopping) call.end();
      },
    };
  }

  #look(): void {
    const serving = !this.#stopping && this.#health.ready().ok;
    if (serving === this.#serving) return;
    this.#serving = serving;
    for (const service of this.#services)
      this.#implementation.setStatus(service, serving ? 'SERVING' : 'NOT_SERVING');
  }
}
