import { logbackLog } from '../formats/logback.ts';
import { oneOf, onceIn, work } from '../pretend.ts';
import { headerOf, notFound, UpstreamError, type Incoming, type OpenService } from '../shop.ts';
import { continueTrace, traceparentOf, type Trace } from '../trace.ts';

const carrierFailure = [
  'com.example.shipping.CarrierException: carrier refused the booking',
  '\tat com.example.shipping.CarrierClient.book(CarrierClient.java:88)',
  '\tat com.example.shipping.ShipmentService.ship(ShipmentService.java:41)',
  '\tat com.example.shipping.ShipmentController.post(ShipmentController.java:29)',
  'Caused by: java.net.ConnectException: Connection refused',
  '\tat java.base/sun.nio.ch.Net.pollConnect(Native Method)',
  '\tat java.base/java.net.Socket.connect(Socket.java:751)',
  '\t... 3 more',
];

/**
 * Sends the parcels and queues the customer's confirmation. It knows traces only, and not every line says which: between the first and the last
 * line of a request its thread works for no other request, so the thread's name tells.
 */
export const openShipping: OpenService = ({ logFile, ask, outage }) => {
  const log = logbackLog(logFile('shipping.log'));
  const idleThreads: string[] = [];
  let threads = 0;

  async function ship(request: Incoming, trace: Trace, thread: string): Promise<string> {
    const { orderId, items } = request.body as { orderId: string; items: number };
    log('INFO', thread, 'c.e.s.ShipmentController', `TraceID: ${trace.traceId} shipment requested for order ${orderId}`);
    await work(5, 60);
    const carrier = oneOf(['gull post', 'harbour freight', 'north line']);
    log('INFO', thread, 'c.e.s.CarrierSelector', `${items} item(s) fit one parcel, carrier is ${carrier}`);
    if (onceIn(40)) log('WARN', thread, 'c.e.s.CarrierSelector', `pickup of ${carrier} is late today`);
    await work(5, 80);
    if (outage.active) throw new Error('carrier refused the booking');
    await ask('worker', '/jobs', { method: 'POST', headers: { traceparent: traceparentOf(trace) }, body: { orderId, kind: 'confirmation' } });
    log('INFO', thread, 'c.e.s.ShipmentController', `TraceID: ${trace.traceId} shipment booked`);
    return carrier;
  }

  return {
    async answer(request) {
      if (request.method !== 'POST' || request.path !== '/shipments') return notFound;
      const trace = continueTrace(headerOf(request, 'traceparent'));
      const thread = idleThreads.pop() ?? `http-${++threads}`;
      try {
        return { status: 201, body: { carrier: await ship(request, trace, thread) } };
      } catch (error) {
        if (error instanceof UpstreamError) {
          log('WARN', thread, 'c.e.s.ShipmentController', `TraceID: ${trace.traceId} confirmation not queued: ${error.message}`);
          return { status: 502, body: { message: error.message } };
        }
        log('ERROR', thread, 'c.e.s.ShipmentController', `TraceID: ${trace.traceId} shipment failed`, carrierFailure);
        return { status: 500, body: { message: 'shipment failed' } };
      } finally {
        idleThreads.push(thread);
      }
    },
  };
};
