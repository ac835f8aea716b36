/**
 * The one entry of every demo process: `service.ts NAME LOGS_DIR`, started with an IPC channel to its parent.
 *
 * It lives as long as that channel: a parent that is gone, however it went, ends it. Ctrl-C reaches the whole process group, so it is left to
 * the parent. Nothing is written to standard output; standard error is for bugs only and is read by the parent.
 */
import http from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { call, readJson, type Answer } from './call.ts';
import type { Addresses, FromService, ToService } from './messages.ts';
import { knownService, type DemoService } from './names.ts';
import { RotatingLog } from './rotating-log.ts';
import { UpstreamError, type OpenService, type Surroundings } from './shop.ts';

const openers: Record<DemoService, () => Promise<OpenService>> = {
  edge: async () => (await import('./services/edge.ts')).openEdge,
  frontend: async () => (await import('./services/frontend.ts')).openFrontend,
  checkout: async () => (await import('./services/checkout.ts')).openCheckout,
  cart: async () => (await import('./services/cart.ts')).openCart,
  catalogue: async () => (await import('./services/catalogue.ts')).openCatalogue,
  payment: async () => (await import('./services/payment.ts')).openPayment,
  shipping: async () => (await import('./services/shipping.ts')).openShipping,
  worker: async () => (await import('./services/worker.ts')).openWorker,
};

/** A service that is ended alone still answers this long, so that requests which began before it was ended can finish. */
const lingerMs = 1_500;

/** The discard port, where nobody listens. */
const nowhere = 'http://127.0.0.1:9';

process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);

const name = knownService(process.argv[2] ?? '');
const logsDir = process.argv[3]!;
let addresses: Addresses = {};
let outageTimer: NodeJS.Timeout | undefined;

const surroundings: Surroundings = {
  outage: { active: false },
  logFile: (file) => new RotatingLog(join(logsDir, name, file)),
  addressOf: (service) => addresses[service] ?? nowhere,
  async ask(service, path, options) {
    const answer = await call(surroundings.addressOf(service) + path, options).catch((cause: unknown) => {
      throw new UpstreamError(service, `cannot be reached: ${(cause as Error).message}`, { cause });
    });
    if (answer.status >= 500) throw new UpstreamError(service, `answered ${answer.status}`);
    return answer;
  },
};

const open = await openers[name]();
const service = open(surroundings);

const server = http.createServer((request, response) => {
  void answer(request).then(({ status, body }) => {
    const sent = JSON.stringify(body);
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) }).end(sent);
  });
});

async function answer(request: http.IncomingMessage): Promise<Answer> {
  try {
    const path = (request.url ?? '/').split('?')[0]!;
    return await service.answer({ method: request.method ?? 'GET', path, headers: request.headers, body: await readJson(request) });
  } catch (error) {
    console.error(error);
    return { status: 500, body: { message: 'internal error' } };
  }
}

function fail(forMs: number): void {
  clearTimeout(outageTimer);
  surroundings.outage.active = true;
  outageTimer = setTimeout(() => (surroundings.outage.active = false), forMs);
}

async function stop(): Promise<never> {
  server.close();
  await service.drain?.();
  process.exit(0);
}

function tell(message: FromService): void {
  // The callback takes the error of a channel that closed meanwhile; `disconnect` ends the process then.
  process.send?.(message, () => undefined);
}

process.on('message', (message: ToService) => {
  if (message.type === 'meet') addresses = message.addresses;
  if (message.type === 'fail') fail(message.forMs);
  tell({ type: 'done', id: message.id });
  if (message.type === 'stop') void stop();
});
process.once('SIGTERM', () => void pause(lingerMs).then(stop));

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') tell({ type: 'listening', port: address.port });
});
