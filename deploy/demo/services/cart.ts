import bunyan from 'bunyan';
import type { Answer } from '../call.ts';
import { onceIn, work } from '../pretend.ts';
import { headerOf, notFound, type CartItem, type Incoming, type OpenService } from '../shop.ts';
import { continueTrace } from '../trace.ts';

/** Carts beyond this many are forgotten, the oldest first. */
const cartsMax = 1_000;

class StoreTimeoutError extends Error {
  override readonly name = 'StoreTimeoutError';
}

/** Who has what in the cart. It knows traces only. */
export const openCart: OpenService = ({ logFile, outage }) => {
  const log = bunyan.createLogger({ name: 'cart', stream: logFile('cart.log'), serializers: { err: bunyan.stdSerializers.err } });
  const carts = new Map<string, CartItem[]>();

  function cartOf(session: string): CartItem[] {
    let items = carts.get(session);
    if (items === undefined) {
      carts.set(session, (items = []));
      if (carts.size > cartsMax) carts.delete(carts.keys().next().value!);
    }
    return items;
  }

  function change(request: Incoming, requestLog: bunyan): Answer {
    const items = cartOf(headerOf(request, 'cookie') ?? '');
    switch (`${request.method} ${request.path}`) {
      case 'GET /items':
        requestLog.info({ items: items.length }, 'cart read');
        return { status: 200, body: items };
      case 'POST /items': {
        const { sku, quantity } = request.body as CartItem;
        items.push({ sku, quantity });
        requestLog.info({ sku, quantity, items: items.length }, 'item added');
        return { status: 200, body: items };
      }
      case 'POST /clear':
        items.length = 0;
        requestLog.info('cart cleared');
        return { status: 200, body: items };
      default:
        return notFound;
    }
  }

  return {
    async answer(request) {
      const trace = continueTrace(headerOf(request, 'traceparent'));
      const requestLog = log.child({ trace_id: trace.traceId, span_id: trace.spanId });
      try {
        await work(1, 15);
        if (outage.active) throw new StoreTimeoutError('the cart store did not answer within 250 ms');
        if (onceIn(80)) requestLog.warn({ delayMs: await work(60, 120) }, 'cart store is slow');
        return change(request, requestLog);
      } catch (err) {
        requestLog.error({ err }, 'cart store failed');
        return { status: 500, body: { message: 'cart store failed' } };
      }
    },
  };
};
