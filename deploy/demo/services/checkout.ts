import { randomUUID } from 'node:crypto';
import bunyan from 'bunyan';
import type { Answer } from '../call.ts';
import { work } from '../pretend.ts';
import { headerOf, notFound, UpstreamError, type CartItem, type Incoming, type OpenService } from '../shop.ts';
import { continueTrace, traceparentOf } from '../trace.ts';

class PriceRuleError extends Error {
  override readonly name = 'PriceRuleError';
}

/**
 * Turns a cart into an order, and asks everybody for it. It is given both ids and hands each service the one that service understands.
 *
 * What fails behind it is a warning without a stack here: of all services only the one that is broken writes errors, so an alert by service points
 * at it.
 */
export const openCheckout: OpenService = ({ logFile, ask, outage }) => {
  const log = bunyan.createLogger({ name: 'checkout', stream: logFile('checkout.log'), serializers: { err: bunyan.stdSerializers.err } });

  async function order(request: Incoming, orderLog: bunyan, orderId: string, traceparent: string): Promise<Answer> {
    const cookie = headerOf(request, 'cookie') ?? '';
    const byTrace = { headers: { cookie, traceparent } };
    const byRequestId = { headers: { 'x-request-id': headerOf(request, 'x-request-id') ?? '' } };

    const items = (await ask('cart', '/items', byTrace)).body as CartItem[];
    if (items.length === 0) {
      orderLog.warn('order refused: the cart is empty');
      return { status: 409, body: { message: 'the cart is empty' } };
    }
    if (outage.active) throw new PriceRuleError(`no price rule matches an order of ${items.length} items`);
    const prices = await Promise.all(items.map(async ({ sku, quantity }) => {
      const product = (await ask('catalogue', `/products/${sku}`, byRequestId)).body as { priceCents: number };
      return product.priceCents * quantity;
    }));
    const amountCents = prices.reduce((sum, price) => sum + price, 0);
    orderLog.info({ items: items.length, amountCents }, 'order priced');

    await ask('payment', '/charges', { ...byRequestId, method: 'POST', body: { orderId, amountCents } });
    const shipment = await ask('shipping', '/shipments', { ...byTrace, method: 'POST', body: { orderId, items: items.length } });
    await ask('cart', '/clear', { ...byTrace, method: 'POST' });
    return { status: 201, body: { orderId, amountCents, shipment: shipment.body } };
  }

  return {
    async answer(request) {
      if (request.method !== 'POST' || request.path !== '/orders') return notFound;
      const startedMs = performance.now();
      const trace = continueTrace(headerOf(request, 'traceparent'));
      const orderId = randomUUID();
      const orderLog = log.child({ trace_id: trace.traceId, order: orderId });
      orderLog.info('order received');
      try {
        await work(2, 12);
        const answer = await order(request, orderLog, orderId, traceparentOf(trace));
        if (answer.status === 201) orderLog.info({ durationMs: Math.round(performance.now() - startedMs) }, 'order placed');
        return answer;
      } catch (err) {
        if (err instanceof UpstreamError) {
          orderLog.warn({ upstream: err.service, reason: err.message }, 'order failed');
          return { status: 502, body: { message: err.message } };
        }
        orderLog.error({ err }, 'order could not be priced');
        return { status: 500, body: { message: 'order could not be priced' } };
      }
    },
  };
};
