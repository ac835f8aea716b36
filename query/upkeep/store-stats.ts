/** `leadline store stats`: what an embedded store takes, file by file and part by part. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { eventsFolder, sealedTier } from '#schemas/embedded/layout.ts';
import { unpackWords } from '#schemas/embedded/words.ts';
import { openEventsFile } from '#schemas/embedded/open-events-file.ts';
import { eventsFilesOf } from './events-files.ts';

export interface FileStats {
  name: string;
  events: number;
  /** Of event time, nanoseconds; null where it holds none. */
  oldestNs: bigint | null;
  newestNs: bigint | null;
  /** On the disk, its log included. */
  bytes: number;
  /** The lines as they were written. */
  rawBytes: number;
  blocks: number;
  /** Sealed blocks with more words than are kept: every search looks into them. */
  blocksWithoutWords: number;
  /** Different words in its sealed blocks. */
  words: number;
  /** In how many of 100 blocks a word stands, on average over the words: the rest is passed over by a search for one. Null where there is none. */
  blocksPerWordPercent: number | null;
  /** Of `bytes`: the events, the index of ids, words, counts, what is known of streams; `log` is written and not in its place yet; `other` is the rest. */
  parts: { events: number; ids: number; words: number; counts: number; streams: number; log: number; other: number };
}

/** @throws LeadlineError NO_STORE, STORE_VERSION */
export function* storeStats(dataDir: string): Generator<FileStats> {
  for (const { name } of eventsFilesOf(dataDir)) {
    const path = join(eventsFolder(dataDir), name);
    const database = openEventsFile(path);
    if (database === null) continue;
    try {
      const pages = database.prepare('select name, sum(pgsize) as bytes from dbstat group by name').all() as unknown as { name: string; bytes: number }[];
      const bytesOf = (wanted: RegExp): number => pages.filter(page => wanted.test(page.name)).reduce((sum, { bytes }) => sum + bytes, 0);
      const statement = database.prepare(`select count(*) as blocks, sum(n) as events, sum(rawBytes) as rawBytes, min(tMin) as oldest, max(tMax) as newest, sum(tier = ${sealedTier} and words.id is null) as withoutWords from blocks left join words using (id)`);
      statement.setReadBigInts(true);
      const row = statement.get() as unknown as { blocks: bigint; events: bigint | null; rawBytes: bigint | null; oldest: bigint | null; newest: bigint | null; withoutWords: bigint | null };
      const log = sizeOf(`${path}-wal`);
      const parts = { events: bytesOf(/^(?:blocks|data)$/), ids: bytesOf(/^id/), words: bytesOf(/^word/), counts: bytesOf(/^counts$/), streams: bytesOf(/streams/i), log };
      const bytes = sizeOf(path) + log;
      // What is in the log only is counted with the part that it belongs to as well.
      const other = Math.max(0, bytes - Object.values(parts).reduce((sum, part) => sum + part, 0));
      yield { name, events: Number(row.events ?? 0n), oldestNs: row.oldest, newestNs: row.newest, bytes, rawBytes: Number(row.rawBytes ?? 0n), blocks: Number(row.blocks), blocksWithoutWords: Number(row.withoutWords ?? 0n), ...wordShare(database), parts: { ...parts, other } };
    } finally {
      database.close();
    }
  }
}

function wordShare(database: DatabaseSync): Pick<FileStats, 'words' | 'blocksPerWordPercent'> {
  const blocksOf = new Map<string, number>();
  let blocks = 0;
  for (const { textBytes, data } of database.prepare('select textBytes, data from words').iterate() as unknown as Iterable<{ textBytes: number; data: Uint8Array }>) {
    blocks += 1;
    for (const word of unpackWords(data, textBytes).slice(1, -1).split('\n')) if (word !== '') blocksOf.set(word, (blocksOf.get(word) ?? 0) + 1);
  }
  let sum = 0;
  for (const count of blocksOf.values()) sum += count;
  return { words: blocksOf.size, blocksPerWordPercent: blocksOf.size === 0 ? null : Math.round((1000 * sum) / blocksOf.size / blocks) / 10 };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
