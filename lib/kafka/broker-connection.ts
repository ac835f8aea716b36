/** One connection to one broker, ready for requests: opened, versions known, logged in. Every request has an end: its answer, or a time-out that ends the connection. */
import { KafkaError, type KafkaLogin } from './types.ts';
import { kafkaErrorOf } from './error-codes.ts';
import { WireConnection } from './kafkajs-connection.ts';
import { WireError, WireReader, WireWriter } from './wire.ts';
import type { TlsFiles } from './tls-files.ts';

export interface BrokerAddress {
  host: string;
  port: number;
}

export interface BrokerConnectionOptions {
  clientId: string;
  tls: TlsFiles | null;
  login: KafkaLogin | null;
  requestTimeoutMs: number;
}

/** One kind of request in the one version we speak. */
export interface RequestKind<T> {
  name: string;
  apiKey: number;
  version: number;
  /** Header and answer end in tagged fields. */
  flexible: boolean;
  read: (answer: WireReader) => T;
}

const apiVersionsKey = 18;

export class BrokerConnection {
  readonly address: BrokerAddress;
  /** Of the certificate files it was opened with; 0 without TLS. */
  readonly tlsVersion: number;
  private readonly wire: WireConnection;
  private readonly clientId: string;
  private readonly requestTimeoutMs: number;
  private readonly hasLogin: boolean;
  private versions: Record<number, { minVersion: number; maxVersion: number }> = {};
  private underWay = 0;
  private isRetired = false;
  /** Something was answered that only those may ask who are let in. */
  private isLetIn = false;
  /** The broker has said that it takes in nothing before this time (quota). */
  private mutedUntilMs = 0;

  private constructor(address: BrokerAddress, options: BrokerConnectionOptions, tls: ReturnType<TlsFiles['current']> | null) {
    this.address = address;
    this.clientId = options.clientId;
    this.requestTimeoutMs = options.requestTimeoutMs;
    this.hasLogin = options.login !== null;
    this.tlsVersion = tls?.version ?? 0;
    this.wire = new WireConnection({ ...address, clientId: options.clientId, tls: tls?.context ?? null, login: options.login });
  }

  /**
   * @param timeoutMs for everything until it may be used
   * @throws KafkaError UNREACHABLE, TLS_FAILED, LOGIN_FAILED
   */
  static async open(address: BrokerAddress, options: BrokerConnectionOptions, timeoutMs: number): Promise<BrokerConnection> {
    const connection = new BrokerConnection(address, options, options.tls?.current() ?? null);
    const { wire } = connection;
    const timer = setTimeout(() => wire.end(new KafkaError('UNREACHABLE', `${address.host}:${address.port}: no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      await wire.connect();
      await connection.learnVersions();
      if (options.login !== null) await wire.logIn(connection.versions);
      return connection;
    } catch (error) {
      wire.end(new KafkaError('UNREACHABLE', 'given up'));
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get isOpen(): boolean {
    return this.wire.ended === null;
  }

  /** Takes no more requests of others; ends when the last answer is there. */
  retire(): void {
    this.isRetired = true;
    if (this.underWay === 0) this.end(new KafkaError('UNREACHABLE', `${this.where}: replaced by another connection`));
  }

  /** A connection whose login is about to end is replaced, not logged in again: nothing can then be under way while it happens. */
  get isLoggedIn(): boolean {
    return this.wire.isLoggedIn;
  }

  end(error: KafkaError): void {
    this.wire.end(error);
  }

  /**
   * @param body behind the header, in pieces that nobody changes before the answer
   * @param waitMs how long the broker may hold the answer back on purpose
   * @throws KafkaError UNREACHABLE, TIMED_OUT (both with `unknownOutcome`), UNSUPPORTED_VERSION
   */
  async request<T>(kind: RequestKind<T>, body: readonly Uint8Array[], waitMs = 0): Promise<T> {
    const { apiKey, version, name } = kind;
    const known = this.versions[apiKey];
    if (apiKey !== apiVersionsKey && (known === undefined || version < known.minVersion || version > known.maxVersion)) throw new KafkaError('UNSUPPORTED_VERSION', `${this.where} does not speak ${name} version ${version}; Kafka 3.1 or later is needed`);
    const header = new WireWriter(64).string(this.clientId);
    if (kind.flexible) header.noTags();
    const timeoutMs = this.requestTimeoutMs + waitMs + Math.max(0, this.mutedUntilMs - Date.now());
    const timer = setTimeout(() => this.end(new KafkaError('TIMED_OUT', `${this.where}: no answer to ${name} within ${timeoutMs} ms`, { unknownOutcome: true })), timeoutMs);
    this.underWay++;
    try {
      const answer = await this.wire.send({ apiKey, apiVersion: version, apiName: name, pieces: [header.bytes, ...body] });
      if (apiKey !== apiVersionsKey) this.isLetIn = true;
      const reader = new WireReader(answer);
      if (kind.flexible) reader.skipTags();
      return kind.read(reader);
    } catch (error) {
      if (!(error instanceof WireError)) throw this.withHint(error);
      const garbled = new KafkaError('UNREACHABLE', `${this.where}: its answer to ${name} cannot be read (${error.message})`, { unknownOutcome: true, cause: error });
      this.end(garbled);
      throw garbled;
    } finally {
      this.underWay--;
      clearTimeout(timer);
      if (this.isRetired) this.retire();
    }
  }

  /** The broker has answered that it will not read on for this long. */
  muted(throttleMs: number): void {
    if (throttleMs > 0) this.mutedUntilMs = Math.max(this.mutedUntilMs, Date.now() + throttleMs);
  }

  /** A listener that demands a login closes the connection of who sends anything else. */
  private withHint(error: unknown): unknown {
    if (this.isLetIn || this.hasLogin || !(error instanceof KafkaError) || !error.message.endsWith('closed the connection')) return error;
    return new KafkaError(error.code, `${error.message}; it may demand a login, and none is given`, { unknownOutcome: error.unknownOutcome, cause: error });
  }

  private get where(): string {
    return `${this.address.host}:${this.address.port}`;
  }

  private async learnVersions(): Promise<void> {
    const kind: RequestKind<void> = {
      name: 'ApiVersions',
      apiKey: apiVersionsKey,
      version: 0,
      flexible: false,
      read: answer => {
        const code = answer.int16();
        if (code !== 0) throw kafkaErrorOf(code, this.where);
        answer.array(() => {
          this.versions[answer.int16()] = { minVersion: answer.int16(), maxVersion: answer.int16() };
        });
      },
    };
    await this.request(kind, []);
  }
}
