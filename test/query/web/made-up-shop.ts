/** Made-up requests of a small shop, of the shape real ones have: hops, waits, a failing payment with its stack trace, lines without ids. */
import { formatTimeNs } from '#schemas/event.ts';
import type { EventBody, RequestSummary, TimelineBody } from '#schemas/http-api.ts';

/** A small generator of even numbers in [0, 1), so that the same seed makes the same shop. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function hex(random: () => number, digits: number): string {
  return Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('');
}

interface LineSpec {
  afterUs: number;
  service: string | null;
  level: EventBody['level'];
  message: string;
  fields?: EventBody['fields'];
  idless?: boolean;
}

const cardTrace = [
  'PaymentError: card declined by issuer (code 51)',
  '    at authorize (/app/src/gateway.js:88:13)',
  '    at process.processTicksAndRejections (node:internal/process/task_queues:103:5)',
  '    at async charge (/app/src/charge.js:41:18)',
  '    at async Object.handle [as charge] (/app/src/server.js:27:20)',
].join('\n');

function checkout(failing: boolean, slowMs: number): LineSpec[] {
  const lines: LineSpec[] = [
    { afterUs: 0, service: 'frontend', level: 'info', message: 'POST /cart/checkout started', fields: { 'http.req.method': 'POST', 'http.req.path': '/cart/checkout', session: '9d2c1f' } },
    { afterUs: 412, service: 'frontend', level: 'debug', message: 'session loaded' },
    { afterUs: 1_270, service: 'checkout', level: 'info', message: '[PlaceOrder] user_id="9d2c1f" user_currency="EUR"' },
    { afterUs: 640, service: 'cart', level: 'info', message: 'GetCart called with userId=9d2c1f' },
    { afterUs: 1_105, service: 'redis', level: 'debug', message: 'HGET cart:9d2c1f', idless: true },
    { afterUs: 980, service: 'cart', level: 'info', message: 'cart has 3 items' },
    { afterUs: 730, service: 'catalog', level: 'info', message: 'GetProduct OLJCESPC7Z' },
    { afterUs: 402, service: 'catalog', level: 'info', message: 'GetProduct 66VCHSJNUP' },
    { afterUs: 388, service: 'catalog', level: 'warn', message: 'product 66VCHSJNUP: image missing, placeholder used' },
    { afterUs: 2_210, service: 'currency', level: 'info', message: 'conversion request successful', fields: { from: 'USD', to: 'EUR', rate: 0.9132 } },
    { afterUs: 890, service: 'shipping', level: 'info', message: '[GetQuote] received request' },
    { afterUs: 240, service: 'shipping', level: 'info', message: '[GetQuote] completed request: 8.99 USD to "1600 Amphitheatre Parkway, Mountain View, CA 94043, United States", 3 items, 1.42 kg, carrier=ground, surcharge=none, zone=4, cutoff=17:00, insured=true, label=deferred' },
    { afterUs: 1_950, service: 'payment', level: 'info', message: 'PaymentService#Charge invoked with request {"amount":{"currency_code":"EUR","units":"64","nanos":990000000}}' },
    { afterUs: 310, service: 'payment', level: 'debug', message: 'gateway connection from pool', idless: true },
    { afterUs: slowMs * 1000, service: 'payment', level: failing ? 'warn' : 'info', message: failing ? 'gateway answered 402 after retry 2 of 2' : 'gateway answered 200' },
  ];
  if (failing) {
    lines.push(
      { afterUs: 205, service: 'payment', level: 'error', message: cardTrace, fields: { 'err.name': 'PaymentError', 'err.code': 51 } },
      { afterUs: 1_420, service: 'checkout', level: 'error', message: 'failed to charge card: rpc error: code = Unknown desc = card declined by issuer (code 51)' },
      { afterUs: 870, service: 'frontend', level: 'error', message: 'failed to complete the order: checkout answered 500' },
    );
  } else {
    lines.push(
      { afterUs: 610, service: 'payment', level: 'info', message: 'Transaction processed: visa ending 0454 Amount: EUR64.99' },
      { afterUs: 1_330, service: 'shipping', level: 'info', message: '[ShipOrder] tracking id EY-27811-184553226' },
      { afterUs: 905, service: 'email', level: 'info', message: 'order confirmation queued', idless: true },
    );
  }
  lines.push({ afterUs: 730, service: 'frontend', level: failing ? 'warn' : 'info', message: `request complete ${failing ? 500 : 200}`, fields: { 'http.resp.status': failing ? 500 : 200, 'http.resp.took_ms': slowMs + 17 } });
  return lines;
}

function browse(path: string): LineSpec[] {
  return [
    { afterUs: 0, service: 'frontend', level: 'info', message: `GET ${path} started`, fields: { 'http.req.method': 'GET', 'http.req.path': path } },
    { afterUs: 850, service: 'catalog', level: 'info', message: 'ListProducts' },
    { afterUs: 1_300, service: 'currency', level: 'info', message: 'Getting supported currencies...' },
    { afterUs: 640, service: 'ad', level: 'info', message: 'received ad request (context_words=[decor])' },
    { afterUs: 2_120, service: 'frontend', level: 'info', message: 'request complete 200', fields: { 'http.resp.status': 200 } },
  ];
}

export interface MadeUpRequest {
  summary: RequestSummary;
  timeline: TimelineBody;
}

function toEvents(specs: readonly LineSpec[], startNs: bigint, traceId: string, requestId: string): EventBody[] {
  let timeNs = startNs;
  return specs.map((spec, index) => {
    timeNs += BigInt(Math.round(spec.afterUs * 1000)) + BigInt(index * 37 % 1000);
    const service = spec.service;
    const idless = spec.idless === true;
    const streamId = `${service ?? 'unnamed'}-7c1e`;
    return {
      eventId: `${streamId}:${traceId.slice(0, 6)}${index}`, time: formatTimeNs(timeNs), timeNs: timeNs.toString(), timeSource: 'runtime',
      service, container: 'server', pod: service === null ? null : `${service}-5f6585d649-fnmft`, namespace: 'shop', node: null,
      level: spec.level, message: spec.message,
      raw: JSON.stringify({ severity: spec.level, time: formatTimeNs(timeNs), message: spec.message, ...(idless ? {} : { trace_id: traceId }), ...spec.fields }),
      fields: { ...(idless ? {} : { trace_id: traceId }), ...spec.fields },
      requestId: traceId, requestIdSource: idless ? 'inherited' : 'field:trace_id', confidence: idless ? 0.82 : 1,
      ids: idless ? [] : [{ kind: 'trace', name: 'trace_id', value: traceId }, ...(index === 0 ? [{ kind: 'request', name: 'http.req.id', value: requestId }] : [])],
      source: `shop/${service ?? 'unnamed'}`, streamId, streamOffset: index * 240, streamOffsetEnd: index * 240 + 231, output: 'stdout', part: null, gap: null,
      exceptionType: spec.message.startsWith('PaymentError') ? 'PaymentError' : null, correctedTimeNs: null, clockErrorNs: null, template: null,
      ...(idless ? { evidence: { kind: 'worker', because: "it is worker-3's, between two lines of this request", eventId: `${streamId}:0` } } : {}),
    };
  });
}

function summarise(id: string, title: string, events: readonly EventBody[]): RequestSummary {
  const [first, last] = [events[0]!, events.at(-1)!];
  return {
    id, title, from: first.time, to: last.time, durationMs: Number(BigInt(last.timeNs) - BigInt(first.timeNs)) / 1e6,
    services: [...new Set(events.map(event => event.service).filter(service => service !== null))],
    lines: events.length, errors: events.filter(event => event.level === 'error' || event.level === 'fatal').length,
  };
}

export function makeRequest(seed: number, startNs: bigint): MadeUpRequest {
  const random = seeded(seed * 7919 + 13);
  for (let n = 0; n < 8; n += 1) random();
  const traceId = hex(random, 32);
  const requestId = `${hex(random, 8)}-${hex(random, 4)}-4${hex(random, 3)}-a${hex(random, 3)}-${hex(random, 12)}`;
  const kind = random();
  const failing = kind < 0.14;
  const buying = kind < 0.4;
  const path = ['/', '/cart', '/product/OLJCESPC7Z', '/product/66VCHSJNUP', '/setCurrency'][Math.floor(random() * 5)]!;
  const events = toEvents(buying ? checkout(failing, 8 + Math.floor(random() ** 4 * 900)) : browse(path), startNs, traceId, requestId);
  const summary = summarise(traceId, buying ? 'POST /cart/checkout' : `GET ${path}`, events);
  return {
    summary,
    timeline: {
      id: traceId, asked: traceId,
      ids: [{ kind: 'trace', name: 'trace_id', value: traceId }, { kind: 'request', name: 'http.req.id', value: requestId }],
      joins: [{ kind: 'request', value: requestId, owner: traceId, proofEventId: events[0]!.eventId }],
      services: summary.services, from: summary.from, to: summary.to, events, gaps: [], clocks: [], grouping: null, truncated: false, truncatedBecause: null, inference: null,
    },
  };
}

/** The failing checkout with an idle wait of 480 ms that tests and screenshots use. */
export function makeFailure(startNs: bigint): MadeUpRequest {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const requestId = 'fc48b1a2-6d0e-4c55-a1b0-0e5f77c20b91';
  const events = toEvents(checkout(true, 480), startNs, traceId, requestId);
  const summary = summarise(traceId, 'POST /cart/checkout', events);
  const made = makeRequest(1, startNs).timeline;
  return {
    summary,
    timeline: {
      ...made, id: traceId, asked: traceId, services: summary.services, from: summary.from, to: summary.to, events,
      ids: [{ kind: 'trace', name: 'trace_id', value: traceId }, { kind: 'request', name: 'http.req.id', value: requestId }],
      joins: [{ kind: 'request', value: requestId, owner: traceId, proofEventId: events[0]!.eventId }],
    },
  };
}

/** One request of very many lines, to see that length does not freeze the page. */
export function makeLong(startNs: bigint, lineCount: number): MadeUpRequest {
  const random = seeded(5);
  const services = ['batch', 'cart', 'catalog', 'payment', 'worker'];
  const specs = Array.from({ length: lineCount }, (_, index): LineSpec => ({
    afterUs: random() * 900 + (index % 25_000 === 24_999 ? 30_000_000 : 0), service: services[Math.floor(random() * 5)]!,
    level: random() < 0.001 ? 'error' : random() < 0.02 ? 'warn' : 'info', message: `item ${index} of the nightly export written`,
  }));
  const events = toEvents(specs, startNs, 'b1'.repeat(16), 'job-1');
  const summary = summarise('b1'.repeat(16), 'nightly export', events);
  return { summary, timeline: { ...makeRequest(1, startNs).timeline, id: summary.id, asked: summary.id, ids: [], joins: [], services: summary.services, from: summary.from, to: summary.to, events } };
}
