/**
 * `leadline store check`: reads everything that an embedded store holds and says what does not fit. Beside a running writer, which it does not hold up:
 * each file is read as it was when its turn came.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { breath } from '#lib/breath.ts';
import { idHashesOf } from '#schemas/canonical-id.ts';
import { Block, blockCodec } from '#schemas/embedded/block-codec.ts';
import { eventsFolder, levelBit, type EventsFileName } from '#schemas/embedded/layout.ts';
import { readStream, type StreamRow } from '#schemas/embedded/stream-row.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import { openEventsFile } from '../store/open-events-file.ts';
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

/** What one file says of itself. */
interface HotRow {
  id: bigint;
  n: bigint;
  codec: bigint;
  plainBytes: bigint;
  tMin: bigint;
  tMax: bigint;
  levels: bigint;
  services: string;
  data: Uint8Array;
}

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
  #postings = 0;

  constructor(database: DatabaseSync, name: EventsFileName, next: EventsFileName | null, checked: CheckedFile, problems: Problems) {
    this.#database = database;
    this.#name = name;
    this.#next = next;
    this.#checked = checked;
    this.#problems = problems;
  }

  async run(): Promise<void> {
    for (const { quick_check: said } of this.#database.prepare('pragma quick_check').all() as unknown as { quick_check: string }[]) if (said !== 'ok') this.#problems.add(`SQLite says: ${said}`);
    await this.#blocks();
    const { n } = this.#database.prepare('select count(*) as n from ids').get() as { n: number };
    if (n !== this.#postings) this.#problems.add(`the index of ids has ${n} entries, and the events have ${this.#postings}`);
    this.#streams();
  }

  async #blocks(): Promise<void> {
    const rows = this.#database.prepare('select id, n, codec, plainBytes, tMin, tMax, levels, services, data from hot order by id');
    rows.setReadBigInts(true);
    const posted = this.#database.prepare('select 1 from ids where hash = ? and sequence = ?');
    let expected = BigInt(this.#name.firstSequence);
    for (const row of rows.iterate() as unknown as Iterable<HotRow>) {
      if (row.id !== expected) this.#problems.add(`block ${row.id} should begin at ${expected}`);
      expected = row.id + row.n;
      this.#checked.blocks += 1;
      const events = this.#block(row);
      for (const [index, event] of events.entries()) {
        const sequence = Number(row.id) + index;
        for (const hash of idHashesOf(event.ids)) {
          this.#postings += 1;
          if (posted.get(hash, sequence) === undefined) this.#problems.add(`event ${event.eventId} is not found by one of its ids`);
        }
      }
      await breath();
    }
    if (this.#next !== null && expected !== BigInt(this.#next.firstSequence)) this.#problems.add(`ends before ${expected}, and ${this.#next.name} begins at ${this.#next.firstSequence}`);
  }

  /** The block's events, as far as they can be read. */
  #block(row: HotRow): LogEvent[] {
    const events: LogEvent[] = [];
    try {
      if (row.codec !== BigInt(blockCodec)) throw new Error(`its codec ${row.codec} is not known`);
      const block = new Block(row.data, Number(row.plainBytes));
      if (BigInt(block.length) !== row.n) throw new Error(`it holds ${block.length} events, and should hold ${row.n}`);
      const services = new Set(JSON.parse(row.services) as string[]);
      for (let index = 0; index < block.length; index++) {
        const event = block.event(index);
        const timeNs = block.timeNs(index);
        if (timeNs < row.tMin || timeNs > row.tMax) throw new Error(`event ${event.eventId} lies outside of its times`);
        if ((BigInt(levelBit(block.levelRank(index))) & row.levels) === 0n) throw new Error(`event ${event.eventId} has a level that it does not name`);
        if (!services.has(event.service ?? '')) throw new Error(`event ${event.eventId} is of a service that it does not name`);
        events.push(event);
      }
      this.#checked.rawBytes += block.rawBytes;
    } catch (error) {
      this.#problems.add(`block ${row.id} (${row.n} events): ${error instanceof Error ? error.message : String(error)}`);
    }
    this.#checked.events += events.length;
    return events;
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
