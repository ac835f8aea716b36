/**
 * One events file of the embedded store, opened beside its writer. What was sealed once stays, so that what is known of blocks, runs of ids and groups
 * of words is read once; `refresh` looks at what came since.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { idHash } from '#schemas/canonical-id.ts';
import { Block } from '#schemas/embedded/block.ts';
import { blockCodec } from '#schemas/embedded/block-format.ts';
import { readBlockStream } from '#schemas/embedded/block-streams.ts';
import { sealedTier, type EventsFileName } from '#schemas/embedded/layout.ts';
import { eventIdOfGenerated } from '#schemas/generated-id.ts';
import { GroupWords, mayHold, unpackWords, type WordTest } from '#schemas/embedded/words.ts';
import { BlockCache } from './block-cache.ts';
import { IdIndex } from './id-index.ts';

/** What is known of a block without unpacking it. Times are whole milliseconds, rounded down, so that they are plain numbers. */
export interface BlockHead {
  file: EventsFile;
  /** The sequence of its first event. */
  id: number;
  n: number;
  isSealed: boolean;
  tMinMs: number;
  tMaxMs: number;
  levels: number;
  /** `''` for events without one. */
  services: ReadonlySet<string>;
}

/** A block and those of its ids that may be looked for. */
export interface IdPlace {
  id: number;
  numbers: number[];
}

interface FileTotals {
  events: number;
  oldestNs: bigint | null;
  newestNs: bigint | null;
  /** Sealed blocks with more words than are kept. */
  withoutWords: number;
}

const nsPerMs = 1_000_000;
const headColumns = 'id, n, tier, tMin, tMax, levels, services';
/** Sets of services are shared by the blocks that have the same ones. */
const serviceSetsMax = 10_000;

export class EventsFile {
  readonly name: EventsFileName;
  readonly database: DatabaseSync;
  /** All of its blocks, in the order of storing. */
  heads: BlockHead[] = [];
  private readonly cache: BlockCache;
  private readonly begin: StatementSync;
  private readonly commit: StatementSync;
  private readonly version: StatementSync;
  private readonly headsFrom: StatementSync;
  private readonly dataOf: StatementSync;
  private readonly groupsAfter: StatementSync;
  private readonly groupWords: StatementSync;
  private readonly wordsOf: StatementSync;
  private seenVersion = -1;
  private knownTotals: { version: number; totals: FileTotals } | null = null;
  private sealed = 0;
  private readonly ids: IdIndex;
  private groups: { id: number; lastId: number }[] = [];
  private newestFirst: BlockHead[] | null = null;
  private readonly serviceSets = new Map<string, ReadonlySet<string>>();

  constructor(name: EventsFileName, database: DatabaseSync, cache: BlockCache) {
    this.name = name;
    this.database = database;
    this.cache = cache;
    this.begin = database.prepare('begin');
    this.commit = database.prepare('commit');
    this.version = database.prepare('pragma data_version');
    this.ids = new IdIndex(database);
    this.headsFrom = database.prepare(`select ${headColumns} from blocks where id >= ? order by id`);
    this.headsFrom.setReadBigInts(true);
    this.dataOf = database.prepare('select codec, headBytes, head, raw from data where id = ?');
    this.groupsAfter = database.prepare('select id, lastId from wordGroups where id > ? order by id');
    this.groupWords = database.prepare('select unknown, textBytes, data from wordGroups where id = ?');
    this.wordsOf = database.prepare('select textBytes, data from words where id = ?');
  }

  /** Takes in what was committed since. Costs next to nothing where nothing was. */
  refresh(): void {
    const version = this.versionNow();
    if (version !== this.seenVersion) this.snapshot(() => this.refreshNow(version));
  }

  private versionNow(): number {
    return (this.version.get() as { data_version: number }).data_version;
  }

  /** Everything that `read` looks at is as one commit left it. It must not wait for anything. */
  private snapshot<T>(read: () => T): T {
    this.begin.run();
    try {
      return read();
    } finally {
      this.commit.run();
    }
  }

  /** @param version of before: where more was committed since, it is looked at again the next time */
  private refreshNow(version: number): void {
    const from = this.sealed === 0 ? 0 : this.heads[this.sealed - 1]!.id + 1;
    this.heads.length = this.sealed;
    for (const row of this.headsFrom.all(from) as unknown as Record<'id' | 'n' | 'tier' | 'tMin' | 'tMax' | 'levels', bigint>[] & { services: string }[]) {
      const isSealed = row.tier === BigInt(sealedTier);
      this.heads.push({ file: this, id: Number(row.id), n: Number(row.n), isSealed, tMinMs: floorMs(row.tMin), tMaxMs: floorMs(row.tMax), levels: Number(row.levels), services: this.serviceSet(row.services) });
      if (isSealed) this.sealed = this.heads.length;
    }
    this.newestFirst = null;
    this.ids.refresh();
    for (const group of this.groupsAfter.all(this.groups.at(-1)?.id ?? -1) as unknown as { id: number; lastId: number }[]) this.groups.push(group);
    this.seenVersion = version;
  }

  /** All of its blocks, those with the latest event first. */
  headsNewestFirst(): readonly BlockHead[] {
    this.newestFirst ??= [...this.heads].sort((a, b) => b.tMaxMs - a.tMaxMs || b.id - a.id);
    return this.newestFirst;
  }

  /** The block that holds a sequence now, and which of its events that is; null where it holds none. */
  blockAt(sequence: number): { block: Block; row: number } | null {
    let head = this.headAt(sequence);
    if (head === null) return null;
    let block = this.block(head);
    if (block === null) {
      // Small blocks were joined meanwhile.
      this.refresh();
      head = this.headAt(sequence);
      block = head === null ? null : this.block(head);
    }
    return block === null ? null : { block, row: sequence - head!.id };
  }

  /** Null where it was joined with others meanwhile. */
  block(head: BlockHead): Block | null {
    const key = BlockCache.key(this.name.name, head.id, head.n);
    const known = this.cache.get(key);
    if (known !== undefined) return known;
    const row = this.dataOf.get(head.id) as { codec: number; headBytes: number; head: Uint8Array; raw: Uint8Array } | undefined;
    if (row === undefined) return null;
    if (row.codec !== blockCodec) throw new Error(`block ${head.id} has codec ${row.codec}, which is not known`);
    const block = new Block(row.head, row.headBytes, row.raw);
    if (block.length !== head.n) return null;
    this.cache.set(key, block);
    return block;
  }

  /** Where these ids may be, in sealed blocks; and the blocks that are not sealed, which know nothing of their ids yet. */
  idPlaces(canonicalIds: Iterable<string>): { sealed: IdPlace[]; small: BlockHead[] } {
    const version = this.versionNow();
    return this.snapshot(() => {
      // In one look with the runs: a run that was merged meanwhile would be found empty.
      if (version !== this.seenVersion || this.versionNow() !== version) this.refreshNow(version);
      const places = new Map<number, number[]>();
      const add = (id: number, number: number): void => {
        const numbers = places.get(id);
        if (numbers === undefined) places.set(id, [number]);
        else numbers.push(number);
      };
      for (const canonical of canonicalIds) this.ids.find(idHash(canonical), add);
      return { sealed: [...places].map(([id, numbers]) => ({ id, numbers })).sort((a, b) => b.id - a.id), small: this.heads.slice(this.sealed) };
    });
  }

  /** The blocks that may hold any of these ids, those with the latest event first. */
  headsWithIds(canonicalIds: ReadonlySet<string>): readonly BlockHead[] {
    const { sealed, small } = this.idPlaces(canonicalIds);
    const ids = new Set([...sealed.map(({ id }) => id), ...this.blocksOfGenerated(canonicalIds)]);
    const heads = new Set([...small, ...[...ids].map(id => this.headOf(id)).filter(head => head !== null)]);
    return [...heads].sort((a, b) => b.tMaxMs - a.tMaxMs || b.id - a.id);
  }

  /** An id that was made of an event's place is in no index: the blocks that hold that place. */
  private blocksOfGenerated(canonicalIds: ReadonlySet<string>): number[] {
    const blocks: number[] = [];
    for (const canonical of canonicalIds) {
      const [, streamId, offset] = /^(.+):(\d+)$/.exec(eventIdOfGenerated(canonical) ?? '') ?? [];
      if (streamId === undefined) continue;
      const stream = this.database.prepare('select chainPosition from streams where streamId = ?').get(streamId) as { chainPosition: number } | undefined;
      if (stream === undefined) continue;
      for (const { id, data } of this.database.prepare('select id, data from blockStreams').iterate() as Iterable<{ id: number; data: Uint8Array }>) {
        const range = readBlockStream(data, stream.chainPosition);
        if (range !== null && range.from <= Number(offset) && Number(offset) <= range.to) blocks.push(id);
      }
    }
    return blocks;
  }

  private headOf(id: number): BlockHead | null {
    const head = this.headAt(id);
    return head?.id === id ? head : null;
  }

  /** Asks the words of blocks, those of whole groups at once. Made once per search. */
  wordFilter(test: WordTest): (head: BlockHead) => boolean {
    const groups = new Map<number, number | null>();
    return head => {
      if (!head.isSealed) return true;
      const group = this.groupAt(head.id);
      if (group !== null) {
        let blocks = groups.get(group.id);
        if (blocks === undefined) groups.set(group.id, (blocks = this.blocksOf(group.id, test)));
        if (blocks !== null) return (blocks & (1 << (lastAtOrBefore(this.heads, head.id) - lastAtOrBefore(this.heads, group.id)))) !== 0;
      }
      const row = this.wordsOf.get(head.id) as { textBytes: number; data: Uint8Array } | undefined;
      // Without any: they were too many to keep.
      return row === undefined || mayHold(test, unpackWords(row.data, row.textBytes));
    };
  }

  /** Null where a group's words are too many to keep. */
  private blocksOf(groupId: number, test: WordTest): number | null {
    const { unknown, textBytes, data } = this.groupWords.get(groupId) as { unknown: number; textBytes: number; data: Uint8Array };
    if (textBytes === 0) return null;
    const words = GroupWords.unpack(data, textBytes);
    return test(needle => words.blocksWith(needle)) | unknown;
  }

  /** Over all blocks, as they were at the last `refresh`; worked out once for each. */
  totals(): FileTotals {
    if (this.knownTotals?.version !== this.seenVersion) {
      const statement = this.database.prepare(`select sum(n) as events, min(tMin) as oldest, max(tMax) as newest, sum(tier = ${sealedTier} and words.id is null) as withoutWords from blocks left join words using (id)`);
      statement.setReadBigInts(true);
      const { events, oldest, newest, withoutWords } = statement.get() as unknown as Record<'events' | 'oldest' | 'newest' | 'withoutWords', bigint | null>;
      this.knownTotals = { version: this.seenVersion, totals: { events: Number(events ?? 0n), oldestNs: oldest, newestNs: newest, withoutWords: Number(withoutWords ?? 0n) } };
    }
    return this.knownTotals.totals;
  }

  close(): void {
    this.database.close();
  }

  /** The block that holds a sequence, as far as is known. */
  headAt(sequence: number): BlockHead | null {
    const index = lastAtOrBefore(this.heads, sequence);
    const head = this.heads[index];
    return head !== undefined && sequence < head.id + head.n ? head : null;
  }

  private groupAt(id: number): { id: number; lastId: number } | null {
    const group = this.groups[lastAtOrBefore(this.groups, id)];
    return group !== undefined && id <= group.lastId ? group : null;
  }

  private serviceSet(json: string): ReadonlySet<string> {
    let set = this.serviceSets.get(json);
    if (set === undefined) {
      set = new Set(JSON.parse(json) as string[]);
      if (this.serviceSets.size < serviceSetsMax) this.serviceSets.set(json, set);
    }
    return set;
  }
}

function lastAtOrBefore(sorted: readonly { id: number }[], id: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]!.id <= id) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export function floorMs(timeNs: bigint): number {
  const ms = timeNs / BigInt(nsPerMs);
  return Number(ms * BigInt(nsPerMs) > timeNs ? ms - 1n : ms);
}
