/**
 * Events for the store's bench: what bunyan would write in a shop of twelve services, as the collector makes events of it. Seeded, endless, about
 * 316 bytes a line. Requests of 8 to 20 lines within two seconds, a span per service, ids of full entropy, 2.8 % errors of which every third has a
 * stack, lines a little out of order; one message in 100,000 holds the rare words.
 */
import type { EventId, Fields, Level, LogEvent } from '#schemas/event.ts';
import { seededNumbers } from './ship-lines.ts';

const services = ['frontend', 'checkout', 'cart', 'payment', 'shipping', 'catalogue', 'currency', 'email', 'ads', 'recommendation', 'inventory', 'billing'];
const paths = ['/', '/cart', '/cart/items', '/checkout', '/product', '/api/v1/quote', '/api/v1/convert', '/healthz', '/setCurrency'];
const regions = ['eu-west-1a', 'eu-west-1b', 'us-east-2c'];
const causes = ['ETIMEDOUT', 'ECONNRESET', 'card declined by issuer', 'inventory exhausted', 'deadline exceeded'];
const hostOf = services.map((service, index) => `${service}-6d9f7c5b8-${['x2v9k', 'fnmft', 'q8zzp', 'b4mtw'][index % 4]!}`);

const streamOf = services.map(service => `${service}-stream`);
const sourceOf = services.map((service, index) => `shop/${hostOf[index]!}/${service}`);

/** Events of event time per second: five million a day. */
const usualPerSecond = 57.9;
const rareEvery = 100_000;
export const rareWords = 'zebra-needle';
export const commonWord = 'ETIMEDOUT';
const startMs = Date.UTC(2026, 9, 1);

interface OpenRequest {
  traceId: string;
  requestId: string;
  user: string;
  spans: (string | undefined)[];
  left: number;
  path: string;
}

export class StoreData {
  /** Ids of finished requests to ask for later: one of each `sampleEvery` requests. */
  readonly sampled: { traceId: string; requestId: string; spanId: string; lines: number }[] = [];
  count = 0;
  rare = 0;
  rawBytes = 0;
  errors = 0;
  private readonly random: () => number;
  private readonly sampleEvery: number;
  private readonly eventsPerSecond: number;
  private readonly open: OpenRequest[] = [];
  private readonly counted = new Map<OpenRequest, number>();
  private requests = 0;
  private readonly offsets = services.map(() => 0);

  constructor(seed: number, sampleEvery: number, eventsPerSecond = usualPerSecond) {
    this.random = seededNumbers(seed);
    this.eventsPerSecond = eventsPerSecond;
    this.sampleEvery = sampleEvery;
    for (let index = 0; index < 40; index++) this.open.push(this.newRequest());
  }

  get nowMs(): number {
    return startMs + Math.floor((this.count * 1000) / this.eventsPerSecond);
  }

  batch(size: number): LogEvent[] {
    const events: LogEvent[] = [];
    for (let index = 0; index < size; index++) events.push(this.next());
    return events;
  }

  private next(): LogEvent {
    const random = this.random();
    const slot = random % this.open.length;
    const request = this.open[slot]!;
    const service = (random >>> 8) % services.length;
    const spanId = (request.spans[service] ??= this.hex(16));
    const jitterMs = (random >>> 12) % 200;
    const ms = this.nowMs - jitterMs;
    const { level, levelNumber, msg, stack } = this.says(random);
    const status = level === 'error' ? 500 : (random & 31) === 0 ? 404 : 200;
    const time = new Date(ms).toISOString();
    const duration = ((random >>> 4) % 900_000) / 1000;
    const method = (random & 3) === 0 ? 'POST' : 'GET';
    const pid = 10 + service;
    const name = services[service]!;
    const region = regions[service % 3]!;
    const raw = Buffer.from(`{"name":"${name}","pid":${pid},"level":${levelNumber},"zone":"${region}","traceId":"${request.traceId}","spanId":"${spanId}","req_id":"${request.requestId}","user":"${request.user}","method":"${method}","path":"${request.path}","status":${status},"duration_ms":${duration},"msg":${JSON.stringify(msg)}${stack === null ? '' : `,"stack":${JSON.stringify(stack)}`},"time":"${time}","v":0}`, 'latin1');
    const fields: Fields = { name, pid, level: levelNumber, zone: region, traceId: request.traceId, spanId, req_id: request.requestId, user: request.user, method, path: request.path, status, duration_ms: duration, msg };
    if (stack !== null) fields['stack'] = stack;
    fields['time'] = time;
    fields['v'] = 0;
    const ids: EventId[] = [{ kind: 'trace', name: 'traceId', value: request.traceId }, { kind: 'request', name: 'req_id', value: request.requestId }, { kind: 'span', name: 'spanId', value: spanId }];
    const from = this.offsets[service]!;
    const to = from + raw.length + 1;
    this.offsets[service] = to;
    this.count += 1;
    this.rawBytes += raw.length;
    if (level === 'error') this.errors += 1;
    this.told(slot, request, spanId);
    return {
      eventId: `${streamOf[service]!}:${from}`, timeNs: BigInt(ms) * 1_000_000n, timeSource: 'line', service: name, container: name, pod: hostOf[service]!, namespace: 'shop', node: null, level, message: msg, raw, fields,
      requestId: request.traceId, requestIdSource: 'field:traceId', confidence: 1, ids, source: sourceOf[service]!, streamId: streamOf[service]!, streamOffset: from, streamOffsetEnd: to, pieces: [{ from, to }],
      output: null, part: null, gap: null, exceptionType: stack === null ? null : 'Error', template: null, lineCount: 1,
    };
  }

  private says(random: number): { level: Level; levelNumber: number; msg: string; stack: string | null } {
    if (this.count % rareEvery === rareEvery / 2) {
      this.rare += 1;
      return { level: 'warn', levelNumber: 40, msg: `retry queue holds a ${rareWords} since boot`, stack: null };
    }
    const choice = (random >>> 16) % 1000;
    const number = this.random();
    if (choice < 28) {
      const cause = causes[number % causes.length]!;
      const msg = `${paths[number % paths.length]!} failed: ${cause} after ${number % 3000} ms`;
      return { level: 'error', levelNumber: 50, msg, stack: number % 3 === 0 ? `Error: ${cause}\n    at Socket.<anonymous> (/app/lib/client.js:${number % 400}:15)\n    at Socket.emit (node:events:518:28)\n    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)` : null };
    }
    if (choice < 90) return { level: 'warn', levelNumber: 40, msg: `slow upstream ${services[number % 12]!}, ${number % 5000} ms`, stack: null };
    if (choice < 400) return { level: 'debug', levelNumber: 20, msg: `cache ${number % 2 === 0 ? 'hit' : 'miss'} for key item:${number % 100_000}`, stack: null };
    if (choice < 700) return { level: 'info', levelNumber: 30, msg: `order ${number % 10_000_000} has ${number % 9} items, total ${(number % 100_000) / 100} EUR`, stack: null };
    return { level: 'info', levelNumber: 30, msg: 'request completed', stack: null };
  }

  private told(slot: number, request: OpenRequest, spanId: string): void {
    const lines = this.counted.get(request);
    if (lines !== undefined) this.counted.set(request, lines + 1);
    request.left -= 1;
    if (request.left > 0) return;
    if (lines !== undefined) {
      this.sampled.push({ traceId: request.traceId, requestId: request.requestId, spanId, lines: lines + 1 });
      this.counted.delete(request);
    }
    this.open[slot] = this.newRequest();
  }

  private newRequest(): OpenRequest {
    const request: OpenRequest = { traceId: this.hex(32), requestId: this.uuid(), user: `u_${this.random() % 1_000_000}`, spans: [], left: 8 + (this.random() % 13), path: paths[this.random() % paths.length]! };
    this.requests += 1;
    if (this.requests % this.sampleEvery === 0) this.counted.set(request, 0);
    return request;
  }

  private hex(digits: number): string {
    let text = '';
    while (text.length < digits) text += this.random().toString(16).padStart(8, '0');
    return text;
  }

  private uuid(): string {
    const hex = this.hex(32);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}
