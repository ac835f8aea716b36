/** Reads that are answered in pages, followed to their end. */
import assert from 'node:assert/strict';
import type { LogEvent } from '#schemas/event.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import type { StoreReader } from '#schemas/store.ts';
import { anyContext } from './made-up.ts';

/** All pages of a search, newest first. */
export async function searched(reader: StoreReader, query: string, fromNs: bigint | null, toNs: bigint | null, limit: number): Promise<LogEvent[]> {
  const events: LogEvent[] = [];
  let cursor: string | null = null;
  do {
    const page = await reader.events({ query: parseQuery(query), fromNs, toNs, limit, cursor }, anyContext);
    assert.equal(page.truncated, false);
    if (page.cursor !== null) assert.equal(page.events.length, limit, 'only the last page is short');
    events.push(...page.events);
    cursor = page.cursor;
  } while (cursor !== null);
  return events;
}

/** Everything behind a cursor, in the order of storing, and the cursor of the end. */
export async function followed(reader: StoreReader, cursor: string, query: string, limit: number): Promise<{ events: LogEvent[]; cursors: string[]; cursor: string }> {
  const events: LogEvent[] = [];
  const cursors: string[] = [];
  for (;;) {
    const page = await reader.after(cursor, parseQuery(query), limit, anyContext);
    assert.ok(page.events.length <= limit);
    assert.equal(page.cursors.length, page.events.length);
    events.push(...page.events);
    cursors.push(...page.cursors);
    cursor = page.cursor;
    if (page.atEnd) return { events, cursors, cursor };
  }
}

export async function signalIds(reader: StoreReader, cursor: string | null, limit: number): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const page = await reader.signalsAfter(cursor, limit, anyContext);
    if (page.signals.length === 0) return ids;
    ids.push(...page.signals.map(({ signalId }) => signalId));
    cursor = page.cursor;
  }
}
