import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Kafka } from 'kafkajs';
import { readSettings } from '../../src/core/read-settings.js';
import { ConfirmedProducer } from '../../src/kafka/confirmed-producer.js';
import { createTopics } from '../../src/kafka/topic-admin.js';
import { inputTopics, topicNames, topicPlans } from '../../src/kafka/topics.js';
import { openStore } from '../../src/store/open-store.js';
import type { Store } from '../../src/store/store.js';
import { freePort } from '../support/free-port.js';
import { ownCluster, testClient } from '../support/kafka.js';
import type { KafkaCluster } from '../support/kafka-cluster.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { type ChaosMessage, type DatasetOptions, dataset } from './dataset.js';
import { CLI, Member } from './fleet.js';

export interface ChaosOptions extends DatasetOptions {
  /** Brokers of the cluster. @default 1 */
  readonly brokers?: number;
  /** What goes wrong, in order, spread over the run. */
  readonly faults: readonly Fault[];
  /** How an ingest worker is started. @default the real one */
  readonly ingest?: readonly string[];
  /** Break only what has just committed all that was sent: the moment at which the classic mistake shows. @default false */
  readonly breakAfterCommit?: boolean;
  /** Whether scorers run too. @default true */
  readonly score?: boolean;
  /** How many messages the data set has, so that the faults can be spread over them. */
  readonly messages: number;
  /**
   * Time without a heartbeat after which a worker's partitions go to others: longer where a machine so busy keeps a healthy one
   * waiting.
   */
  readonly sessionMs: number;
  /** Messages sent between two looks at the faults. */
  readonly slice: number;
  /** Told, in a sentence, how far the run is. */
  readonly progress?: ((text: string) => void) | undefined;
}

/** What can go wrong. */
const FAULTS = [
  'kill an ingest worker',
  'cut the broker',
  'cut the store',
  'kill a scorer',
  'freeze a scorer',
  'a worker joins',
  'kill an ingest worker',
  'kill the store',
  'cut the broker',
  'a worker leaves',
  'restart the broker',
  'restart every worker and scorer',
  'kill a broker',
  'freeze a broker',
  'restart every broker',
] as const;
export type Fault = (typeof FAULTS)[number];

/** So many faults in turn; a seed begins at one of them. */
export function roundRobin(seed: number, count: number): readonly Fault[] {
  return Array.from({ length: count }, (_, i) => FAULTS[(seed + i) % FAULTS.length]!);
}

const PARTITIONS = 4;
const NAMES = topicNames('perennial.');

/** A whole installation on one machine, every part a process of its own, and someone who breaks it. */
export class ChaosRun {
  readonly #options: ChaosOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'perennial-chaos-'));
  /** Faults so far. */
  done = 0;
  /** What of them did something: processes killed or frozen, proxies whose connections were cut, workers that joined or left. */
  readonly tally = { kills: 0, freezes: 0, cuts: 0, rebalances: 0 };
  #cluster!: KafkaCluster;
  #kafka!: Kafka;
  #admin!: Admin;
  #storeProxy!: TcpProxy;
  #storePort = 0;
  #store!: Member;
  #ingest: Member[] = [];
  #score: Member[] = [];
  #started = 0;
  readonly #members: Member[] = [];

  private constructor(options: ChaosOptions) {
    this.#options = options;
  }

  static async start(options: ChaosOptions): Promise<ChaosRun> {
    const run = new ChaosRun(options);
    try {
      await run.#start();
      return run;
    } catch (error) {
      await run.close();
      throw error;
    }
  }

  get kafka(): Kafka {
    return this.#kafka;
  }

  /** The store, directly and not through the proxy. */
  openStore(): Promise<Store> {
    return openStore({ url: `http://127.0.0.1:${this.#storePort}/default` });
  }

  /** What processes said of defects of their own: they come back by themselves, so a crash would else go unnoticed. */
  defects(): readonly string[] {
    return this.#members.flatMap((member) => member.defects());
  }

  /** Sends the whole data set while things break, then waits until all is read and all is quiet. */
  async play(): Promise<void> {
    const { slice, faults, progress } = this.#options;
    const producer = new ConfirmedProducer(this.#kafka);
    await producer.connect();
    const messages = dataset(this.#options);
    const slices = Math.ceil(this.#options.messages / slice);
    await this.#untilAtWork();
    for (let i = 1; i <= slices; i++) {
      const part = take(messages, slice);
      const due = Math.floor((i * faults.length) / slices);
      // What breaks shall find work half done: some of the slice has arrived, some is on its way.
      const half = Math.ceil(part.length / 2);
      await send(producer, part.slice(0, half));
      const sending = send(producer, part.slice(half));
      while (this.done < due) {
        await this.#untilAtWork();
        if (this.#options.breakAfterCommit === true) {
          await sending;
          await this.#untilRead(inputTopics(NAMES), 'perennial-ingest');
        }
        await this.#break(faults[this.done]!);
      }
      await sending;
      progress?.(`chaos: ${i} of ${slices} slices sent, ${this.done} of ${faults.length} faults`);
    }
    await producer.disconnect();
    await this.#untilRead(inputTopics(NAMES), 'perennial-ingest');
    progress?.('chaos: everything ingested');
    if (this.#options.score !== false) await this.#untilDecided();
    await Promise.all([...this.#ingest, ...this.#score].map((member) => member.stop()));
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#ingest, ...this.#score].map((member) => member.stop()));
    await Promise.allSettled([
      this.#store?.stop(),
      this.#admin?.disconnect(),
      this.#storeProxy?.stop(),
      this.#cluster?.stop(),
    ]);
    if (process.env.CHAOS_KEEP === undefined) rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    this.#cluster = await ownCluster({ brokers: this.#options.brokers ?? 1, proxied: true });
    this.#kafka = testClient(this.#cluster.brokers);
    this.#admin = this.#kafka.admin();
    await this.#admin.connect();
    const settings = readSettings({ KAFKA_BROKERS: 'given', KAFKA_PARTITIONS: String(PARTITIONS) });
    await createTopics(this.#admin, topicPlans(settings));
    this.#storePort = await freePort();
    this.#storeProxy = await new TcpProxy({ host: '127.0.0.1', port: this.#storePort }).start();
    const address = `127.0.0.1:${this.#storePort}`;
    const data = join(this.#folder, 'data');
    this.#store = new Member(
      'store',
      [CLI, 'clickhouse', '--listen', address, '--data', data],
      {},
      this.#folder,
    );
    this.#members.push(this.#store);
    await this.#untilStoreAnswers();
    this.#ingest = [this.#worker('ingest'), this.#worker('ingest')];
    if (this.#options.score !== false) this.#score = [this.#worker('score'), this.#worker('score')];
  }

  #worker(role: 'ingest' | 'score'): Member {
    const env = {
      KAFKA_BROKERS: this.#cluster.brokers.join(','),
      KAFKA_SESSION_MS: String(this.#options.sessionMs),
      KAFKA_STUCK_MS: String(2.5 * this.#options.sessionMs),
      KAFKA_POISON_RUN: '100000',
      CLICKHOUSE_URL: `http://127.0.0.1:${this.#storeProxy.port}/default`,
      INGEST_BATCH_ROWS: '2000',
      INGEST_BATCH_MS: '100',
      PERENNIAL_HTTP: '127.0.0.1:0',
    };
    const args = role === 'ingest' ? (this.#options.ingest ?? [CLI, 'ingest']) : [CLI, 'score'];
    const member = new Member(`${role}-${++this.#started}`, args, env, this.#folder);
    this.#members.push(member);
    return member;
  }

  async #break(fault: Fault): Promise<void> {
    const any = <T>(of: readonly T[]): T | undefined => of[this.#started % Math.max(1, of.length)];
    this.done++;
    switch (fault) {
      case 'kill an ingest worker':
        return this.#kill(any(this.#ingest));
      case 'kill a scorer':
        return this.#kill(any(this.#score));
      case 'freeze a scorer':
        // Longer than its session: the group gives its accounts to the other one.
        for (const member of this.#score)
          if (await member.freeze(1.4 * this.#options.sessionMs)) {
            this.tally.freezes++;
            break;
          }
        return;
      case 'cut the broker':
        for (const proxy of this.#cluster.proxies) this.#cut(proxy);
        return;
      case 'cut the store':
        this.#cut(this.#storeProxy);
        return;
      case 'kill the store':
        return this.#kill(this.#store);
      case 'a worker joins':
        this.#ingest.push(this.#worker('ingest'));
        this.tally.rebalances++;
        return;
      case 'a worker leaves':
        if (this.#ingest.length < 2) return;
        await this.#ingest.pop()!.stop();
        this.tally.rebalances++;
        return;
      case 'restart the broker':
        return this.#cluster.restart(0);
      case 'restart every worker and scorer':
        for (const member of [...this.#ingest, ...this.#score]) await member.restart();
        this.tally.rebalances++;
        return;
      case 'kill a broker':
        await this.#cluster.kill(this.#aBroker);
        await sleep(this.#options.sessionMs);
        await this.#cluster.revive(this.#aBroker);
        this.tally.kills++;
        return;
      case 'freeze a broker':
        this.#cluster.freeze(this.#aBroker, true);
        await sleep(1.4 * this.#options.sessionMs);
        this.#cluster.freeze(this.#aBroker, false);
        this.tally.freezes++;
        return;
      case 'restart every broker':
        for (let broker = 0; broker < this.#cluster.brokers.length; broker++)
          await this.#cluster.restart(broker);
    }
  }

  /** Another one from fault to fault, the same within one. */
  get #aBroker(): number {
    return this.done % this.#cluster.brokers.length;
  }

  async #kill(member: Member | undefined): Promise<void> {
    if ((await member?.kill()) === true) this.tally.kills++;
  }

  #cut(proxy: TcpProxy): void {
    const before = proxy.cuts;
    proxy.cut();
    if (proxy.cuts > before) this.tally.cuts++;
  }

  async #untilStoreAnswers(): Promise<void> {
    await until(async () => {
      const store = await this.openStore();
      await store.close();
      return true;
    }, 'the store to answer');
  }

  /** Until the ingest workers have joined their group: a fault that hits a process still starting proves little. */
  async #untilAtWork(): Promise<void> {
    await until(async () => {
      const { groups } = await this.#admin.describeGroups(['perennial-ingest']);
      return groups[0]?.state === 'Stable' && groups[0].members.length >= Math.min(2, this.#ingest.length);
    }, 'the ingest workers to join');
  }

  /**
   * Until no scorer has anything left to do. A pass asks the keeper of shared limits, whose grants touch accounts again: it is
   * over when both topics were read to an end that has not moved since.
   */
  async #untilDecided(): Promise<void> {
    for (let before = '', after = await this.#ends(); before !== after; after = await this.#ends()) {
      before = after;
      await this.#untilRead([NAMES.touched], 'perennial-score');
      await this.#untilRead([NAMES.limits], 'perennial-limits');
    }
  }

  /** Where the topics of scorers end. */
  async #ends(): Promise<string> {
    const topics = [NAMES.touched, NAMES.limits];
    return JSON.stringify(await Promise.all(topics.map((topic) => this.#admin.fetchTopicOffsets(topic))));
  }

  /** Until the group has committed the end of every partition; patient for as long as it gets on. */
  async #untilRead(topics: readonly string[], groupId: string): Promise<void> {
    for (let left = Number.POSITIVE_INFINITY; left > 0; ) {
      const before = left;
      await until(async () => {
        left = await this.#unread(topics, groupId);
        return left < before;
      }, `${groupId} to read the ${before} messages left`);
    }
  }

  /** How many messages the group has not committed yet. */
  async #unread(topics: readonly string[], groupId: string): Promise<number> {
    let left = 0;
    for (const { topic, partitions } of await this.#admin.fetchOffsets({ groupId, topics: [...topics] })) {
      const committed = new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)]));
      for (const { partition, high } of await this.#admin.fetchTopicOffsets(topic))
        left += Number(high) - Math.max(0, committed.get(partition) ?? 0);
    }
    return left;
  }
}

const EVERY_MS = 200;
const PATIENCE_MS = 120_000;

/** Asks again and again; what fails counts as not yet. */
async function until(ready: () => Promise<boolean>, what: string): Promise<void> {
  let last: unknown;
  for (let waited = 0; waited < PATIENCE_MS; waited += EVERY_MS) {
    try {
      if (await ready()) return;
    } catch (error) {
      last = error;
    }
    await sleep(EVERY_MS);
  }
  throw new Error(`Waited in vain for ${what}.`, { cause: last });
}

function take(messages: Iterator<ChaosMessage>, count: number): ChaosMessage[] {
  const part: ChaosMessage[] = [];
  while (part.length < count) {
    const next = messages.next();
    if (next.done === true) break;
    part.push(next.value);
  }
  return part;
}

async function send(producer: ConfirmedProducer, messages: readonly ChaosMessage[]): Promise<void> {
  for (const [topic, part] of byTopic(messages)) {
    for (let tries = 0; ; tries++) {
      try {
        await producer.send(topic, part);
        break;
      } catch (error) {
        // A broker restart may take longer than the producer is patient.
        if (tries === 10) throw error;
      }
    }
  }
}

function byTopic(messages: readonly ChaosMessage[]): Map<string, ChaosMessage[]> {
  const topics = new Map<string, ChaosMessage[]>();
  for (const message of messages) {
    const known = topics.get(message.topic);
    if (known === undefined) topics.set(message.topic, [message]);
    else known.push(message);
  }
  return topics;
}
