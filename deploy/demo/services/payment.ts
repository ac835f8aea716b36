import { randomUUID } from 'node:crypto';
import bunyan from 'bunyan';
import { onceIn, work } from '../pretend.ts';
import { headerOf, notFound, type OpenService } from '../shop.ts';

class AcquirerUnavailableError extends Error {
  override readonly name = 'AcquirerUnavailableError';
  readonly code = 'ACQUIRER_UNAVAILABLE';
}

/** Takes the money. It knows `X-Request-Id` only. */
export const openPayment: OpenService = ({ logFile, outage }) => {
  const log = bunyan.createLogger({ name: 'payment', stream: logFile('payment.log'), serializers: { err: bunyan.stdSerializers.err } });

  async function authorise(chargeLog: bunyan): Promise<void> {
    const tookMs = await work(15, 120);
    if (outage.active) throw new AcquirerUnavailableError('the acquirer closed the connection before it answered');
    if (onceIn(25)) chargeLog.warn({ tookMs: tookMs + (await work(40, 80)) }, 'acquirer is slow');
  }

  return {
    async answer(request) {
      if (request.method !== 'POST' || request.path !== '/charges') return notFound;
      const { orderId, amountCents } = request.body as { orderId: string; amountCents: number };
      const chargeLog = log.child({ req_id: headerOf(request, 'x-request-id'), order: orderId });
      chargeLog.info({ amountCents, currency: 'EUR' }, 'charge requested');
      try {
        await authorise(chargeLog);
      } catch (err) {
        chargeLog.error({ err, amountCents }, 'charge failed');
        return { status: 500, body: { message: 'charge failed' } };
      }
      const charge = randomUUID();
      chargeLog.info({ charge, amountCents }, 'charge captured');
      return { status: 201, body: { charge } };
    },
  };
};
