import { randomUUID } from 'node:crypto';
import bunyan from 'bunyan';
import type { Answer, CallOptions } from '../call.ts';
import { work } from '../pretend.ts';
import { headerOf, notFound, UpstreamError, type CartItem, type Incoming, type OpenService } from '../shop.ts';
import { startTrace, traceparentOf } from '../trace.ts';

class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/**
 * The shop's pages. It starts the trace: its first line of a request carries the edge's request id and the trace id, and is what ties together
 * the services behind it, of which some are told only the one and some only the other.
 */
export const openFrontend: OpenService = ({ logFile, ask, outage }) => {
  const log = bunyan.createLogger({ name: 'frontend', stream: logFile('frontend.log'), serializers: { err: bunyan.stdSerializers.err } });

  async function page(request: Incoming, byRequestId: CallOptions, byTrace: CallOptions): Promise<Answer> {
    const product = /^\/products\/([a-z-]+)$/.exec(request.path)?.[1];
    switch (`${request.method} ${product === undefined ? request.path : '/products/:sku'}`) {
      case 'GET /':
        return ask('catalogue', '/products', byRequestId);
      case 'GET /products/:sku':
        return ask('catalogue', `/products/${product!}`, byRequestId);
      case 'GET /cart':
        return ask('cart', '/items', byTrace);
      case 'POST /cart': {
        const wanted = request.body as Partial<CartItem> | undefined;
        const found = await ask('catalogue', `/products/${encodeURIComponent(wanted?.sku ?? '')}`, byRequestId);
        return found.status === 200 ? ask('cart', '/items', { ...byTrace, method: 'POST', body: request.body }) : found;
      }
      case 'POST /checkout':
        return ask('checkout', '/orders', { method: 'POST', headers: { ...byRequestId.headers, ...byTrace.headers } });
      default:
        return notFound;
    }
  }

  return {
    async answer(request) {
      const startedMs = performance.now();
      const requestId = headerOf(request, 'x-request-id') ?? randomUUID();
      const session = /(?:^|;\s*)session=([\w-]+)/.exec(headerOf(request, 'cookie') ?? '')?.[1] ?? randomUUID();
      const trace = startTrace();
      const requestLog = log.child({ req_id: requestId, session });
      requestLog.info({ trace_id: trace.traceId, method: request.method, path: request.path }, 'request started');
      let answer: Answer;
      try {
        await work(1, 8);
        if (outage.active) throw new TemplateError('cannot read properties of the page layout: the theme is missing');
        const cookie = { cookie: `session=${session}` };
        answer = await page(request, { headers: { ...cookie, 'x-request-id': requestId } }, { headers: { ...cookie, traceparent: traceparentOf(trace) } });
      } catch (err) {
        if (err instanceof UpstreamError) requestLog.warn({ upstream: err.service, reason: err.message }, 'upstream failed');
        else requestLog.error({ err }, 'page could not be built');
        answer = { status: err instanceof UpstreamError ? 502 : 500, body: { message: 'please try again later' } };
      }
      requestLog.info({ status: answer.status, durationMs: Math.round(performance.now() - startedMs) }, 'request completed');
      return answer;
    },
  };
};
