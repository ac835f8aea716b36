/** The brokers as this client knows them: addresses, connections, and who leads what. Single attempts; asking "any broker" tries several. */
import { BrokerConnection, type BrokerAddress, type BrokerConnectionOptions, type RequestKind } from './broker-connection.ts';
import { meansMoved } from './error-codes.ts';
import { metadataBody, metadataKind, type Metadata, type TopicMetadata } from './requests/metadata.ts';
import { TlsFiles } from './tls-files.ts';
import { KafkaError, type KafkaClientOptions } from './types.ts';

const connectMsMax = 10_000;
/** A broker that has not answered within this time gets company: the next is asked too. */
const askNextAfterMs = 1000;
const askedBrokersMax = 8;
const metadataAgeMsMax = 30_000;
/** How often it is looked whether certificates changed. */
const sweepIntervalMs = 60_000;

interface KnownTopic {
  topic: TopicMetadata;
  learnedMs: number;
  stale: boolean;
}

export class Cluster {
  private readonly seeds: readonly BrokerAddress[];
  private readonly connectionOptions: BrokerConnectionOptions;
  private readonly requestTimeoutMs: number;
  private brokers = new Map<number, BrokerAddress>();
  /** By address and purpose. */
  private readonly opening = new Map<string, Promise<BrokerConnection>>();
  private readonly connections = new Map<string, BrokerConnection>();
  private readonly topics = new Map<string, KnownTopic>();
  private readonly learning = new Map<string, Promise<TopicMetadata>>();
  private readonly sweeping: NodeJS.Timeout;
  /** Of the certificate files, as last looked at; 0 without TLS. */
  private tlsVersion = 0;
  private closed = false;

  constructor(options: KafkaClientOptions) {
    this.seeds = options.brokers.map(addressOf);
    this.requestTimeoutMs = options.requestTimeoutMs;
    this.connectionOptions = { clientId: options.clientId, tls: options.tls === null ? null : new TlsFiles(options.tls), login: options.login, requestTimeoutMs: options.requestTimeoutMs };
    this.sweeping = setInterval(() => this.sweep(), sweepIntervalMs);
    this.sweeping.unref();
  }

  /**
   * The topic as last learned; older than 30 s it is learned again meanwhile, and first of all where an answer said that things have moved.
   * @throws KafkaError
   */
  topic(name: string): Promise<TopicMetadata> {
    const known = this.topics.get(name);
    if (known === undefined || known.stale) return this.learn(name);
    if (Date.now() - known.learnedMs > metadataAgeMsMax) this.learn(name).catch(() => undefined);
    return Promise.resolve(known.topic);
  }

  /** Asks the brokers now. @throws KafkaError */
  learn(name: string): Promise<TopicMetadata> {
    let learning = this.learning.get(name);
    if (learning === undefined) {
      learning = this.metadata([name])
        .then(({ topics }) => this.remember(name, topics))
        .finally(() => this.learning.delete(name));
      this.learning.set(name, learning);
    }
    return learning;
  }

  async metadata(topics: readonly string[]): Promise<Metadata> {
    const metadata = await this.askAny(metadataKind, metadataBody(topics));
    if (metadata.brokers.size > 0) this.brokers = metadata.brokers;
    return metadata;
  }

  /** Who leads a partition now. @throws KafkaError NO_SUCH_PARTITION, LEADER_NOT_AVAILABLE and what `topic` throws */
  async leader(topic: string, partition: number): Promise<number> {
    const { partitions } = await this.topic(topic);
    const known = partitions[partition];
    const node = known?.leader ?? -1;
    if (known !== undefined && this.brokers.has(node)) return node;
    this.moved(topic);
    if (known === undefined) throw new KafkaError('NO_SUCH_PARTITION', `${topic} has ${partitions.length} partitions, and none with number ${partition}`);
    throw new KafkaError('LEADER_NOT_AVAILABLE', `${topic} partition ${partition} has no leader`);
  }

  /** What an error says about what is known here. */
  noticed(topic: string, error: unknown): void {
    if (error instanceof KafkaError && meansMoved(error)) this.moved(topic);
  }

  /** @throws KafkaError UNREACHABLE, TLS_FAILED, LOGIN_FAILED */
  connection(node: number, purpose: string): Promise<BrokerConnection> {
    const address = this.brokers.get(node);
    return address === undefined ? Promise.reject(new KafkaError('UNREACHABLE', `node ${node} is not known`)) : this.connectionTo(address, purpose);
  }

  /** To a broker that an answer named. @throws KafkaError UNREACHABLE, TLS_FAILED, LOGIN_FAILED */
  connectionAt(address: BrokerAddress, purpose: string): Promise<BrokerConnection> {
    return this.connectionTo(address, purpose);
  }

  /**
   * The first answer of any broker: those with a connection are asked first, another joins when one fails or takes its time.
   * @throws KafkaError of the broker that says most
   */
  async askAny<T>(kind: RequestKind<T>, body: Uint8Array[]): Promise<T> {
    const addresses = this.addresses();
    const errors: KafkaError[] = [];
    return new Promise<T>((resolve, reject) => {
      let asked = 0;
      let timer: NodeJS.Timeout | undefined;
      const next = (): void => {
        clearTimeout(timer);
        const address = addresses[asked++];
        if (address === undefined) {
          if (errors.length === addresses.length) reject(errors.find(({ code }) => code !== 'UNREACHABLE' && code !== 'TIMED_OUT') ?? errors[0] ?? new KafkaError('UNREACHABLE', 'no broker is named'));
          return;
        }
        timer = setTimeout(next, askNextAfterMs);
        this.connectionTo(address, 'ask')
          .then(connection => connection.request(kind, body))
          .then(
            answer => {
              clearTimeout(timer);
              asked = addresses.length;
              resolve(answer);
            },
            (error: unknown) => {
              errors.push(error instanceof KafkaError ? error : new KafkaError('UNREACHABLE', String(error), { cause: error }));
              next();
            },
          );
      };
      next();
    });
  }

  /** The answers of all brokers. @throws KafkaError where one of them does not answer */
  async askEach<T>(kind: RequestKind<T>, body: Uint8Array[]): Promise<T[]> {
    const { brokers } = await this.metadata([]);
    return Promise.all([...brokers.values()].map(async address => (await this.connectionTo(address, 'ask')).request(kind, body)));
  }

  /** Once a minute: looks whether certificates were replaced, and forgets connections that ended. */
  sweep(): void {
    try {
      this.tlsVersion = this.connectionOptions.tls?.current().version ?? 0;
    } catch {
      // Said by the next connection that needs them.
    }
    for (const [key, connection] of this.connections) if (!connection.isOpen) this.connections.delete(key);
  }

  close(): void {
    this.closed = true;
    clearInterval(this.sweeping);
    for (const connection of this.connections.values()) connection.end(closedError());
  }

  private moved(topic: string): void {
    const known = this.topics.get(topic);
    if (known !== undefined) known.stale = true;
  }

  private remember(name: string, topics: readonly TopicMetadata[]): TopicMetadata {
    const topic = topics.find(candidate => candidate.name === name);
    if (topic?.error !== null) {
      this.moved(name);
      throw new KafkaError(topic?.error ?? 'UNKNOWN_TOPIC_OR_PARTITION', `topic ${name}: ${topic?.error ?? 'not in the answer'}`);
    }
    this.topics.set(name, { topic, learnedMs: Date.now(), stale: false });
    return topic;
  }

  /** Those with a connection first, then the other learned ones, then the seeds; in any order among equals. */
  private addresses(): BrokerAddress[] {
    const byKey = new Map([...shuffled([...this.brokers.values()]), ...shuffled(this.seeds)].map(address => [keyOf(address, 'ask'), address]));
    const isOpen = (key: string): boolean => this.connections.get(key)?.isOpen === true;
    return [...byKey].sort(([a], [b]) => Number(isOpen(b)) - Number(isOpen(a))).map(([, address]) => address).slice(0, askedBrokersMax);
  }

  private connectionTo(address: BrokerAddress, purpose: string): Promise<BrokerConnection> {
    const key = keyOf(address, purpose);
    const connection = this.connections.get(key);
    if (connection !== undefined && this.isGood(connection)) return Promise.resolve(connection);
    let opening = this.opening.get(key);
    if (opening === undefined) {
      opening = this.open(address, key).finally(() => this.opening.delete(key));
      this.opening.set(key, opening);
    }
    return opening;
  }

  private async open(address: BrokerAddress, key: string): Promise<BrokerConnection> {
    if (this.closed) throw closedError();
    const before = this.connections.get(key);
    const connection = await BrokerConnection.open(address, this.connectionOptions, Math.min(connectMsMax, this.requestTimeoutMs));
    if (this.closed) connection.end(closedError());
    before?.retire();
    this.tlsVersion = Math.max(this.tlsVersion, connection.tlsVersion);
    this.connections.set(key, connection);
    return connection;
  }

  /** One whose login ends, or whose certificate has been replaced, is replaced too: at its next use. */
  private isGood(connection: BrokerConnection): boolean {
    return connection.isOpen && connection.isLoggedIn && connection.tlsVersion === this.tlsVersion;
  }
}

const keyOf = ({ host, port }: BrokerAddress, purpose: string): string => `${host}:${port} ${purpose}`;
const closedError = (): KafkaError => new KafkaError('CLOSED', 'this Kafka client is closed', { unknownOutcome: true });

/** `host:port`, `[v6]:port`. */
function addressOf(text: string): BrokerAddress {
  const match = /^\[?(.+?)\]?(?::(\d+))?$/.exec(text);
  return { host: match?.[1] ?? text, port: Number(match?.[2] ?? 9092) };
}

function shuffled<T>(values: readonly T[]): T[] {
  const result = [...values];
  for (let left = result.length; left > 1; left--) {
    const chosen = Math.floor(Math.random() * left);
    [result[left - 1], result[chosen]] = [result[chosen]!, result[left - 1]!];
  }
  return result;
}
