/**
 * A real Kafka of a test's own: one or three nodes on loopback, gone when the test or its process is. Its jars come from Maven Central; java 17 and,
 * for the first time, mvn are needed (`kafkaMissing` says so). A node takes about 200 MB and is up in about 4 s.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { advertisedPortOf, clusterId, formatArguments, log4j2Properties, log4jProperties, nodesOf, portOf, portsPerNode, proxyPortOf, serverProperties, type BrokerLayout, type Listener } from './kafka-config.ts';
import { kafkaJars, kafkaVersion } from './kafka-jars.ts';
import { isAlive, isFree, signal } from './server-process.ts';
import { TcpProxy } from './tcp-proxy.ts';

export { kafkaMissing } from './kafka-jars.ts';

export interface TestKafkaOptions {
  nodes?: 1 | 3;
  /** The first listener is what `brokers` names. */
  listeners?: readonly Listener[];
  /** A `TcpProxy` before each node's plain listener; clients are told the proxies' addresses. */
  proxied?: boolean;
  tls?: BrokerLayout['tls'];
  users?: Readonly<Record<string, string>>;
  authorizer?: boolean;
  properties?: Readonly<Record<string, string>>;
  version?: string;
  /** Ports are taken from `[from, from + 1000)`. */
  portsFrom?: number;
  heap?: string;
  /** How java compiles and collects; by default so that it starts fast and stays small. */
  jvmFlags?: readonly string[];
}

export interface TopicOptions {
  partitions?: number;
  replication?: number;
  config?: Readonly<Record<string, string>>;
}

const startMsMax = 90_000;
const stopMsMax = 10_000;

/** Kills the broker when this process, which holds the pipe, is gone. */
const guarded = '"$@" </dev/null & echo $!; cat >/dev/null; kill -9 $! 2>/dev/null';

/** The first of `count` free ports in a row, from a random place on, so that test files running side by side do not meet. */
async function freePorts(from: number, count: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const first = from + Math.floor(Math.random() * (1000 / portsPerNode - count / portsPerNode)) * portsPerNode;
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`no ${count} free ports in a row from ${from} on`);
}

export class TestKafka {
  /** `host:port` of every node's first listener, as clients are told. */
  readonly brokers: readonly string[];
  /** One per node, in order; none unless `proxied`. */
  readonly proxies: readonly TcpProxy[];
  private readonly layout: BrokerLayout;
  private readonly libs: string;
  private readonly heap: string;
  private readonly jvmFlags: readonly string[];
  private readonly running = new Map<number, { shell: ChildProcess; pid: number; paused: boolean }>();

  private constructor(layout: BrokerLayout, libs: string, heap: string, jvmFlags: readonly string[], proxies: readonly TcpProxy[]) {
    this.layout = layout;
    this.libs = libs;
    this.heap = heap;
    this.jvmFlags = jvmFlags;
    this.proxies = proxies;
    this.brokers = this.brokersOf(layout.listeners[0]!);
  }

  static async start(options: TestKafkaOptions = {}): Promise<TestKafka> {
    const { nodes = 1, listeners = ['plain'], proxied = false, tls = null, users = {}, authorizer = false, properties = {}, version = kafkaVersion, portsFrom = 21_000, heap = '256m', jvmFlags = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'] } = options;
    const libs = await kafkaJars(version);
    // Topics are made and leaders are moved over the plain listener.
    const layout: BrokerLayout = { folder: mkdtempSync(join(tmpdir(), 'leadline-kafka-')), firstPort: await freePorts(portsFrom, nodes * portsPerNode), nodes, listeners: listeners.includes('plain') ? listeners : [...listeners, 'plain'], proxied, tls, users, authorizer, properties };
    const proxies = proxied ? await Promise.all(nodesOf(layout).map(node => TcpProxy.listen(proxyPortOf(layout, node), { host: '127.0.0.1', port: portOf(layout, node, 'plain') }))) : [];
    const kafka = new TestKafka(layout, libs, heap, jvmFlags, proxies);
    try {
      await Promise.all(nodesOf(layout).map(node => kafka.format(node)));
      await Promise.all(nodesOf(layout).map(node => kafka.startNode(node)));
      await kafka.allNodesIn();
    } catch (error) {
      await kafka.stop();
      throw error;
    }
    return kafka;
  }

  /** `host:port` of every node's listener of this kind. */
  brokersOf(listener: Listener): string[] {
    return nodesOf(this.layout).map(node => `127.0.0.1:${advertisedPortOf(this.layout, node, listener)}`);
  }

  /** `host:port` of the plain listeners, past the proxies. */
  get directBrokers(): string[] {
    return nodesOf(this.layout).map(node => `127.0.0.1:${portOf(this.layout, node, 'plain')}`);
  }

  get folder(): string {
    return this.layout.folder;
  }

  /** Its process, while it runs. */
  pidOf(node: number): number | null {
    return this.running.get(node)?.pid ?? null;
  }

  /** Where it keeps its topics: a folder per partition, `topic-0`. */
  dataFolder(node: number): string {
    return join(this.folder, `node${node}`, 'data');
  }

  /** Class path of Kafka's own tools. */
  get classPath(): string {
    return join(this.libs, '*');
  }

  log(node: number): string {
    return readFileSync(join(this.folder, `node${node}.log`), 'utf8');
  }

  /** Resolves when the node serves. */
  async startNode(node: number): Promise<void> {
    if (this.running.has(node)) return;
    const java = ['java', '-Xms64m', `-Xmx${this.heap}`, ...this.jvmFlags, '-Djava.net.preferIPv4Stack=true', '-Djava.awt.headless=true', ...this.logArguments, '-cp', join(this.libs, '*'), 'kafka.Kafka', this.propertiesPath(node)];
    const shell = spawn('sh', ['-c', guarded, 'sh', ...java], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    const log = createWriteStream(join(this.folder, `node${node}.log`));
    let output = '';
    let isUp = false;
    let exited = false;
    const pid = await new Promise<number>(resolve => {
      shell.stdout.once('data', (bytes: Buffer) => {
        const [first, ...rest] = bytes.toString().split('\n');
        output += rest.join('\n');
        resolve(Number(first));
      });
    });
    const keep = (bytes: Buffer): void => {
      log.write(bytes);
      if (isUp) return;
      output += bytes.toString();
      isUp = output.includes('Kafka Server started', output.length - bytes.length - 100);
      // It says much before it is up; the end is what matters.
      if (output.length > 1_000_000) output = output.slice(-100_000);
    };
    shell.stdout.on('data', keep);
    shell.stderr.on('data', keep);
    // The pipes close when java is gone; the shell itself waits for us.
    shell.stdout.once('close', () => (exited = true));
    shell.stdin.on('error', () => undefined);
    this.running.set(node, { shell, pid, paused: false });
    for (let waitedMs = 0; !isUp; waitedMs += 50) {
      if (exited || !isAlive(pid) || waitedMs > startMsMax) {
        this.kill9(node);
        throw new Error(`Kafka node ${node} did not start:\n${output.slice(-4000)}`);
      }
      await sleep(50);
    }
  }

  kill9(node: number): void {
    const running = this.running.get(node);
    if (running === undefined) return;
    this.running.delete(node);
    signal(running.pid, 'SIGKILL');
    running.shell.stdin?.end();
  }

  /** An orderly stop; resolves when the node is gone. */
  async stopNode(node: number): Promise<void> {
    const running = this.running.get(node);
    if (running === undefined) return;
    if (running.paused) this.resume(node);
    signal(running.pid, 'SIGTERM');
    for (let waitedMs = 0; isAlive(running.pid) && waitedMs < stopMsMax; waitedMs += 50) await sleep(50);
    this.kill9(node);
  }

  /** The node's connections stay open and it says nothing. */
  pause(node: number): void {
    const running = this.running.get(node);
    if (running === undefined) return;
    running.paused = true;
    signal(running.pid, 'SIGSTOP');
  }

  resume(node: number): void {
    const running = this.running.get(node);
    if (running === undefined) return;
    running.paused = false;
    signal(running.pid, 'SIGCONT');
  }

  /** For what a test does beside the code it tests: makes topics, ACLs, looks at offsets. kafkajs' own, past the proxies. */
  async withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = new Kafka({ clientId: 'test', brokers: this.directBrokers, logLevel: logLevel.NOTHING, retry: { retries: 10, initialRetryTime: 100 } }).admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  /** Resolves when every partition can be written to. */
  async createTopic(name: string, { partitions = 1, replication = Math.min(3, this.layout.nodes), config = {} }: TopicOptions = {}): Promise<void> {
    const configEntries = Object.entries(config).map(([key, value]) => ({ name: key, value }));
    await this.withAdmin(async admin => {
      await admin.createTopics({ waitForLeaders: false, topics: [{ topic: name, numPartitions: partitions, replicationFactor: replication, configEntries }] });
      for (;;) {
        // Refused until every broker knows the topic.
        const { topics } = await admin.fetchTopicMetadata({ topics: [name] }).catch(() => ({ topics: [] }));
        const isKnown = topics[0]?.partitions.length === partitions && topics[0].partitions.every(({ leader }) => leader >= 0);
        // A leader may still have to learn that it is one.
        const isLed = isKnown && (await admin.fetchTopicOffsets(name).then(() => true, () => false));
        if (isLed) return;
        await sleep(50);
      }
    });
  }

  /** @param partitions how many it shall have */
  async addPartitions(name: string, partitions: number): Promise<void> {
    await this.withAdmin(admin => admin.createPartitions({ topicPartitions: [{ topic: name, count: partitions }] }));
  }

  async deleteTopic(name: string): Promise<void> {
    await this.withAdmin(admin => admin.deleteTopics({ topics: [name] }));
    for (;;) {
      if (!(await this.withAdmin(admin => admin.listTopics())).includes(name)) return;
      await sleep(100);
    }
  }

  /** The node that leads a partition, or -1. */
  async leaderOf(topic: string, partition: number): Promise<number> {
    const { topics } = await this.withAdmin(admin => admin.fetchTopicMetadata({ topics: [topic] }));
    return topics[0]!.partitions.find(({ partitionId }) => partitionId === partition)!.leader;
  }

  /** Makes `node` the first of the partition's replicas, which the controller then makes its leader; resolves when it is. Three nodes only. */
  async moveLeader(topic: string, partition: number, node: number): Promise<void> {
    const replicas = [node, ...nodesOf(this.layout).filter(other => other !== node)];
    await this.withAdmin(async admin => {
      await admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment: [{ partition, replicas }] }] });
      for (;;) {
        const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
        if (topics[0]!.partitions.find(({ partitionId }) => partitionId === partition)!.leader === node) return;
        await sleep(100);
      }
    });
  }

  /** Kafka's own command-line tools, by the name of their class. @returns what it printed */
  async tool(className: string, ...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)('java', ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dlog4j2.level=ERROR', '-cp', join(this.libs, '*'), className, ...args], { maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  }

  /** Stops and deletes everything. */
  async stop(): Promise<void> {
    for (const node of [...this.running.keys()]) {
      const { pid } = this.running.get(node)!;
      this.kill9(node);
      for (let waitedMs = 0; isAlive(pid) && waitedMs < stopMsMax; waitedMs += 20) await sleep(20);
    }
    await Promise.all(this.proxies.map(proxy => proxy.close()));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private propertiesPath(node: number): string {
    return join(this.folder, `node${node}`, 'server.properties');
  }

  private get logArguments(): string[] {
    return [`-Dlog4j2.configurationFile=file:${join(this.folder, 'log4j2.properties')}`, `-Dlog4j.configuration=file:${join(this.folder, 'log4j.properties')}`];
  }

  private async format(node: number): Promise<void> {
    mkdirSync(join(this.folder, `node${node}`), { recursive: true });
    if (!existsSync(join(this.folder, 'log4j.properties'))) {
      writeFileSync(join(this.folder, 'log4j2.properties'), log4j2Properties);
      writeFileSync(join(this.folder, 'log4j.properties'), log4jProperties);
    }
    writeFileSync(this.propertiesPath(node), serverProperties(this.layout, node));
    await this.tool('kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', this.propertiesPath(node), ...formatArguments(this.layout));
  }

  /** A node that serves may not be known to the others yet. */
  private async allNodesIn(): Promise<void> {
    for (let waitedMs = 0; ; waitedMs += 100) {
      const { brokers } = await this.withAdmin(admin => admin.describeCluster());
      if (brokers.length === this.layout.nodes) return;
      if (waitedMs > startMsMax) throw new Error(`only ${brokers.length} of ${this.layout.nodes} Kafka nodes came together`);
      await sleep(100);
    }
  }
}
