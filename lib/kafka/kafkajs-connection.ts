/**
 * The one file that touches kafkajs: its `Connection` opens the socket, logs in and cuts the answers out of the bytes. Its producer, consumer and
 * cluster are not used. What is used is private to kafkajs, so its presence is checked when this file loads, and its version is pinned.
 *
 * Requests are written by us, piece by piece, so that no batch is copied on its way to the socket (kafkajs would copy it twice, into buffers of
 * twice its size). What kafkajs gets wrong is kept out:
 * - its queue arms a 1 ms timer for ever after the first answer, with nothing to check: here it is armed only with something pending;
 * - its request timer looks ten times a second: each request has a timer of its own;
 * - it loads all its requests for a login that most do not need: 7 MB, put off until there is one;
 * - `disconnect()` waits for answers that may never come: the socket is destroyed instead, which also makes a late answer impossible.
 */
import { createRequire, Module } from 'node:module';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { KafkaError, type KafkaLogin } from './types.ts';

interface QueueEntry {
  entry: { apiKey: number; apiName: string; apiVersion: number; correlationId: number; resolve: (answer: { payload: Buffer }) => void; reject: (error: Error) => void };
  expectResponse: boolean;
  requestTimeout: null;
  sendRequest: () => void;
}
interface KafkajsRequestQueue {
  pending: unknown[];
  push(entry: QueueEntry): void;
  rejectAll(error: Error): void;
  destroy(): void;
  scheduleCheckPendingRequests(): void;
}
type Versions = Record<number, { minVersion: number; maxVersion: number }>;
interface KafkajsConnection {
  requestQueue: KafkajsRequestQueue;
  connectionStatus: string;
  connect(): Promise<true>;
  authenticate(): Promise<void>;
  isAuthenticated(): boolean;
  setVersions(versions: Versions): void;
  setSupportAuthenticationProtocol(supported: boolean): void;
  nextCorrelationId(): number;
}
interface KafkajsLogger {
  namespace: () => KafkajsLogger;
  debug: () => void;
  info: () => void;
  warn: () => void;
  error: () => void;
}
type KafkajsConnectionClass = new (options: {
  host: string;
  port: number;
  clientId: string;
  logger: KafkajsLogger;
  socketFactory: (options: { onConnect: () => void }) => Socket;
  requestTimeout: number;
  connectionTimeout: number;
  enforceRequestTimeout: boolean;
  ssl: object | null;
  sasl: { mechanism: string; username: string; password: string } | null;
}) => KafkajsConnection;

const requireHere = createRequire(import.meta.url);
putOffLogin();
const Connection = requireHere('kafkajs/src/network/connection.js') as KafkajsConnectionClass;

const nothing = (): void => undefined;
const quiet: KafkajsLogger = { namespace: () => quiet, debug: nothing, info: nothing, warn: nothing, error: nothing };
const keepAliveDelayMs = 60_000;
const tlsAlertByte = 0x15;
/** Longer than any wait of ours: ends are set outside. */
const neverMs = 2 ** 31 - 1;

export interface ConnectionOptions {
  host: string;
  port: number;
  clientId: string;
  tls: SecureContext | null;
  login: KafkaLogin | null;
}

export interface WireRequest {
  apiKey: number;
  apiVersion: number;
  apiName: string;
  /** Everything behind the correlation id, the client id included. */
  pieces: readonly Uint8Array[];
}

/** One connection. It ends once, for one reason; whatever waits is told that reason. */
export class WireConnection {
  private readonly options: ConnectionOptions;
  private readonly kafkajs: KafkajsConnection;
  private socket: Socket | null = null;
  private tlsIsUp: boolean;
  private endedBy: KafkaError | null = null;
  private readonly onEnd = new Set<(error: KafkaError) => void>();

  constructor(options: ConnectionOptions) {
    const { host, port, clientId, tls, login } = options;
    this.options = options;
    this.tlsIsUp = tls === null;
    this.kafkajs = new Connection({
      host,
      port,
      clientId,
      logger: quiet,
      socketFactory: ({ onConnect }) => this.openSocket(onConnect),
      requestTimeout: neverMs,
      connectionTimeout: neverMs,
      enforceRequestTimeout: false,
      ssl: tls,
      sasl: login === null ? null : { mechanism: login.mechanism, username: login.username, password: login.password },
    });
    const queue = this.kafkajs.requestQueue;
    const schedule = queue.scheduleCheckPendingRequests.bind(queue);
    queue.scheduleCheckPendingRequests = () => {
      if (queue.pending.length > 0) schedule();
    };
  }

  get ended(): KafkaError | null {
    return this.endedBy;
  }

  /** False once the broker's session time (`connections.max.reauth.ms`) is nearly over. */
  get isLoggedIn(): boolean {
    return this.options.login === null || this.kafkajs.isAuthenticated();
  }

  /** @throws KafkaError UNREACHABLE, TLS_FAILED */
  async connect(): Promise<void> {
    await this.untilEnd(this.kafkajs.connect());
  }

  /** @throws KafkaError LOGIN_FAILED, UNREACHABLE */
  async logIn(versions: Versions): Promise<void> {
    this.kafkajs.setVersions(versions);
    this.kafkajs.setSupportAuthenticationProtocol(true);
    try {
      await this.untilEnd(this.kafkajs.authenticate());
    } catch (error) {
      // A broker answers a wrong login before it closes; kafkajs says the same of a connection that broke meanwhile.
      throw this.endedBy ?? new KafkaError('LOGIN_FAILED', (error as Error).message, { cause: error });
    }
  }

  /** @throws KafkaError with `unknownOutcome` where the connection ends before the answer. */
  send({ apiKey, apiVersion, apiName, pieces }: WireRequest): Promise<Buffer> {
    const { socket, endedBy } = this;
    if (socket === null || endedBy !== null) return Promise.reject(endedBy ?? this.unreachable('not connected'));
    const correlationId = this.kafkajs.nextCorrelationId();
    const head = Buffer.allocUnsafe(12);
    let bytes = 8;
    for (const piece of pieces) bytes += piece.length;
    head.writeInt32BE(bytes, 0);
    head.writeInt16BE(apiKey, 4);
    head.writeInt16BE(apiVersion, 6);
    head.writeInt32BE(correlationId, 8);
    const answered = new Promise<{ payload: Buffer }>((resolve, reject) => {
      const sendRequest = (): void => {
        socket.cork();
        socket.write(head);
        for (const piece of pieces) socket.write(piece);
        socket.uncork();
      };
      this.kafkajs.requestQueue.push({ entry: { apiKey, apiName, apiVersion, correlationId, resolve, reject }, expectResponse: true, requestTimeout: null, sendRequest });
    });
    return answered.then(({ payload }) => payload);
  }

  /** Ends the connection at once; every request under way fails with this error. */
  end(error: KafkaError): void {
    if (this.endedBy !== null) return;
    this.endedBy = error;
    // kafkajs shall neither use the connection nor tidy up behind it.
    this.kafkajs.connectionStatus = 'disconnected';
    this.kafkajs.requestQueue.rejectAll(error);
    this.kafkajs.requestQueue.destroy();
    this.socket?.destroy();
    for (const told of [...this.onEnd]) told(error);
    this.onEnd.clear();
  }

  private openSocket(onConnect: () => void): Socket {
    const { host, port, tls } = this.options;
    const connected = (): void => {
      this.tlsIsUp = true;
      onConnect();
    };
    // 5 MB that a plain connection does not need.
    const socket = tls === null ? connectTcp({ host, port, noDelay: true }, connected) : process.getBuiltinModule('node:tls').connect({ host, port, secureContext: tls, ...(isIP(host) === 0 ? { servername: host } : {}) }, connected);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveDelayMs);
    // Before kafkajs' own listeners, so that the true reason is known first.
    socket.on('error', (error: NodeJS.ErrnoException) => this.end(this.errorOf(error)));
    const closed = (): void => this.end(this.tlsIsUp ? this.unreachable('the broker closed the connection') : this.tlsFailed('the connection was closed during the TLS handshake; this port may speak plain text'));
    socket.on('end', closed);
    socket.on('close', closed);
    socket.once('data', (bytes: Buffer) => {
      if (tls === null && bytes[0] === tlsAlertByte) this.end(this.tlsFailed('this port demands TLS'));
    });
    this.socket = socket;
    return socket;
  }

  private errorOf(error: NodeJS.ErrnoException): KafkaError {
    if (this.options.tls !== null) {
      if (/before secure TLS connection/.test(error.message)) return this.tlsFailed('the connection was closed during the TLS handshake; this port may speak plain text', error);
      if (this.tlsIsUp ? (error.code ?? '').startsWith('ERR_SSL') : !isOfNetwork(error)) return this.tlsFailed(error.message.replace(/^[0-9A-F]+:error:[0-9A-F]+:/, '').trim(), error);
    }
    return this.unreachable(error.code ?? error.message, error);
  }

  private tlsFailed(problem: string, cause?: unknown): KafkaError {
    return new KafkaError('TLS_FAILED', `${this.options.host}:${this.options.port}: ${problem}`, { unknownOutcome: true, cause });
  }

  private unreachable(problem: string, cause?: unknown): KafkaError {
    return new KafkaError('UNREACHABLE', `${this.options.host}:${this.options.port}: ${problem}`, { unknownOutcome: true, cause });
  }

  private async untilEnd<T>(work: Promise<T>): Promise<T> {
    if (this.endedBy !== null) throw this.endedBy;
    let told: ((error: KafkaError) => void) | null = null;
    try {
      return await Promise.race([
        work,
        new Promise<never>((_, reject) => {
          told = reject;
          this.onEnd.add(reject);
        }),
      ]);
    } catch (error) {
      throw this.endedBy ?? error;
    } finally {
      if (told !== null) this.onEnd.delete(told);
    }
  }
}

/** Codes of the sockets themselves are short and upper-case (`ECONNREFUSED`); those of certificates and TLS are not. */
function isOfNetwork(error: NodeJS.ErrnoException): boolean {
  return error.syscall !== undefined || /^E[A-Z]+$/.test(error.code ?? '');
}

/** Stands in for kafkajs' authenticator, and loads it when a connection logs in. */
function putOffLogin(): void {
  const path = requireHere.resolve('kafkajs/src/broker/saslAuthenticator');
  if (requireHere.cache[path] !== undefined) return;
  type Authenticator = new (...args: unknown[]) => object;
  // Called with `new`, which takes the object that is returned.
  function standIn(...args: unknown[]): object {
    if (requireHere.cache[path]?.exports === standIn) Reflect.deleteProperty(requireHere.cache, path);
    return new (requireHere(path) as Authenticator)(...args);
  }
  requireHere.cache[path] = Object.assign(new Module(path), { exports: standIn, loaded: true });
}

/** @throws Error where another kafkajs than the one this was written for is installed. */
function checkKafkajs(): void {
  const trial = new Connection({ host: '', port: 0, clientId: '', logger: quiet, socketFactory: () => connectTcp(0), requestTimeout: 1, connectionTimeout: 1, enforceRequestTimeout: false, ssl: null, sasl: null });
  const methods: (keyof KafkajsConnection)[] = ['connect', 'authenticate', 'isAuthenticated', 'setVersions', 'setSupportAuthenticationProtocol', 'nextCorrelationId'];
  const queueMethods: (keyof KafkajsRequestQueue)[] = ['push', 'rejectAll', 'destroy', 'scheduleCheckPendingRequests'];
  const missing = [...methods.filter(name => typeof trial[name] !== 'function'), ...queueMethods.filter(name => typeof trial.requestQueue[name] !== 'function'), ...(Array.isArray(trial.requestQueue.pending) ? [] : ['pending'])];
  if (missing.length > 0) throw new Error(`this kafkajs lacks ${missing.join(', ')}: install the version that package.json names`);
}

checkKafkajs();
