/** A webhook receiver: a real HTTP server that keeps what it was told. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import type { AlertBody } from '#schemas/http-api.ts';

export interface Told {
  idempotencyKey: string;
  body: AlertBody & { kind: string; text: string };
}

export async function webhookReceiver(t: ExecutionContext): Promise<{ url: string; told: Told[] }> {
  const told: Told[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      told.push({ idempotencyKey: String(request.headers['idempotency-key']), body: JSON.parse(Buffer.concat(chunks).toString()) as Told['body'] });
      response.end();
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, told };
}
