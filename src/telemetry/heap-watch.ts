import { constants, type NodeGCPerformanceDetail, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { PerennialError } from '../core/errors.js';
import type { Logger } from './log.js';
import { OutageLog } from './outage-log.js';

/** Share of the heap that may be in use after everything was collected. */
const NEARLY_FULL = 0.8;
const MIB = 1_048_576;

interface Heap {
  readonly used: number;
  readonly limit: number;
}

/** Size of one half of the young generation in MiB, as V8 has it unless `--max-semi-space-size` says otherwise. */
const DEFAULT_SEMI_SPACE_MIB = 16;

/** The last such flag holds; those of the command line come after NODE_OPTIONS. */
function semiSpaceMib(): number {
  const flags = [process.env.NODE_OPTIONS ?? '', ...process.execArgv].join(' ');
  const found = [...flags.matchAll(/--max[-_]semi[-_]space[-_]size[= ](\d+)/g)].at(-1)?.[1];
  return found === undefined ? DEFAULT_SEMI_SPACE_MIB : Number(found);
}

/**
 * What is used of the old generation, which `--max-old-space-size` bounds. The limit that V8 reports includes the young generation too:
 * three semi-spaces.
 */
function heapNow(): Heap {
  const used = getHeapSpaceStatistics()
    .filter(({ space_name: name }) => !name.startsWith('new_'))
    .reduce((sum, { space_used_size: bytes }) => sum + bytes, 0);
  return { used, limit: getHeapStatistics().heap_size_limit - 3 * semiSpaceMib() * MIB };
}

/** Says when little is left of the heap of JavaScript, and what to do: when it is full the process ends, and can say nothing more. */
export class HeapWatch {
  readonly #outage: OutageLog;
  readonly #hint: string;
  readonly #heap: () => Heap;
  #observer: PerformanceObserver | undefined;

  /** @param less What can be set to need less. */
  constructor(logger: Logger, less: string, heap = heapNow) {
    this.#outage = new OutageLog(logger, {
      begin: 'The heap is nearly full; the process ends when it is',
      end: 'The heap has room again',
    });
    this.#hint = `Raise --max-old-space-size in NODE_OPTIONS, or the memory of the container, of which Node takes a part${less === '' ? '' : `; or lower ${less}`}.`;
    this.#heap = heap;
  }

  /** Looks after each collection of the whole heap: before it, what is in use says little. */
  start(): void {
    this.#observer = new PerformanceObserver((list) => {
      const { NODE_PERFORMANCE_GC_MAJOR } = constants;
      const whole = list
        .getEntries()
        .some(
          (entry) =>
            (entry as { detail?: NodeGCPerformanceDetail }).detail?.kind === NODE_PERFORMANCE_GC_MAJOR,
        );
      if (whole) this.look();
    });
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  stop(): void {
    this.#observer?.disconnect();
  }

  look(): void {
    const { used, limit } = this.#heap();
    if (used < limit * NEARLY_FULL) this.#outage.recovered();
    else {
      const full = `${Math.round(used / MIB)} of ${Math.round(limit / MIB)} MiB are in use.`;
      this.#outage.failed(new PerennialError('limit_exceeded', full, { hint: this.#hint }));
    }
  }
}
