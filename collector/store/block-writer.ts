/**
 * Where the events of one file go: small blocks for small commits, joined into larger ones step by step, and sealed when they are a block's worth, with
 * the words and ids of a sealed one beside it. So at a low rate a day is not a million tiny rows, and at a high rate no event is written twice.
 * Runs inside of the writer's transaction; `committed` or `rolledBack` follows.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { Block } from '#schemas/embedded/block.ts';
import { BlockEncoder } from '#schemas/embedded/block-encoder.ts';
import { blockCodec } from '#schemas/embedded/block-format.ts';
import { writeBlockStreams } from '#schemas/embedded/block-streams.ts';
import { levelBit, sealedTier } from '#schemas/embedded/layout.ts';
import { WordSet } from '#schemas/embedded/words.ts';
import { levelRank, type LogEvent } from '#schemas/event.ts';
import { EventCounts } from './event-counts.ts';
import { IdRuns } from './id-runs.ts';
import { WordGroups } from './word-groups.ts';

/** So many small blocks of one tier are joined into one of the next. */
const blocksPerTier = 16;

/** What a sealed block holds. */
export interface BlockSize {
  eventsMax: number;
  rawBytes: number;
}

interface SmallBlock {
  id: number;
  tier: number;
  events: LogEvent[];
}

/** Shared by the files that follow each other. */
const encoder = new BlockEncoder();
const wordSet = new WordSet();

export class BlockWriter {
  private readonly size: BlockSize;
  private readonly insertBlock: StatementSync;
  private readonly insertData: StatementSync;
  private readonly insertStreams: StatementSync;
  private readonly deletions: StatementSync[];
  private readonly ids: IdRuns;
  private readonly words: WordGroups;
  private readonly counts: EventCounts;
  /** The blocks at the end of the file that are not sealed, in order, and as they were before the transaction. */
  private small: SmallBlock[];
  private before: SmallBlock[];

  constructor(database: DatabaseSync, size: BlockSize) {
    this.size = size;
    this.insertBlock = database.prepare('insert into blocks (id, n, tier, tMin, tMax, levels, services, rawBytes) values (?, ?, ?, ?, ?, ?, ?, ?)');
    this.insertData = database.prepare('insert into data (id, codec, headBytes, head, raw) values (?, ?, ?, ?, ?)');
    this.insertStreams = database.prepare('insert into blockStreams (id, data) values (?, ?)');
    this.deletions = ['blocks', 'data', 'blockStreams'].map(table => database.prepare(`delete from ${table} where id >= ?`));
    this.ids = new IdRuns(database);
    this.words = new WordGroups(database);
    this.counts = new EventCounts(database);
    const rows = database.prepare(`select id, tier, headBytes, head, raw from blocks join data using (id) where tier < ${sealedTier} order by id`).all() as unknown as { id: number; tier: number; headBytes: number; head: Uint8Array; raw: Uint8Array }[];
    this.small = rows.map(({ id, tier, headBytes, head, raw }) => {
      const block = new Block(head, headBytes, raw);
      return { id, tier, events: Array.from({ length: block.length }, (_, row) => block.event(row)) };
    });
    this.before = this.small;
  }

  /** @param firstSequence of the first of them */
  add(firstSequence: number, events: readonly LogEvent[]): void {
    if (events.length === 0) return;
    this.counts.add(events);
    const waiting = this.small.flatMap(block => block.events);
    const rawBytes = rawBytesOf(waiting) + rawBytesOf(events);
    if (waiting.length + events.length >= this.size.eventsMax || rawBytes >= this.size.rawBytes) {
      this.seal(this.small[0]?.id ?? firstSequence, [...waiting, ...events], rawBytes);
      return;
    }
    let tier = 0;
    let from = firstSequence;
    let joined = [...events];
    let kept = this.small;
    // As digits carry: a full tier becomes one block of the next, which may fill that.
    for (; kept.length >= blocksPerTier - 1 && kept.slice(1 - blocksPerTier).every(block => block.tier === tier); tier++) {
      const taken = kept.slice(1 - blocksPerTier);
      kept = kept.slice(0, 1 - blocksPerTier);
      from = taken[0]!.id;
      joined = [...taken.flatMap(block => block.events), ...joined];
    }
    if (tier > 0) this.removeFrom(from);
    this.small = [...kept, { id: from, tier, events: joined }];
    this.insert(from, tier, joined);
  }

  /** What is small is sealed and everything merged, because nothing is added to the file any more. */
  finish(): void {
    const waiting = this.small.flatMap(block => block.events);
    if (waiting.length > 0) this.seal(this.small[0]!.id, waiting, rawBytesOf(waiting));
    this.ids.finish();
  }

  /** A block as another file has it, with its first sequence and tier. Blocks come in order. */
  rewrite(id: number, tier: number, events: readonly LogEvent[]): void {
    this.counts.add(events);
    this.insert(id, tier, events);
    if (tier === sealedTier) this.ids.merge();
  }

  committed(): void {
    this.before = this.small;
    this.words.committed();
  }

  rolledBack(): void {
    this.small = this.before;
    this.words.rolledBack();
  }

  /** Into blocks of about the same size. */
  private seal(from: number, events: readonly LogEvent[], rawBytes: number): void {
    if (this.small.length > 0) this.removeFrom(from);
    this.small = [];
    const count = Math.max(1, Math.round(rawBytes / this.size.rawBytes), Math.ceil(events.length / this.size.eventsMax));
    let rest = rawBytes;
    let at = 0;
    for (let left = count; left > 0 && at < events.length; left--) {
      const goal = rest / left;
      const eventsGoal = Math.ceil((events.length - at) / left);
      let bytes = 0;
      let to = at;
      while (to < events.length && (to === at || left === 1 || (bytes + events[to]!.raw.length / 2 <= goal && to - at < Math.max(eventsGoal, this.size.eventsMax)))) bytes += events[to++]!.raw.length;
      this.insert(from + at, sealedTier, events.slice(at, to));
      rest -= bytes;
      at = to;
    }
    this.ids.merge();
  }

  private insert(id: number, tier: number, events: readonly LogEvent[]): void {
    let tMin = events[0]!.timeNs;
    let tMax = tMin;
    let levels = 0;
    const services = new Set<string>();
    for (const { timeNs, level, service } of events) {
      if (timeNs < tMin) tMin = timeNs;
      else if (timeNs > tMax) tMax = timeNs;
      levels |= levelBit(levelRank(level));
      services.add(service ?? '');
    }
    const isSealed = tier === sealedTier;
    if (isSealed) wordSet.clear();
    const { rawBytes, headBytes, head, raw, ids } = encoder.encode(events, isSealed ? wordSet : null);
    this.insertBlock.run(id, events.length, tier, tMin, tMax, levels, JSON.stringify([...services].sort()), rawBytes);
    this.insertData.run(id, blockCodec, headBytes, head, raw);
    this.insertStreams.run(id, writeBlockStreams(events));
    if (!isSealed) return;
    this.ids.add(id, ids);
    this.words.add(id, wordSet.text());
  }

  private removeFrom(id: number): void {
    for (const deletion of this.deletions) deletion.run(id);
  }
}

function rawBytesOf(events: readonly LogEvent[]): number {
  let bytes = 0;
  for (const { raw } of events) bytes += raw.length;
  return bytes;
}
