/**
 * `leadline store check`: reads everything that an embedded store holds and says what does not fit. Beside a running writer, which it does not hold up:
 * each file is read as it was when its turn came.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { breath } from '#lib/breath.ts';
import { Block } from '#schemas/embedded/block.ts';
import { blockCodec } from '#schemas/embedded/block-format.ts';
import { readBlockStream } from '#schemas/embedded/block-streams.ts';
import { allHaveIdsBit, allServices, eventsFolder, levelBit, minuteMs, sealedTier, serviceKey, type EventsFileName } from '#schemas/embedded/layout.ts';
import { readStream, type StreamRow } from '#schemas/embedded/stream-row.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { GroupWords, unpackWords, WordSet } from '#schemas/embedded/words.ts';
import { IdIndex } from '../store/id-index.ts';
import { openEventsFile } from '#schemas/embedded/open-events-file.ts';
import { eventsFilesOf } from './events-files.ts';

export interface CheckedFile {
  name: string;
  blocks: number;
  events: number;
  /** Of the raw lines. */
  rawBytes: number;
  /** Sentences; empty where all is well. */
  problems: string[];
}

/** What one file says of a block. */
interface BlockRow {
  id: bigint;
  n: bigint;
  tier: bigint;
  codec: bigint;
  headBytes: bigint;
  tMin: bigint;
  tMax: bigint;
  levels: bigint;
  services: string;
  head: Uint8Array;
  raw: Uint8Array;
}

/** Of each block so many ids are looked for as a query would; that none is missing is seen by their number. */
const idsTriedMax = 20;

/** Of one file no more than so many are said, and how many there were. */
const problemsMax = 20;

/**
 * One file at a time, oldest first, each when it is read.
 * @throws LeadlineError NO_STORE
 */
export async function* checkStore(dataDir: string): AsyncGenerator<CheckedFile> {
  const names = eventsFilesOf(dataDir);
  for (const [index, name] of names.entries()) {
    const checked = await checkFile(join(eventsFolder(dataDir), name.name), name, names[index + 1] ?? null);
    if (checked !== null) yield checked;
  }
}

/** Null where retention took it meanwhile, or its writer has not begun it. */
async function checkFile(path: string, name: EventsFileName, next: EventsFileName | null): Promise<CheckedFile | null> {
  const checked: CheckedFile = { name: name.name, blocks: 0, events: 0, rawBytes: 0, problems: [] };
  const problems = new Problems();
  try {
    const database = openEventsFile(path);
    if (database === null) return null;
    try {
      // One look at all of it: what is stored meanwhile is not seen.
      database.exec('begin');
      await new FileCheck(database, name, next, checked, problems).run();
    } finally {
      database.close();
    }
  } catch (error) {
    if (!existsSync(path)) return null;
    problems.add(error instanceof LeadlineError ? error.message : `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { ...checked, problems: problems.all() };
}

class Problems {
  readonly #said: string[] = [];
  #count = 0;

  add(problem: string): void {
    this.#count += 1;
    if (this.#said.length < problemsMax) this.#said.push(problem);
  }

  all(): string[] {
    return this.#count > this.#said.length ? [...this.#said, `and ${this.#count - this.#said.length} more`] : this.#said;
  }
}

class FileCheck {
  readonly #database: DatabaseSync;
  readonly #name: EventsFileName;
  readonly #next: EventsFileName | null;
  readonly #checked: CheckedFile;
  readonly #problems: Problems;
  readonly #ids: IdIndex;
  readonly #words = new WordSet();
  /** Of sealed blocks. */
  #idEntries = 0;
  readonly #counts = new Map<string, number>();

  constructor(database: DatabaseSync, name: EventsFileName, next: EventsFileName | null, checked: CheckedFile, problems: Problems) {
    this.#database = database;
    this.#name = name;
    this.#next = next;
    this.#checked = checked;
    this.#problems = problems;
    this.#ids = new IdIndex(database);
  }

  async run(): Promise<void> {
    for (const { quick_check: said } of this.#database.prepare('pragma quick_check').all() as unknown as { quick_check: string }[]) if (said !== 'ok') this.#problems.add(`SQLite says: ${said}`);
    this.#ids.refresh();
    await this.#blocks();
    const { n } = this.#database.prepare('select coalesce((select sum((length(data) - 4) / 10) from idLists), 0) + coalesce((select sum(length(data) / 8) from idBuckets), 0) as n').get() as { n: number };
    if (n !== this.#idEntries) this.#problems.add(`the index of ids has ${n} entries, and the events have ${this.#idEntries}`);
    this.#compareCounts();
    this.#groups();
    this.#streams();
  }

  async #blocks(): Promise<void> {
    const rows = this.#database.prepare('select id, n, tier, codec, headBytes, tMin, tMax, levels, services, head, raw from blocks left join data using (id) order by id');
    rows.setReadBigInts(true);
    let expected = BigInt(this.#name.firstSequence);
    for (const row of rows.iterate() as unknown as Iterable<BlockRow>) {
      if (row.id !== expected) this.#problems.add(`block ${row.id} should begin at ${expected}`);
      expected = row.id + row.n;
      this.#checked.blocks += 1;
      try {
        this.#block(row);
      } catch (error) {
        this.#problems.add(`block ${row.id} (${row.n} events): ${error instanceof Error ? error.message : String(error)}`);
      }
      await breath();
    }
    if (this.#next !== null && expected !== BigInt(this.#next.firstSequence)) this.#problems.add(`ends before ${expected}, and ${this.#next.name} begins at ${this.#next.firstSequence}`);
  }

  /** @throws Error saying what does not fit */
  #block(row: BlockRow): void {
    if (row.head === null) throw new Error('its events are missing');
    if (row.codec !== BigInt(blockCodec)) throw new Error(`its codec ${row.codec} is not known`);
    const block = new Block(row.head, Number(row.headBytes), row.raw);
    if (BigInt(block.length) !== row.n) throw new Error(`it holds ${block.length} events, and should hold ${row.n}`);
    const services = new Set(JSON.parse(row.services) as string[]);
    const streams = (this.#database.prepare('select data from blockStreams where id = ?').get(row.id) as { data: Uint8Array } | undefined)?.data;
    this.#words.clear();
    for (let index = 0; index < block.length; index++) {
      const event = block.event(index);
      const timeNs = block.timeNs(index);
      if (timeNs < row.tMin || timeNs > row.tMax) throw new Error(`event ${event.eventId} lies outside of its times`);
      if ((BigInt(levelBit(block.levelRank(index))) & row.levels) === 0n) throw new Error(`event ${event.eventId} has a level that it does not name`);
      if (block.isUnclaimed(index) && (row.levels & BigInt(allHaveIdsBit)) !== 0n) throw new Error(`event ${event.eventId} has no request id, and all should have one`);
      if (!services.has(event.service ?? '')) throw new Error(`event ${event.eventId} is of a service that it does not name`);
      const range = streams === undefined ? null : readBlockStream(streams, event.chainPosition ?? 0);
      if (range === null || event.streamOffset < range.from || event.streamOffset > range.to) throw new Error(`event ${event.eventId} lies outside of its streams`);
      this.#words.addText(event.message);
      for (const value of Object.values(event.fields)) this.#words.addValue(value);
      const minute = Math.floor(block.timeMs(index) / minuteMs);
      for (const service of [serviceKey(event.service), allServices]) {
        const key = JSON.stringify([service, minute, block.levelRank(index)]);
        this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
      }
      this.#checked.events += 1;
    }
    this.#checked.rawBytes += block.rawBytes;
    if (row.tier !== BigInt(sealedTier)) return;
    const { hashes, numbers } = block.idList();
    this.#idEntries += hashes.length;
    for (let index = 0; index < hashes.length; index += Math.max(1, Math.floor(hashes.length / idsTriedMax))) {
      let isFound = false;
      this.#ids.find(hashes[index]!, (id, number) => (isFound ||= BigInt(id) === row.id && number === numbers[index]));
      if (!isFound) throw new Error('it is not found by one of its ids');
    }
    this.#compareWords(row.id);
  }

  #compareWords(id: bigint): void {
    const row = this.#database.prepare('select textBytes, data from words where id = ?').get(id) as { textBytes: number; data: Uint8Array } | undefined;
    const own = this.#words.text();
    if (row === undefined || own === null) return;
    const text = unpackWords(row.data, row.textBytes);
    for (const word of own.slice(1, -1).split('\n')) if (word !== '' && !text.includes(`\n${word}\n`)) throw new Error(`it would not be looked into for "${word}"`);
  }

  #groups(): void {
    const blocks = this.#database.prepare(`select blocks.id, textBytes, data from blocks left join words using (id) where blocks.id between ? and ? and tier = ${sealedTier} order by blocks.id`);
    for (const group of this.#database.prepare('select id, lastId, unknown, textBytes, data from wordGroups').iterate() as unknown as Iterable<{ id: number; lastId: number; unknown: number; textBytes: number; data: Uint8Array }>) {
      if (group.textBytes === 0) continue;
      try {
        const words = GroupWords.unpack(group.data, group.textBytes);
        for (const [index, { id, textBytes, data }] of (blocks.all(group.id, group.lastId) as unknown as { id: number; textBytes: number | null; data: Uint8Array | null }[]).entries()) {
          const bit = 1 << index;
          if (data === null && (group.unknown & bit) === 0) throw new Error(`block ${id} has no words and would not be looked into`);
          const missing = data === null ? undefined : unpackWords(data, textBytes!).slice(1, -1).split('\n').find(word => word !== '' && (words.blocksWith(`\n${word}\n`) & bit) === 0);
          if (missing !== undefined) throw new Error(`block ${id} would not be looked into for "${missing}"`);
        }
      } catch (error) {
        this.#problems.add(`words of the blocks ${group.id} to ${group.lastId}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  #compareCounts(): void {
    for (const { service, minute, level, n } of this.#database.prepare('select service, minute, level, n from counts').iterate() as unknown as Iterable<{ service: string; minute: number; level: number; n: number }>) {
      const key = JSON.stringify([service, minute, level]);
      const counted = this.#counts.get(key) ?? 0;
      this.#counts.delete(key);
      if (counted !== n) this.#problems.add(`the minute of ${new Date(minute * minuteMs).toISOString()} counts ${n} events, and has ${counted}`);
    }
    if (this.#counts.size > 0) this.#problems.add(`${this.#counts.size} minutes have events and are not counted`);
  }

  #streams(): void {
    const statement = this.#database.prepare('select * from streams');
    statement.setReadBigInts(true);
    for (const row of statement.iterate() as unknown as Iterable<StreamRow>) {
      try {
        const { storedRanges } = readStream(row);
        if (storedRanges.some(({ from, to }, index) => from >= to || (index > 0 && from <= storedRanges[index - 1]!.to))) throw new Error('its stored ranges are not in order');
      } catch (error) {
        this.#problems.add(`stream ${row.streamId}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
}
