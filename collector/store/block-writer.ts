/**
 * Where the events of one file go: small blocks for small commits, joined into larger ones step by step, and sealed when they are a block's worth, with
 * the words and ids of a sealed one beside it. So at a low rate a day is not a million tiny rows, and at a high rate no event is written twice.
 * Runs inside of the writer's transaction; `committed` or `rolledBack` follows.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { blockCodec } from '#schemas/embedded/block-format.ts';
import { sealedTier } from '#schemas/embedded/layout.ts';
import type { LogEvent } from '#schemas/event.ts';
import { countEvents, EventCounts } from './event-counts.ts';
import { IdRuns } from './id-runs.ts';
import { eventsOfBlock, prepareBlock, sealedBlocks, type BlockData, type BlockSize, type PreparedBatch, type PreparedBlock } from './prepared-batch.ts';
import { WordGroups } from './word-groups.ts';

/** So many small blocks of one tier are joined into one of the next. */
const blocksPerTier = 16;

interface SmallBlock {
  id: number;
  tier: number;
  n: number;
  rawBytes: number;
  /** Its events, or what they are read out of when they are wanted. */
  content: readonly LogEvent[] | BlockData;
}

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
    const rows = database.prepare(`select id, tier, n, rawBytes, headBytes, head, raw from blocks join data using (id) where tier < ${sealedTier} order by id`).all() as unknown as (Omit<SmallBlock, 'content'> & BlockData)[];
    this.small = rows.map(({ id, tier, n, rawBytes, headBytes, head, raw }) => ({ id, tier, n, rawBytes, content: { headBytes, head, raw } }));
    this.before = this.small;
  }

  /** @param firstSequence of the first event of the first block */
  add(firstSequence: number, { blocks, counts }: Pick<PreparedBatch, 'blocks' | 'counts'>): void {
    this.counts.add(counts);
    let id = firstSequence;
    for (const block of blocks) {
      if (block.index === null) this.addSmall(id, block);
      else {
        // What was stored before it comes before it.
        this.sealSmall();
        this.insert(id, sealedTier, block);
      }
      id += block.n;
    }
    if (blocks.some(({ index }) => index !== null)) this.ids.merge();
  }

  /** What is small is sealed and everything merged, because nothing is added to the file any more. */
  finish(): void {
    this.sealSmall();
    this.ids.finish();
  }

  /** A block as another file has it, with its first sequence and tier. Blocks come in order. */
  rewrite(id: number, tier: number, events: readonly LogEvent[]): void {
    this.counts.add(countEvents(events));
    this.insert(id, tier, prepareBlock(events, tier === sealedTier));
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

  private addSmall(id: number, block: PreparedBlock): void {
    const all = [...this.small, smallBlock(id, 0, block)];
    if (sumOf(all, 'n') >= this.size.eventsMax || sumOf(all, 'rawBytes') >= this.size.rawBytes) {
      this.small = all;
      this.sealSmall();
      return;
    }
    let tier = 0;
    let kept = this.small;
    // As digits carry: a full tier becomes one block of the next, which may fill that.
    while (kept.length >= blocksPerTier - 1 && kept.slice(1 - blocksPerTier).every(small => small.tier === tier)) {
      kept = kept.slice(0, 1 - blocksPerTier);
      tier += 1;
    }
    const taken = all.slice(kept.length);
    const from = taken[0]!.id;
    const joined = taken.length === 1 ? block : prepareBlock(taken.flatMap(eventsOf), false);
    if (taken.length > 1) this.removeFrom(from);
    this.small = [...kept, smallBlock(from, tier, joined)];
    this.insert(from, tier, joined);
  }

  private sealSmall(): void {
    const from = this.small[0]?.id;
    if (from === undefined) return;
    const blocks = sealedBlocks(this.small.flatMap(eventsOf), this.size);
    this.removeFrom(from);
    this.small = [];
    let id = from;
    for (const block of blocks) {
      this.insert(id, sealedTier, block);
      id += block.n;
    }
    this.ids.merge();
  }

  private insert(id: number, tier: number, block: PreparedBlock): void {
    this.insertBlock.run(id, block.n, tier, block.tMin, block.tMax, block.levels, block.services, block.rawBytes);
    this.insertData.run(id, blockCodec, block.headBytes, block.head, block.raw);
    this.insertStreams.run(id, block.streams);
    if (block.index === null) return;
    this.ids.add(id, block.index.ids);
    this.words.add(id, block.index.words, block.index.packedWords);
  }

  private removeFrom(id: number): void {
    for (const deletion of this.deletions) deletion.run(id);
  }
}

function smallBlock(id: number, tier: number, { n, rawBytes, events, headBytes, head, raw }: PreparedBlock): SmallBlock {
  return { id, tier, n, rawBytes, content: events ?? { headBytes, head, raw } };
}

function sumOf(blocks: readonly SmallBlock[], what: 'n' | 'rawBytes'): number {
  let sum = 0;
  for (const block of blocks) sum += block[what];
  return sum;
}

function eventsOf({ content }: SmallBlock): readonly LogEvent[] {
  return 'head' in content ? eventsOfBlock({ ...content, events: null }) : content;
}
