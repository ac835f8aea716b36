import { randomUUID } from 'node:crypto';
import { logfmtLog } from '../formats/logfmt.ts';
import { onceIn, work } from '../pretend.ts';
import { headerOf, notFound, type OpenService } from '../shop.ts';
import { continueTrace } from '../trace.ts';

/** Jobs beyond this many are refused with 503. */
const jobsMax = 1_000;

class MailServerError extends Error {
  override readonly name = 'MailServerError';
}

/** Does what can wait: a job is accepted at once and done a little later, when its request has long been answered, under the same trace. */
export const openWorker: OpenService = ({ logFile, outage }) => {
  const log = logfmtLog(logFile('worker.log'));
  const jobs = new Set<Promise<void>>();

  async function run(job: { orderId: string; kind: string }, ids: { trace_id: string; job_id: string }): Promise<void> {
    await work(300, 1_500);
    log('info', 'job started', ids);
    const tookMs = await work(20, 150);
    if (outage.active) {
      const error = new MailServerError('mail server answered 451 temporary local problem');
      log('error', 'job failed', { ...ids, err: error.message, stack: error.stack ?? '' });
      return;
    }
    if (onceIn(40)) log('warn', 'mail server asks to slow down', ids);
    log('info', `${job.kind} sent`, { ...ids, order: job.orderId, took: `${tookMs}ms` });
  }

  return {
    answer(request) {
      if (request.method !== 'POST' || request.path !== '/jobs') return Promise.resolve(notFound);
      const { traceId } = continueTrace(headerOf(request, 'traceparent'));
      if (jobs.size >= jobsMax) {
        log('warn', 'job refused, the queue is full', { trace_id: traceId, jobs: jobs.size });
        return Promise.resolve({ status: 503, body: { message: 'the queue is full' } });
      }
      const ids = { trace_id: traceId, job_id: randomUUID() };
      log('info', 'job queued', { ...ids, queued: jobs.size });
      const done = run(request.body as { orderId: string; kind: string }, ids).finally(() => jobs.delete(done));
      jobs.add(done);
      return Promise.resolve({ status: 202, body: { job: ids.job_id } });
    },
    async drain() {
      await Promise.all(jobs);
    },
  };
};
