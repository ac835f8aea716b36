/** The ids of an events file's sealed blocks, beside its writer: lists and runs are read once and looked into many times. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { bucketId, bucketOf, entriesIn, filterPrefixOf, IdFilter, numbersIn, readIdList, readRunBlocks, runsInFilterRow, type IdList } from '#schemas/embedded/id-list.ts';

interface Run {
  run: number;
  level: number;
  bucketBits: number;
  blocks: Float64Array;
  /** How often it was looked into; from some number on its filter is worth making. */
  looks: number;
  filter: IdFilter | null;
}

/** A run of the first level that is looked into so often gets a filter; those above are few and would take too much memory. */
const looksForFilter = 100;

export class IdIndex {
  private readonly listIds: StatementSync;
  private readonly listOf: StatementSync;
  private readonly runIds: StatementSync;
  private readonly runOf: StatementSync;
  private readonly bucket: StatementSync;
  private readonly buckets: StatementSync;
  private readonly filterRow: StatementSync;
  private firstLevel: Run[] = [];
  private lists = new Map<number, IdList>();
  private runs = new Map<number, Run>();

  constructor(database: DatabaseSync) {
    this.listIds = database.prepare('select id from idLists');
    this.listOf = database.prepare('select data from idLists where id = ?');
    this.runIds = database.prepare('select run from idRuns');
    this.runOf = database.prepare('select level, bucketBits, blocks from idRuns where run = ?');
    this.bucket = database.prepare('select data from idBuckets where id = ?');
    this.filterRow = database.prepare('select data from idFilters where prefix = ?');
    this.buckets = database.prepare('select data from idBuckets where id >= ? and id < ?');
  }

  /** Takes in what was merged since. In one transaction with the look-ups that follow: a run that was merged meanwhile would be found empty. */
  refresh(): void {
    const lists = new Map<number, IdList>();
    for (const { id } of this.listIds.all() as unknown as { id: number }[]) lists.set(id, this.lists.get(id) ?? readIdList((this.listOf.get(id) as { data: Uint8Array }).data));
    this.lists = lists;
    const runs = new Map<number, Run>();
    for (const { run } of this.runIds.all() as unknown as { run: number }[]) {
      let known = this.runs.get(run);
      if (known === undefined) {
        const { level, bucketBits, blocks } = this.runOf.get(run) as unknown as { level: number; bucketBits: number; blocks: Uint8Array };
        known = { run, level, bucketBits, blocks: readRunBlocks(blocks), looks: 0, filter: null };
      }
      runs.set(run, known);
    }
    this.runs = runs;
    this.firstLevel = [...runs.values()].filter(({ level }) => level === 1);
  }

  /** Gives each block that may hold an id of this hash, with the id's number there. */
  find(hash: number, found: (block: number, number: number) => void): void {
    for (const [id, list] of this.lists) for (const number of numbersIn(list, hash)) found(id, number);
    for (const run of this.runsFor(hash)) {
      const { run: number, level, bucketBits, blocks } = run;
      run.looks += 1;
      if (level === 1 && run.looks === looksForFilter) run.filter = this.filterOf(number);
      if (run.filter?.mayHold(hash) === false) continue;
      const row = this.bucket.get(bucketId(number, bucketOf(hash, bucketBits))) as { data: Uint8Array } | undefined;
      if (row !== undefined) for (const { block, number: id } of entriesIn(row.data, hash)) found(blocks[block]!, id);
    }
  }

  /** All of the first level, and those of the second that the file's filter names. */
  private *runsFor(hash: number): Generator<Run> {
    yield* this.firstLevel;
    const row = this.filterRow.get(filterPrefixOf(hash)) as { data: Uint8Array } | undefined;
    if (row !== undefined) for (const run of runsInFilterRow(row.data, hash)) yield this.runs.get(run)!;
  }

  private filterOf(run: number): IdFilter {
    const buckets = this.buckets.all(bucketId(run, 0), bucketId(run + 1, 0)) as unknown as { data: Uint8Array }[];
    return new IdFilter(buckets.map(({ data }) => data));
  }
}
