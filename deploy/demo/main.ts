/** `node deploy/demo/main.ts DIR [RATE]`: the demo alone, for trying it by hand and for tests that kill it. Ends on SIGINT and SIGTERM. */
import bunyan from 'bunyan';
import { startDemo } from './demo.ts';

const [dir = './leadline-demo', rate = '4'] = process.argv.slice(2);
const demo = await startDemo({ dir, ratePerSecond: Number(rate), log: bunyan.createLogger({ name: 'demo', stream: process.stderr }) });

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void demo.stop().then(() => process.exit(0)));
}
