/** Runs alerting over a burst whose times are given, until it is killed. Arguments: alerts.db, webhook address, start of the burst in milliseconds. */
import { systemClock } from '#lib/clock.ts';
import { quietLog } from '#lib/log.ts';
import { AlertLoop } from '../../../query/alerts/loop.ts';
import { signal, SignalSource } from './signal-source.ts';

const [alertsDbPath, url, startMs] = process.argv.slice(2);
const times = [0, 1, 2, 3, 4].map(second => Number(startMs) + second * 1000);
const loop = new AlertLoop({
  reader: new SignalSource([signal(times, { signalId: 'burst' })]),
  alertsDbPath: alertsDbPath!,
  config: {
    rules: [{ name: 'errors', type: 'threshold', query: 'level>=error', by: ['service'], count: 5, windowMs: 10_000, notify: [] }],
    targets: [{ name: 'ops', type: 'webhook', url: url!, headers: {} }],
  },
  publicUrl: 'http://127.0.0.1:4680',
  log: quietLog,
  clock: systemClock,
});
loop.start();
