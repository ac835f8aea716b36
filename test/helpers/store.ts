/** Stores and answers for tests that read files into a store and look at what came of it. */
import type { ExecutionContext } from 'ava';
import { storePaths, type StoredReport } from '../../deploy/ingest.ts';
import { Queries } from '../../query/queries.ts';
import { EmbeddedReader } from '../../query/store/embedded-reader.ts';
import { quietLog } from '#lib/log.ts';
import { defaultRules } from '#schemas/alert.ts';
import { defaultOptions, type Options } from '#schemas/options.ts';
import type { EventBody, TimelineBody } from '#schemas/http-api.ts';

export const neverAborted = new AbortController().signal;

export function ingested(paths: readonly string[], dataDir: string, options: Partial<Options> = {}): Promise<StoredReport> {
  return storePaths(paths, { ...defaultOptions(), ...options, dataDir }, quietLog, { durable: false, rules: defaultRules });
}

export function queriesOf(t: ExecutionContext, dataDir: string, options: Partial<Options> = {}): Queries {
  const queries = new Queries(new EmbeddedReader(dataDir), { ...defaultOptions(), ...options });
  t.teardown(() => queries.close());
  return queries;
}

/** Every event of a store, newest first. */
export async function allEvents(queries: Queries, query = ''): Promise<EventBody[]> {
  const events: EventBody[] = [];
  let cursor: string | undefined;
  do {
    const page = await queries.events({ query, limit: 5000, cursor }, neverAborted);
    events.push(...page.events);
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined);
  return events;
}

export function timeline(queries: Queries, id: string, inferred = true): Promise<TimelineBody> {
  return queries.timeline(id, { inferred }, neverAborted);
}
