import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';
import type { KafkaDistribution } from './kafka-distribution.js';
import { TcpProxy } from './tcp-proxy.js';

export interface KafkaClusterOptions {
  /** Brokers, each also a KRaft controller. @default 1 */
  readonly brokers?: number;
  /** Clients are told to come through a TCP proxy of each broker, which tests can cut. @default false */
  readonly proxied?: boolean;
  /** Further lines of server.properties. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Arguments of the storage format, such as `--add-scram`. */
  readonly format?: readonly string[];
  /**
   * Protocol of the clients' listener.
   * @default PLAINTEXT
   */
  readonly protocol?: 'PLAINTEXT' | 'SASL_PLAINTEXT' | 'SASL_SSL' | 'SSL';
}

interface BrokerNode {
  readonly id: number;
  readonly port: number;
  readonly controllerPort: number;
  readonly proxy: TcpProxy | undefined;
  readonly folder: string;
  child: ChildProcess | undefined;
}

const CLUSTER_ID = 'cGVyZW5uaWFsLXRlc3RzMQ';
/** Small and quick to start: a test broker holds a few megabytes. */
const JVM = ['-Xms64m', '-Xmx320m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData'];

/** A real Apache Kafka cluster in KRaft mode, on free ports and in a temporary folder that `stop` removes. */
export class KafkaCluster {
  readonly #distribution: Exclude<KafkaDistribution, { kind: 'none' }>;
  readonly #options: KafkaClusterOptions;
  readonly #folder: string;
  readonly #nodes: BrokerNode[] = [];

  private constructor(
    distribution: Exclude<KafkaDistribution, { kind: 'none' }>,
    options: KafkaClusterOptions,
  ) {
    this.#distribution = distribution;
    this.#options = options;
    this.#folder = mkdtempSync(join(tmpdir(), 'perennial-kafka-'));
  }

  static async start(
    distribution: Exclude<KafkaDistribution, { kind: 'none' }>,
    options: KafkaClusterOptions = {},
  ): Promise<KafkaCluster> {
    const cluster = new KafkaCluster(distribution, options);
    try {
      await cluster.#lay();
      await Promise.all(cluster.#nodes.map((node) => cluster.#startNode(node)));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Addresses for clients: the proxies' where there are proxies. */
  get brokers(): string[] {
    return this.#nodes.map((node) => `127.0.0.1:${node.proxy?.port ?? node.port}`);
  }

  /** The proxies, by broker. Empty unless `proxied`. */
  get proxies(): TcpProxy[] {
    return this.#nodes.flatMap((node) => node.proxy ?? []);
  }

  /** The file in which the first broker keeps the first messages of a partition. */
  segmentOf(topic: string, partition: number): string {
    return join(this.#nodes[0]!.folder, 'data', `${topic}-${partition}`, '00000000000000000000.log');
  }

  /** Ends one broker with SIGKILL, as a machine that loses power. */
  async kill(index: number): Promise<void> {
    await this.#end(this.#nodes[index]!, 'SIGKILL');
  }

  /** Starts a broker that was killed, on its own data and port. */
  async revive(index: number): Promise<void> {
    await this.#startNode(this.#nodes[index]!);
  }

  /** While true, a broker does nothing, and its connections stay open: as a machine that hangs. */
  freeze(index: number, frozen: boolean): void {
    this.#nodes[index]!.child?.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Stops one broker in order, then starts it again. */
  async restart(index: number): Promise<void> {
    await this.#end(this.#nodes[index]!, 'SIGTERM');
    await this.revive(index);
  }

  /** Ends all brokers and removes their data. */
  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => this.#end(node, 'SIGKILL')));
    await Promise.all(this.proxies.map((proxy) => proxy.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #lay(): Promise<void> {
    const count = this.#options.brokers ?? 1;
    for (let id = 1; id <= count; id++) {
      const port = await freePort();
      const proxied = this.#options.proxied ?? false;
      const proxy = proxied ? await new TcpProxy({ host: '127.0.0.1', port }).start() : undefined;
      const folder = join(this.#folder, `broker-${id}`);
      mkdirSync(folder);
      this.#nodes.push({ id, port, controllerPort: await freePort(), proxy, folder, child: undefined });
    }
    for (const node of this.#nodes) this.#configure(node);
  }

  #configure(node: BrokerNode): void {
    const copies = String(Math.min(3, this.#nodes.length));
    const protocol = this.#options.protocol ?? 'PLAINTEXT';
    const properties: Record<string, string> = {
      'process.roles': 'broker,controller',
      'node.id': String(node.id),
      'controller.quorum.voters': this.#nodes.map((n) => `${n.id}@127.0.0.1:${n.controllerPort}`).join(','),
      listeners: `CLIENT://127.0.0.1:${node.port},CONTROLLER://127.0.0.1:${node.controllerPort}`,
      'advertised.listeners': `CLIENT://127.0.0.1:${node.proxy?.port ?? node.port}`,
      'listener.security.protocol.map': `CLIENT:${protocol},CONTROLLER:PLAINTEXT`,
      'controller.listener.names': 'CONTROLLER',
      'inter.broker.listener.name': 'CLIENT',
      'log.dirs': join(node.folder, 'data'),
      'offsets.topic.num.partitions': '3',
      'offsets.topic.replication.factor': copies,
      'transaction.state.log.num.partitions': '3',
      'transaction.state.log.replication.factor': copies,
      'transaction.state.log.min.isr': '1',
      'share.coordinator.state.topic.replication.factor': copies,
      'share.coordinator.state.topic.num.partitions': '1',
      'group.initial.rebalance.delay.ms': '0',
      'group.min.session.timeout.ms': '1000',
      'auto.create.topics.enable': 'false',
      'controller.quorum.election.timeout.ms': '500',
      'broker.session.timeout.ms': '4000',
      'broker.heartbeat.interval.ms': '500',
      ...this.#options.properties,
    };
    const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}`);
    writeFileSync(this.#file(node), `${lines.join('\n')}\n`);
    this.#format(node);
  }

  #file(node: BrokerNode): string {
    return join(node.folder, 'server.properties');
  }

  #format(node: BrokerNode): void {
    if (this.#distribution.kind === 'docker') return;
    const args = ['format', '-t', CLUSTER_ID, '-c', this.#file(node), ...(this.#options.format ?? [])];
    const done = spawnSync(
      'java',
      [...JVM, '-cp', this.#distribution.classpath, 'kafka.tools.StorageTool', ...args],
      { encoding: 'utf8' },
    );
    if (done.status !== 0) throw new Error(`Kafka storage format failed:\n${done.stdout}${done.stderr}`);
  }

  #command(node: BrokerNode): [string, string[]] {
    if (this.#distribution.kind === 'jars') {
      const logging = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
      return [
        'java',
        [...JVM, logging, '-cp', this.#distribution.classpath, 'kafka.Kafka', this.#file(node)],
      ];
    }
    // The host's network: the advertised ports are then the same inside and outside.
    const format = ['format', '-t', CLUSTER_ID, '-c', this.#file(node), '--ignore-formatted'];
    const script = `/opt/kafka/bin/kafka-storage.sh ${[...format, ...(this.#options.format ?? [])]
      .map((arg) => `'${arg}'`)
      .join(' ')} && exec /opt/kafka/bin/kafka-server-start.sh '${this.#file(node)}'`;
    const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
    const run = ['run', '--rm', '--network=host', `--user=${user}`, `-v${this.#folder}:${this.#folder}`];
    return ['docker', [...run, this.#distribution.image, 'sh', '-c', script]];
  }

  async #startNode(node: BrokerNode): Promise<void> {
    const log = join(node.folder, 'broker.log');
    const out = openSync(log, 'a');
    const [file, args] = this.#command(node);
    const child = spawn(file, args, { stdio: ['ignore', out, out] });
    node.child = child;
    let ended = false;
    child.once('exit', () => {
      ended = true;
    });
    // A broker has no signal for "I listen", so its port is asked.
    // That a machine is busy is no fault: with three brokers and all that leans on them, one was not there after a minute.
    for (let tries = 0; tries < 3_000; tries++) {
      if (ended) break;
      if (await answers(node.port)) return;
      await sleep(100);
    }
    throw new Error(`Kafka broker ${node.id} did not start:\n${readFileSync(log, 'utf8').slice(-4000)}`);
  }

  async #end(node: BrokerNode, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { child } = node;
    node.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
