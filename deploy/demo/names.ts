import { LeadlineError } from '#schemas/errors.ts';

/**
 * The demo shop's processes, in the order in which a request meets them. Each logs into the folder of its name.
 *
 * | service | writes | knows a request by |
 * | --- | --- | --- |
 * | edge | nginx access and error log | `$request_id`, which it passes on as `X-Request-Id` |
 * | frontend | bunyan | `req_id`, and the trace it starts: one line of each request carries both |
 * | checkout | bunyan | `trace_id` |
 * | cart | bunyan | `trace_id` |
 * | catalogue | JSON as Go's slog writes it | `request_id` |
 * | payment | bunyan | `req_id` |
 * | shipping | text as logback writes it | `TraceID: ...`, on some lines only the thread |
 * | worker | logfmt | `trace_id` |
 */
export const demoServices = ['edge', 'frontend', 'checkout', 'cart', 'catalogue', 'payment', 'shipping', 'worker'] as const;
export type DemoService = (typeof demoServices)[number];

/** Throws, and names the services there are, where `name` is none of them. */
export function knownService(name: string): DemoService {
  const service = demoServices.find((known) => known === name);
  if (service === undefined) {
    throw new LeadlineError('BAD_OPTION', { option: '--burst', problem: `no demo service is called "${name}"`, fix: `There are ${demoServices.join(', ')}.` });
  }
  return service;
}
