import { MessageChannel } from 'node:worker_threads';
import Fastify from 'fastify';
import { LeadlineError } from '#schemas/errors.ts';
import { httpIntakeRoutes } from '../../collector/http-intake.ts';
import { InProcessTransport, servePort } from '../../deploy/in-process-transport.ts';
import { HttpPublisher } from '../../shipper/http-publisher.ts';
import { transportContract } from './transport.ts';

transportContract('same thread', intake => {
  const transport = intake.connect();
  return Promise.resolve({ transport, close: () => transport.close() });
});

transportContract('message port', intake => {
  const { port1, port2 } = new MessageChannel();
  servePort(port1, intake.connect());
  const transport = new InProcessTransport(port2);
  return Promise.resolve({ transport, close: () => transport.close() });
});

transportContract('HTTP', async intake => {
  const server = Fastify({ forceCloseConnections: true });
  server.setErrorHandler((error, _request, reply) => (error instanceof LeadlineError ? reply.code(error.httpStatus).send({ code: error.code, message: error.message }) : reply.code(500).send({ code: 'INTERNAL', message: String(error) })));
  httpIntakeRoutes(server, intake.connect());
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const transport = new HttpPublisher({ url, apiKey: null });
  return {
    transport,
    async close() {
      await transport.close();
      await server.close();
    },
  };
});
