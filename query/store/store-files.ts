/** The events files of a store that is read beside its writer, and which of their blocks may hold what a query asks for. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Block } from '#schemas/embedded/block.ts';
import { namingDamage } from '#schemas/embedded/damage.ts';
import { eventsFilesIn, eventsFolder, levelBit } from '#schemas/embedded/layout.ts';
import { wordTest } from '#schemas/embedded/words.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { levelRank, type LogEvent } from '#schemas/event.ts';
import type { Query } from '#schemas/query/ast.ts';
import { lineSearch } from '#schemas/query/line-search.ts';
import { queryNeeds, type QueryNeeds } from '#schemas/query/needs.ts';
import { compilePredicate, type Predicate } from '#schemas/query/predicate.ts';
import { BlockCache } from './block-cache.ts';
import { EventsFile, floorMs, type BlockHead } from './events-file.ts';
import type { ReadWork } from './read-work.ts';
import { openEventsFile } from '#schemas/embedded/open-events-file.ts';

const cacheBytesMax = 24 * 1024 * 1024;

/** What a query looks for, in the forms in which a store can use it. */
export class Sought {
  readonly query: Query;
  readonly predicate: Predicate;
  readonly needs: QueryNeeds;
  readonly search: RegExp | null;
  /** Half-open, either end open. */
  readonly fromNs: bigint | null;
  readonly toNs: bigint | null;
  /** Bits of the levels that a match may have. */
  readonly levels: number;

  constructor(query: Query, fromNs: bigint | null, toNs: bigint | null) {
    this.query = query;
    this.predicate = compilePredicate(query);
    this.needs = queryNeeds(query);
    this.search = lineSearch(query);
    this.fromNs = latest(fromNs, this.needs.timeFromNs);
    this.toNs = earliest(toNs, this.needs.timeToNs);
    this.levels = this.needs.levels === null ? ~0 : [...this.needs.levels].reduce((bits, level) => bits | levelBit(levelRank(level)), 0);
  }

  /** By what is known of an event without reading it. */
  mayMatch(block: Block, row: number): boolean {
    if ((levelBit(block.levelRank(row)) & this.levels) === 0) return false;
    if (this.fromNs === null && this.toNs === null) return true;
    const timeNs = block.timeNs(row);
    return (this.fromNs === null || timeNs >= this.fromNs) && (this.toNs === null || timeNs < this.toNs);
  }

  /** By what is known of a block without reading it. */
  mayBeIn({ tMinMs, tMaxMs, levels, services }: BlockHead): boolean {
    if ((levels & this.levels) === 0 || (this.fromNs !== null && tMaxMs < floorMs(this.fromNs)) || (this.toNs !== null && tMinMs > floorMs(this.toNs))) return false;
    return this.needs.services === null || [...this.needs.services].some(service => services.has(service));
  }

  matches(event: LogEvent): boolean {
    return this.predicate(event);
  }
}

export class StoreFiles {
  readonly folder: string;
  private readonly files = new Map<string, EventsFile>();
  private readonly cache = new BlockCache(cacheBytesMax);

  /** @throws LeadlineError NO_STORE */
  constructor(dataDir: string) {
    this.folder = eventsFolder(dataDir);
    if (!existsSync(this.folder)) throw new LeadlineError('NO_STORE', { dir: dataDir });
  }

  /** The files there are now, oldest first; those that retention took are let go. */
  open(): EventsFile[] {
    const names = eventsFilesIn(this.folder);
    const present = new Set(names.map(({ name }) => name));
    for (const [name, file] of this.files) {
      if (present.has(name)) continue;
      file.close();
      this.files.delete(name);
    }
    for (const name of names) {
      if (this.files.has(name.name)) continue;
      try {
        const database = openEventsFile(join(this.folder, name.name));
        if (database !== null) this.files.set(name.name, new EventsFile(name, database, this.cache));
      } catch (error) {
        throw namingDamage(error, join(this.folder, name.name));
      }
    }
    const files = names.map(({ name }) => this.files.get(name)).filter(file => file !== undefined);
    for (const file of files) {
      try {
        file.refresh();
      } catch (error) {
        throw namingDamage(error, join(this.folder, file.name.name));
      }
    }
    return files;
  }

  /** Blocks that may hold a match, those with the latest event first. `mayHold` asks their words, which takes longer. */
  *heads(sought: Sought): Generator<{ head: BlockHead; mayHold: (head: BlockHead) => boolean }> {
    const { query, needs, fromNs } = sought;
    const fromMs = fromNs === null ? -Infinity : floorMs(fromNs);
    const test = wordTest(query);
    const lanes = this.open().map(file => ({ heads: needs.ids === null ? file.headsNewestFirst() : file.headsWithIds(needs.ids), at: 0, mayHold: test === null ? always : file.wordFilter(test) }));
    for (;;) {
      let newest: (typeof lanes)[number] | null = null;
      for (const lane of lanes) {
        const head = lane.heads[lane.at];
        if (head !== undefined && head.tMaxMs >= fromMs && (newest === null || head.tMaxMs > newest.heads[newest.at]!.tMaxMs)) newest = lane;
      }
      if (newest === null) return;
      const head = newest.heads[newest.at++]!;
      if (sought.mayBeIn(head)) yield { head, mayHold: newest.mayHold };
    }
  }

  /** A block with its rows that may match, counted as looked at or passed over; null where it needs no look. */
  look(head: BlockHead, mayHold: (head: BlockHead) => boolean, search: RegExp | null, work: ReadWork): { block: Block; rows: readonly number[] } | null {
    if (!mayHold(head)) {
      work.passedOver();
      return null;
    }
    const { rows, block } = this.rowsOf(head, search);
    if (block === null) return null;
    work.scanned(block);
    return { block, rows };
  }

  /** The rows of a block that may match, ascending; where it was joined with others meanwhile, its own of that. */
  private rowsOf(head: BlockHead, search: RegExp | null): { block: Block | null; rows: readonly number[] } {
    const found = head.file.block(head);
    const at = found === null ? head.file.blockAt(head.id) : { block: found, row: 0 };
    if (at === null) return { block: null, rows: [] };
    const { block, row: first } = at;
    if (search === null) return { block, rows: Array.from({ length: head.n }, (_, index) => first + index) };
    const rows = block.rowsThatMayMatch(search);
    return { block, rows: block.length === head.n ? rows : rows.filter(row => row >= first && row < first + head.n) };
  }

  close(): void {
    for (const file of this.files.values()) file.close();
    this.files.clear();
    this.cache.clear();
  }
}

const always = (): boolean => true;

export function latest(a: bigint | null, b: bigint | null): bigint | null {
  return a === null ? b : b === null ? a : a > b ? a : b;
}

export function earliest(a: bigint | null, b: bigint | null): bigint | null {
  return a === null ? b : b === null ? a : a < b ? a : b;
}
