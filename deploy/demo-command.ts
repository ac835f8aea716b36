/** `leadline demo`: the shop alone, or a word to the one that runs. */
import { commandRunningDemo, startDemo } from './demo/demo.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { readSpanMs } from '#schemas/options.ts';
import type { Config } from './config.ts';
import { createLog } from './log.ts';
import { demoDir } from './read-source.ts';
import { stopAsked } from './stop-asked.ts';

export async function demo(flags: Record<string, unknown>, { options, origins }: Config): Promise<number> {
  const dir = origins.dataDir === 'default' ? demoDir : options.dataDir;
  const burst = typeof flags['burst'] === 'string' ? { service: flags['burst'], atMs: readSpanMs('--at', String(flags['at'])), forMs: readSpanMs('--for', String(flags['for'])) } : null;
  if (burst !== null && (await commandRunningDemo(dir, burst)) === 'commanded') {
    process.stdout.write(`the running demo in ${dir} was told: ${burst.service} fails ${burst.atMs === 0 ? 'now' : `in ${burst.atMs / 1000} s`}, for ${burst.forMs / 1000} s\n`);
    return 0;
  }
  const rate = flags['rate'] === undefined ? undefined : Number(flags['rate']);
  if (rate !== undefined && !(rate > 0 && rate <= 1000)) throw new LeadlineError('BAD_OPTION', { option: '--rate', problem: `"${String(flags['rate'])}" is not a number above 0`, fix: 'Write a number of requests per second up to 1000' });
  const shop = await startDemo({ dir, log: createLog('demo', options, process.stderr.isTTY), ...(rate === undefined ? {} : { ratePerSecond: rate }), ...(burst === null ? {} : { burst }) });
  process.stdout.write(`demo shop: ${shop.services.length} services, logs in ${shop.logsDir}. Ctrl-C ends it.\nLook at them with: leadline up ${shop.logsDir}\n`);
  await stopAsked();
  await shop.stop();
  return 0;
}
