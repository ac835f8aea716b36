/**
 * Services that each know a request by another header: behind a real nginx a proxy that changes the id's nibble as Envoy does, a gateway that starts the
 * trace, and behind it one service per family of headers, one of them in Python and one behind Kafka. Each logs into a folder of its own.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import bunyan from 'bunyan';
import type { KafkaClient } from '#lib/kafka/kafka-client.ts';
import { call } from '../../../deploy/demo/call.ts';
import { recordsOf } from '../../helpers/kafka-records.ts';

/** Everything that one request is called on its way. */
export interface Called {
  client: string;
  trace: string;
  ids: string[];
}

type Headers = Record<string, string>;
type Answer = (headers: http.IncomingHttpHeaders) => Promise<void> | void;

export class Families {
  readonly logs: string;
  private readonly folder: string;
  private readonly kafka: KafkaClient;
  private readonly topic: string;
  private readonly servers: http.Server[] = [];
  private readonly children: ChildProcess[] = [];
  private ports: Record<'nginx' | 'stock' | 'envoy' | 'gateway' | 'payment' | 'mail' | 'places' | 'stats', number> = { nginx: 0, stock: 0, envoy: 0, gateway: 0, payment: 0, mail: 0, places: 0, stats: 0 };
  private readonly traces = new Map<string, { trace: string; ids: string[] }>();

  private constructor(folder: string, kafka: KafkaClient, topic: string) {
    this.folder = folder;
    this.logs = join(folder, 'logs');
    this.kafka = kafka;
    this.topic = topic;
  }

  static async start(folder: string, kafka: KafkaClient, topic: string): Promise<Families> {
    const families = new Families(folder, kafka, topic);
    const { ports } = families;
    ports.envoy = await families.serve(headers => families.envoy(headers));
    ports.gateway = await families.serve(headers => families.gateway(headers));
    ports.payment = await families.serve(headers => families.write('payment', `level=info msg="card charged" uber-trace-id=${one(headers['uber-trace-id'])}`));
    ports.mail = await families.serve(headers => families.write('mail', `${new Date().toISOString()} INFO mail queued, X-Amzn-Trace-Id: ${one(headers['x-amzn-trace-id'])}`));
    ports.places = await families.serve(headers => families.write('places', JSON.stringify({ severity: 'INFO', time: new Date().toISOString(), message: 'address found', headers: { 'x-cloud-trace-context': one(headers['x-cloud-trace-context']) } })));
    ports.stats = await families.serve(headers => families.write('stats', JSON.stringify({ time: new Date().toISOString(), level: 'info', msg: 'order counted', dd: { trace_id: one(headers['x-datadog-trace-id']), span_id: one(headers['x-datadog-parent-id']) } })));
    [ports.nginx, ports.stock] = [await freePort(), await freePort()];
    await families.startStock();
    await families.startNginx();
    return families;
  }

  /** One order, through all of them. */
  async order(): Promise<Called> {
    const client = randomUUID();
    const { status } = await call(`http://127.0.0.1:${this.ports.nginx}/orders`, { method: 'POST', headers: { 'x-request-id': client }, body: {} });
    if (status !== 200) throw new Error(`nginx answered ${status}`);
    const { trace, ids } = this.traces.get(envoyed(client))!;
    return { client, trace, ids: [client, client.replaceAll('-', ''), envoyed(client), trace, ...ids] };
  }

  /** The worker takes what lies in the topic. */
  async work(): Promise<void> {
    for (const { headers } of await recordsOf(this.kafka, this.topic)) this.write('worker', `ts=${new Date().toISOString()} level=info msg="parcel packed" traceparent=${headers['traceparent']!}`);
  }

  async stop(): Promise<void> {
    for (const server of this.servers) server.close();
    for (const child of this.children) {
      if (child.exitCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }

  private async envoy(headers: http.IncomingHttpHeaders): Promise<void> {
    const id = envoyed(one(headers['x-request-id']));
    this.write('envoy', `[${new Date().toISOString()}] "POST /orders HTTP/1.1" 200 - 2 2 5 4 "-" "test" "${id}" "shop.example" "127.0.0.1:${this.ports.gateway}"`);
    await post(this.ports.gateway, { 'x-request-id': id });
  }

  private async gateway(headers: http.IncomingHttpHeaders): Promise<void> {
    const requestId = one(headers['x-request-id']);
    // Its high half is the time, as X-Ray wants it.
    const trace = Math.floor(Date.now() / 1000).toString(16) + randomBytes(12).toString('hex');
    const [b3, uber, parent, message] = Array.from({ length: 4 }, () => randomBytes(8).toString('hex')) as [string, string, string, string];
    const [decimal, decimalParent] = [trace.slice(16), parent].map(hex => BigInt(`0x${hex}`).toString()) as [string, string];
    const root = `1-${trace.slice(0, 8)}-${trace.slice(8)}`;
    this.traces.set(requestId, { trace, ids: [root, decimal, b3, uber, `00-${trace}-${message}-01`, `projects/shop/traces/${trace}`, trace.toUpperCase()] });
    const log = bunyan.createLogger({ name: 'gateway', streams: [{ stream: { write: (line: string) => this.write('gateway', line.trimEnd()) } as NodeJS.WritableStream }] });
    log.info({ req_id: requestId, trace_id: trace }, 'order taken');
    await post(this.ports.stock, { 'X-B3-TraceId': trace, 'X-B3-SpanId': b3, 'X-B3-Sampled': '1' });
    await post(this.ports.payment, { 'uber-trace-id': `${trace}:${uber}:0:1` });
    await post(this.ports.mail, { 'X-Amzn-Trace-Id': `Root=${root};Parent=${parent};Sampled=1` });
    await post(this.ports.places, { 'X-Cloud-Trace-Context': `${trace}/${decimalParent};o=1` });
    // A tracer of 64 bits is told the low half, in decimal.
    log.info({ trace_id: trace, headers: { 'x-datadog-trace-id': decimal } }, 'counts the order');
    await post(this.ports.stats, { 'x-datadog-trace-id': decimal, 'x-datadog-parent-id': decimalParent });
    await this.kafka.produce(this.topic, 0, [{ key: null, value: Buffer.from('{}'), headers: { traceparent: `00-${trace}-${message}-01` } }], 'none');
  }

  private write(service: string, line: string): void {
    mkdirSync(join(this.logs, service), { recursive: true });
    appendFileSync(join(this.logs, service, `${service}.log`), `${line}\n`);
  }

  private async serve(answer: Answer): Promise<number> {
    const server = http.createServer((request, response) => {
      request.resume();
      void Promise.resolve(answer(request.headers)).then(() => response.end('ok'), (error: unknown) => response.writeHead(500).end(String(error)));
    });
    this.servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  private async startStock(): Promise<void> {
    mkdirSync(join(this.logs, 'stock'), { recursive: true });
    const child = spawn('python3', [join(import.meta.dirname, 'stock.py'), String(this.ports.stock), join(this.logs, 'stock', 'stock.log')], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.children.push(child);
    await once(child.stdout, 'data');
  }

  private async startNginx(): Promise<void> {
    const folder = join(this.folder, 'nginx');
    for (const path of [folder, join(this.logs, 'nginx')]) mkdirSync(path, { recursive: true });
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${folder}/${name};`).join(' ');
    const config = join(folder, 'nginx.conf');
    writeFileSync(config, `
daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events {}
http {
  ${temporary}
  log_format own '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" request_id=$request_id x_request_id="$http_x_request_id" msec=$msec';
  access_log ${this.logs}/nginx/access.log own;
  server {
    listen 127.0.0.1:${this.ports.nginx};
    location / { proxy_pass http://127.0.0.1:${this.ports.envoy}; proxy_set_header X-Request-Id $http_x_request_id; }
  }
}
`);
    this.children.push(spawn(nginxPath()!, ['-c', config, '-p', folder], { stdio: ['ignore', 'inherit', 'inherit'] }));
    for (;;) {
      const answered = await fetch(`http://127.0.0.1:${this.ports.nginx}/`, { method: 'OPTIONS' }).then(() => true, () => false);
      if (answered) break;
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }
}

/** Envoy writes why a request is traced over the version digit of its id. */
const envoyed = (id: string): string => `${id.slice(0, 14)}9${id.slice(15)}`;

const one = (value: string | string[] | undefined): string => (Array.isArray(value) ? value[0] : value) ?? '';

async function post(port: number, headers: Headers): Promise<void> {
  const { status } = await call(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body: {} });
  if (status !== 200) throw new Error(`port ${port} answered ${status}`);
}

async function freePort(): Promise<number> {
  const server = http.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const runs = (command: string, args: readonly string[]): boolean => {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

const nginxPath = (): string | null => ['nginx', '/usr/sbin/nginx'].find(path => runs(path, ['-v'])) ?? null;

/** What these services need and is not there, or null. */
export function familiesMissing(): string | null {
  if (nginxPath() === null) return 'no nginx here (apt-get install nginx-light)';
  return runs('python3', ['--version']) ? null : 'no python3 here';
}
