import { randomBytes } from 'node:crypto';
import { call, type Answer } from '../call.ts';
import { accessLine, errorLine } from '../formats/nginx.ts';
import { headerOf, type Incoming, type OpenService } from '../shop.ts';

const badGateway: Answer = { status: 502, body: { message: 'bad gateway' } };

/** The gateway: gives every request its `$request_id`, passes it to the frontend and writes what nginx would write. */
export const openEdge: OpenService = ({ logFile, addressOf, outage }) => {
  const access = logFile('access.log');
  const errors = logFile('error.log');
  let requests = 0;
  errors.write(errorLine('notice', `start worker process ${process.pid}`));

  async function proxy(request: Incoming, client: string, requestId: string): Promise<Answer> {
    const upstream = addressOf('frontend') + request.path;
    const where = `client: ${client}, server: shop.example, request: "${request.method} ${request.path} HTTP/1.1", upstream: "${upstream}", host: "shop.example"`;
    if (outage.active) {
      errors.write(errorLine('error', `*${requests} upstream prematurely closed connection while reading response header from upstream, ${where}`));
      return badGateway;
    }
    try {
      return await call(upstream, {
        method: request.method === 'POST' ? 'POST' : 'GET',
        headers: { 'x-request-id': requestId, 'x-forwarded-for': client, cookie: headerOf(request, 'cookie') ?? '' },
        body: request.body,
      });
    } catch {
      errors.write(errorLine('error', `*${requests} connect() failed (111: Connection refused) while connecting to upstream, ${where}`));
      return badGateway;
    }
  }

  return {
    async answer(request) {
      requests += 1;
      const startedMs = performance.now();
      const requestId = randomBytes(16).toString('hex');
      // The load generator says which address a shopper has, as a load balancer in front of nginx would.
      const client = (headerOf(request, 'x-forwarded-for') ?? '127.0.0.1').replace(/[^0-9a-f.:]/gi, '');
      const userAgent = (headerOf(request, 'user-agent') ?? '-').replaceAll('"', "'");
      const answer = await proxy(request, client, requestId);
      const bodyBytes = Buffer.byteLength(JSON.stringify(answer.body));
      const { method, path } = request;
      access.write(accessLine({ client, method, path, status: answer.status, bodyBytes, userAgent, tookMs: performance.now() - startedMs, requestId }));
      return answer;
    },
  };
};
