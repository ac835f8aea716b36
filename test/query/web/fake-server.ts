/**
 * A stand-in for the query service, with made-up data, so that the page is tried alone. Run it by hand to look at the page:
 * `node test/query/web/fake-server.ts 4999`.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AlertBody, EventBody, RequestSummary, StreamsAnswer, TimelineBody } from '#schemas/http-api.ts';
import { makeFailure, makeLong, makeRequest, type MadeUpRequest } from './made-up-shop.ts';

const types: Record<string, string> = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'";

export const sessionId = 'session-9d2c1f';
export const mistakenQuery = 'service:cart level>=warm';

export interface FakeServerOptions {
  assetsDir: string;
  requestCount?: number;
  longLineCount?: number;
}

export class FakeServer {
  readonly requests: MadeUpRequest[] = [];
  readonly failure: MadeUpRequest;
  alerts: AlertBody[] = [];
  streams: StreamsAnswer['streams'] = [];
  readonly #options: FakeServerOptions;
  readonly #tails = new Set<ServerResponse>();
  readonly #timelines = new Map<string, TimelineBody>();
  readonly #startNs = BigInt(Date.now()) * 1_000_000n + 154_772n;
  #server: Server | null = null;
  #seed = 100;
  #tailId = 0;
  port = 0;

  constructor(options: FakeServerOptions) {
    this.#options = options;
    const count = options.requestCount ?? 120;
    for (let n = 0; n < count; n += 1) this.#add(makeRequest((this.#seed += 1), this.#startNs - BigInt(count - n) * 2_700_000_000n));
    this.failure = makeFailure(this.#startNs - 900_000_000n);
    if (count > 0) {
      this.#add(this.failure);
      this.streams = madeUpStreams();
    }
    const request = this.failure.timeline.ids[1]!.value;
    this.#timelines.set(request, { ...this.failure.timeline, asked: request });
    if (options.longLineCount !== undefined) this.#timelines.set('long-export-1', makeLong(this.#startNs, options.longLineCount).timeline);
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  #add(request: MadeUpRequest): void {
    this.requests.unshift(request);
    this.#timelines.set(request.summary.id, request.timeline);
  }

  /** As if no line of a request had arrived yet, until it is shown again. */
  hide(id: string): void {
    this.#timelines.delete(id);
  }

  show(request: MadeUpRequest): void {
    this.#timelines.set(request.summary.id, request.timeline);
  }

  /** New requests arrive, and their lines in every tail. */
  addRequests(count: number): void {
    for (let n = 0; n < count; n += 1) {
      const request = makeRequest((this.#seed += 1), BigInt(Date.now()) * 1_000_000n + BigInt(n));
      this.#add(request);
      for (const event of request.timeline.events) this.tell(event);
    }
  }

  tell(event: EventBody): void {
    this.#tailId += 1;
    for (const tail of this.#tails) tail.write(`id: ${this.#tailId}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  tellSkipped(count: number): void {
    for (const tail of this.#tails) tail.write(`event: skipped\ndata: ${JSON.stringify({ count })}\n\n`);
  }

  fireAlert(): AlertBody {
    const { events } = this.failure.timeline;
    const error = events.find(event => event.exceptionType !== null)!;
    const alert: AlertBody = {
      episodeId: 'payment-errors:payment:1', revision: 1, rule: 'payment-errors', key: { service: 'payment' }, state: 'firing', openedAt: error.time, firstAt: events[0]!.time, lastAt: events.at(-1)!.time,
      resolvedAt: null, foundAt: events.at(-1)!.time, count: 37, peak: 21, told: true, topError: { message: error.message, count: 29, exceptionType: 'PaymentError' },
      services: ['payment', 'checkout', 'frontend'], requests: this.requests.filter(each => each.summary.errors > 0).slice(0, 5).map(each => ({ id: each.summary.id, url: `${this.origin}/timeline/${each.summary.id}` })), url: `${this.origin}/alerts/1`,
    };
    this.alerts = [alert, ...this.alerts];
    return alert;
  }

  async open(): Promise<void> {
    const server = createServer((request, response) => {
      void this.#answer(new URL(request.url ?? '/', 'http://fake'), response);
    });
    this.#server = server;
    await new Promise<void>(resolve => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
  }

  /** Gone as if killed: connections are cut. `open` brings it back on the same port. */
  async close(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    this.#tails.clear();
    const closed = new Promise<void>(resolve => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  async #answer(url: URL, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(url.pathname);
    if (path.startsWith('/assets/')) return this.#file(path.slice('/assets/'.length), response);
    if (!path.startsWith('/api/')) return this.#file('index.html', response);
    const query = url.searchParams.get('query') ?? '';
    if (path === '/api/v1/tail' && query !== mistakenQuery) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).write('retry: 500\n\n');
      this.#tails.add(response);
      response.on('close', () => this.#tails.delete(response));
      return;
    }
    const { status, body } = this.#answerOf(path, query, url.searchParams);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  #answerOf(path: string, query: string, params: URLSearchParams): { status: number; body: unknown } {
    const json = (body: unknown, status = 200) => ({ status, body });
    if (path.startsWith('/api/v1/timelines/')) {
      const id = path.slice('/api/v1/timelines/'.length);
      if (id === sessionId) return json(this.#grouping());
      const timeline = this.#timelines.get(id);
      if (timeline !== undefined) return json(timeline);
      return json({ code: 'REQUEST_NOT_FOUND', message: `No stored line carries the id ${id}. It may have been mistyped, not have arrived yet (leadline status shows the lag), or be older than the retention.` }, 404);
    }
    if (query === mistakenQuery) return json({ code: 'BAD_QUERY', message: 'column 21: "warm" is not a level; did you mean warn? Levels: trace, debug, info, warn, error, fatal' }, 400);
    if (path === '/api/v1/requests') {
      const found = this.requests.map(each => each.summary).filter(summary => query === '' || summary.errors > 0);
      const from = Number(params.get('cursor') ?? '0');
      const page: RequestSummary[] = found.slice(from, from + Number(params.get('limit') ?? '50'));
      return json({ requests: page, cursor: from + page.length < found.length ? String(from + page.length) : null, truncated: false, scanned: { events: 1200, bytes: 312_000, blocks: 2, passedOver: 0, ms: 1.2 } });
    }
    if (path === '/api/v1/events') {
      const words = query.toLowerCase();
      const found = this.requests.flatMap(each => each.timeline.events.toReversed()).filter(event => words === '' || words === '*' || event.message.toLowerCase().includes(words));
      const from = Number(params.get('cursor') ?? '0');
      const page = found.slice(from, from + Number(params.get('limit') ?? '100'));
      return json({
        events: page, cursor: from + page.length < found.length ? String(from + page.length) : null, truncated: words === 'everything', scanned: { events: 12_058, bytes: 3_140_000, blocks: 9, passedOver: 3, ms: 8.41 },
        hint: words === 'servce:cart' ? 'No event has a field servce; did you mean service?' : null,
      });
    }
    if (path === '/api/v1/alerts') return json({ alerts: this.alerts });
    if (path.startsWith('/api/v1/alerts/')) {
      const alert = this.alerts.find(each => each.episodeId === path.slice('/api/v1/alerts/'.length));
      return alert === undefined ? json({ code: 'ALERT_NOT_FOUND', message: 'There is no alert of this id. leadline alerts list shows what is known.' }, 404) : json(alert);
    }
    if (path === '/api/v1/streams') return json(this.#streamsAnswer());
    return json({ code: 'NOT_FOUND', message: 'There is no such route here.' }, 404);
  }

  #grouping(): TimelineBody {
    return { ...this.failure.timeline, id: sessionId, asked: sessionId, ids: [{ kind: 'session', name: 'session', value: sessionId }], joins: [], services: [], from: null, to: null, events: [], grouping: { kind: 'session', requests: this.requests.slice(0, 6).map(each => each.summary) } };
  }

  #streamsAnswer(): StreamsAnswer {
    const sum = (of: (stream: StreamsAnswer['streams'][number]) => number): number => this.streams.reduce((total, stream) => total + of(stream), 0);
    return {
      streams: this.streams,
      totals: { streams: this.streams.length, bytes: sum(each => each.sizeBytes), storedBytes: sum(each => each.storedBytes), lagBytes: sum(each => each.lagBytes), lines: sum(each => each.lines), events: sum(each => each.events), droppedBytes: sum(each => Object.values(each.droppedBytes).reduce((a, b) => a + b, 0)) },
      store: { files: 2, bytes: 6_210_000, events: sum(each => each.events), unfilteredBlocks: 0, oldest: this.requests.at(-1)?.summary.from ?? null, newest: this.requests[0]?.summary.to ?? null },
      limits: this.streams.length === 0 ? [] : [{ limit: 'lineBytesMax', count: 2, message: 'Longer lines are cut into parts; every byte is stored.' }],
    };
  }

  async #file(name: string, response: ServerResponse): Promise<void> {
    try {
      const body = await readFile(join(this.#options.assetsDir, name));
      response.writeHead(200, { 'content-type': types[extname(name)] ?? 'application/octet-stream', 'content-security-policy': policy }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  }
}

function madeUpStreams(): StreamsAnswer['streams'] {
  const services = ['frontend', 'checkout', 'cart', 'payment', 'catalog', 'currency', 'shipping', 'email', 'ad'];
  return services.map((service, n) => {
    const sizeBytes = 4_812_331 + n * 731_113;
    const lagBytes = n === 3 ? 18_220 : 0;
    const droppedBytes: Record<string, number> = n === 7 ? { overQuota: 48_100 } : {};
    const gapBytes = n === 5 ? 4096 : 0;
    const storedBytes = sizeBytes - lagBytes - gapBytes - (droppedBytes['overQuota'] ?? 0) - (n === 8 ? 240 : 0);
    return {
      streamId: `${service}7c1e02`, source: `shop/${service}`, service, path: `/var/log/pods/shop_${service}-5f6585d649-fnmft_2b1c7e/server/${n % 3}.log`, closed: n === 4,
      sizeBytes, readBytes: sizeBytes, acknowledgedBytes: storedBytes, storedBytes, lagBytes, lines: Math.round(sizeBytes / 240), events: Math.round(sizeBytes / 246), droppedBytes, gapBytes, lastReadAt: new Date().toISOString(),
    };
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = new FakeServer({ assetsDir: fileURLToPath(new URL('../../../query/web/dist', import.meta.url)), longLineCount: 100_000 });
  server.port = Number(process.argv[2] ?? '4999');
  await server.open();
  setInterval(() => server.addRequests(1), 700);
  console.log(server.origin);
}
