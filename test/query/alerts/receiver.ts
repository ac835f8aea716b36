/** A webhook receiver: real HTTP, answers as told. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AlertMessage } from '../../../query/alerts/message.ts';

export interface Received {
  idempotencyKey: string;
  headers: IncomingHttpHeaders;
  body: AlertMessage;
}

export interface Receiver {
  url: string;
  received: Received[];
  /** Status of the next answers; null never answers. */
  answer: (message: Received) => number | null;
  /** Resolves when `count` messages have come in all. */
  until(count: number): Promise<void>;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const waiting: { count: number; resolve: () => void }[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const message = { idempotencyKey: String(request.headers['idempotency-key']), headers: request.headers, body: JSON.parse(Buffer.concat(parts).toString()) as AlertMessage };
      receiver.received.push(message);
      const status = receiver.answer(message);
      if (status !== null) response.writeHead(status).end();
      for (const { count, resolve } of waiting) if (receiver.received.length >= count) resolve();
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received: [],
    answer: () => 204,
    until: count => new Promise(resolve => {
      if (receiver.received.length >= count) resolve();
      else waiting.push({ count, resolve });
    }),
    close: () => new Promise(resolve => {
      server.closeAllConnections();
      server.close(() => resolve());
    }),
  };
  return receiver;
}
