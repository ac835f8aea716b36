/** Stands before a server that knows no users: TLS with a certificate of a test's own, and a login without which nothing goes through. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { CertificatePair } from './certificates.ts';

export class GuardedProxy {
  readonly url: string;
  /** What has to stand in `Authorization`. */
  authorization: string;
  requests = 0;
  private readonly server: Server;

  private constructor(server: Server, authorization: string) {
    this.server = server;
    this.authorization = authorization;
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async listen(target: string, { certPath, keyPath }: CertificatePair, authorization: string): Promise<GuardedProxy> {
    const server = createServer({ cert: readFileSync(certPath), key: readFileSync(keyPath) });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const proxy = new GuardedProxy(server, authorization);
    server.on('request', (incoming, outgoing) => {
      proxy.requests += 1;
      if (incoming.headers.authorization !== proxy.authorization) {
        incoming.resume();
        outgoing.writeHead(401, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' });
        outgoing.end(JSON.stringify({ error: { type: 'security_exception', reason: 'unable to authenticate' }, status: 401 }));
        return;
      }
      const headers = { ...incoming.headers };
      delete headers.authorization;
      const forwarded = request(target + (incoming.url ?? '/'), { method: incoming.method, headers }, answer => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      forwarded.on('error', () => outgoing.destroy());
      incoming.pipe(forwarded);
    });
    return proxy;
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }
}
