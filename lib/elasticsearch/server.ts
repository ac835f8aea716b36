/**
 * Elasticsearch or OpenSearch over HTTP: single attempts, each status an answer. Whoever asks decides when to ask again, because only it knows
 * whether a request that got no answer may have been carried out.
 *
 * The transport of Elasticsearch's own client does the work for both (nodes, connections, TLS); its check of the product and its media types, which
 * OpenSearch refuses, are left out, and what the server is, is told by its answers instead.
 */
import { readFileSync } from 'node:fs';
import { Client, errors, SniffingTransport, type ClientOptions } from '@elastic/elasticsearch';

export interface ElasticServerOptions {
  /** `https://host:9200`, several for one cluster. */
  nodes: readonly string[];
  login: { apiKey: string } | { username: string; password: string } | null;
  /** Certificate authority, PEM; null for the system's. */
  caPath: string | null;
  requestTimeoutMs: number;
}

export interface ElasticRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  /** Escaped; `pathOf` makes one. */
  path: string;
  query?: Readonly<Record<string, string | number | boolean>>;
  body?: unknown;
  /** NDJSON, newline at the end, in place of `body`. */
  lines?: string | Buffer;
  /** Less than the option's, where something has a deadline. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface ElasticAnswer {
  status: number;
  body: unknown;
}

export type ElasticFlavour = 'elasticsearch' | 'opensearch';

/** No answer. For a request that writes, nobody knows what became of it, unless `isUnsent`. */
export class ElasticError extends Error {
  readonly code: 'UNREACHABLE' | 'TIMED_OUT' | 'TLS_FAILED' | 'ABORTED' | 'NO_ANSWER';
  /** True where no byte of it can have reached a server. */
  readonly isUnsent: boolean;

  constructor(code: ElasticError['code'], message: string, isUnsent: boolean, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ElasticError';
    this.code = code;
    this.isUnsent = isUnsent;
  }
}

class PlainTransport extends SniffingTransport {
  constructor(options: ConstructorParameters<typeof SniffingTransport>[0]) {
    super({ ...options, productCheck: null as unknown as string, vendoredHeaders: { jsonContentType: 'application/json', ndjsonContentType: 'application/x-ndjson', accept: 'application/json' } });
  }
}

/** A path of which every part but a leading `_` word may hold anything. */
export function pathOf(...parts: string[]): string {
  return `/${parts.map(part => encodeURIComponent(part).replaceAll('%2C', ',').replaceAll('%2A', '*')).join('/')}`;
}

export class ElasticServer {
  readonly nodes: readonly string[];
  readonly requestTimeoutMs: number;
  private readonly client: Client;
  private knownFlavour: ElasticFlavour | null = null;

  /** Throws what `readFileSync` does where the certificate authority cannot be read. */
  constructor(options: ElasticServerOptions) {
    this.nodes = options.nodes;
    this.requestTimeoutMs = options.requestTimeoutMs;
    const { login, caPath } = options;
    const clientOptions: ClientOptions = {
      nodes: [...options.nodes],
      maxRetries: 0,
      requestTimeout: options.requestTimeoutMs,
      Transport: PlainTransport,
      enableMetaHeader: false,
      // Fields of log lines may have any name; nothing of an answer is ever merged into another object.
      disablePrototypePoisoningProtection: true,
      ...(login === null ? {} : { auth: login }),
      ...(caPath === null ? {} : { tls: { ca: readFileSync(caPath) } }),
    };
    this.client = new Client(clientOptions);
  }

  /** @throws ElasticError where there was no answer. */
  async request({ method, path, query, body, lines, timeoutMs = this.requestTimeoutMs, signal }: ElasticRequest): Promise<ElasticAnswer> {
    const deadline = AbortSignal.timeout(timeoutMs);
    const both = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
    try {
      const answer = await this.client.transport.request({ method, path, ...(query === undefined ? {} : { querystring: query }), ...(body === undefined ? {} : { body: body as Record<string, unknown> }), ...(lines === undefined ? {} : { bulkBody: lines }) }, { meta: true, requestTimeout: timeoutMs, signal: both });
      this.learn(answer.headers);
      return { status: answer.statusCode, body: answer.body };
    } catch (error) {
      if (error instanceof errors.ResponseError && error.statusCode !== undefined) {
        this.learn(error.headers ?? {});
        return { status: error.statusCode, body: error.body as unknown };
      }
      throw asElasticError(error, signal?.aborted === true, deadline.aborted, timeoutMs);
    }
  }

  /** What answers; asked once. @throws ElasticError where nothing answers, or it does not say what it is */
  async flavour(): Promise<ElasticFlavour> {
    if (this.knownFlavour !== null) return this.knownFlavour;
    const { status, body } = await this.request({ method: 'GET', path: '/' });
    // A busy gateway in between must not be taken for a server.
    if (this.knownFlavour === null && (body as { version?: { distribution?: string } } | null)?.version?.distribution === 'opensearch') this.knownFlavour = 'opensearch';
    if (this.knownFlavour === null) throw new ElasticError('NO_ANSWER', `what answers (status ${status}) is neither Elasticsearch nor OpenSearch`, true);
    return this.knownFlavour;
  }

  close(): Promise<void> {
    return this.client.close();
  }

  private learn(headers: Record<string, unknown>): void {
    this.knownFlavour ??= 'x-elastic-product' in headers ? 'elasticsearch' : 'x-opensearch-version' in headers ? 'opensearch' : null;
  }
}

/** The client keeps of the system's error only its message; these are as Node and OpenSSL write them. */
const unsent = /\b(?:connect|getaddrinfo) (?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)\b|Connect Timeout Error/;
const noTls = /certificate|altnames|\bSSL\b|\bTLS\b|\bEPROTO\b/i;

function asElasticError(error: unknown, isAborted: boolean, isLate: boolean, timeoutMs: number): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (isAborted) return new ElasticError('ABORTED', 'given up', false, { cause: error });
  if (error instanceof errors.ConnectionError && noTls.test(error.message)) return new ElasticError('TLS_FAILED', error.message, true, { cause: error });
  if (isLate || error instanceof errors.TimeoutError || error instanceof errors.RequestAbortedError) return new ElasticError('TIMED_OUT', `no answer within ${timeoutMs} ms`, false, { cause: error });
  if (error instanceof errors.NoLivingConnectionsError) return new ElasticError('UNREACHABLE', error.message, true, { cause: error });
  if (error instanceof errors.ConnectionError) return new ElasticError('UNREACHABLE', error.message, unsent.test(error.message), { cause: error });
  if (error instanceof errors.ElasticsearchClientError) return new ElasticError('NO_ANSWER', error.message, false, { cause: error });
  return error;
}
