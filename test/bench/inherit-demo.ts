/** Logs of the demo shop with so many visitors at once, each with one request at a time. */
import { randomUUID } from 'node:crypto';
import { call } from '../../deploy/demo/call.ts';
import { startDemo } from '../../deploy/demo/demo.ts';
import { products } from '../../deploy/demo/products.ts';
import { quietLog } from '#lib/log.ts';

/** @returns the folder of the logs, a folder per service */
export async function demoLogs(dir: string, concurrency: number, requests: number): Promise<string> {
  const demo = await startDemo({ dir, ratePerSecond: 0, log: quietLog });
  let left = requests;
  const visitor = async (): Promise<void> => {
    while (left > 0) {
      const headers = { cookie: `session=${randomUUID()}`, 'x-forwarded-for': `203.0.113.${1 + Math.floor(Math.random() * 254)}`, 'user-agent': 'Mozilla/5.0' };
      const go = async (method: 'GET' | 'POST', path: string, body?: unknown): Promise<void> => {
        if (left-- > 0) await call(demo.edgeUrl + path, { method, headers, body }).catch(() => undefined);
      };
      const { sku } = products[Math.floor(Math.random() * products.length)]!;
      await go('GET', '/');
      await go('GET', `/products/${sku}`);
      await go('POST', '/cart', { sku, quantity: 1 + Math.floor(Math.random() * 3) });
      await go('GET', '/cart');
      await go('POST', '/checkout');
    }
  };
  await Promise.all(Array.from({ length: concurrency }, visitor));
  await demo.stop();
  return demo.logsDir;
}
