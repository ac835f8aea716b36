/** Keeps the lists of ids of an events file merged: see `schemas/embedded/id-list.ts`. Runs inside of the writer's transaction. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { bucketBitsFor, bucketId, extendFilterRow, keysByPrefix, listsPerRun, mergeRuns, readBuckets, readIdList, readRunBlocks, runOf, writeBuckets, writeRunBlocks, type IdRun } from '#schemas/embedded/id-list.ts';

interface RunRow {
  run: number;
  bucketBits: number;
  blocks: Uint8Array;
}

export class IdRuns {
  private readonly insertList: StatementSync;
  private readonly lists: StatementSync;
  private readonly deleteListsTo: StatementSync;
  private readonly countLists: StatementSync;
  private readonly runsOfLevel: StatementSync;
  private readonly bucketsOf: StatementSync;
  private readonly insertRun: StatementSync;
  private readonly insertBucket: StatementSync;
  private readonly filterRow: StatementSync;
  private readonly putFilterRow: StatementSync;
  private readonly deleteRun: StatementSync;
  private readonly deleteBuckets: StatementSync;

  constructor(database: DatabaseSync) {
    this.insertList = database.prepare('insert into idLists (id, data) values (?, ?)');
    this.lists = database.prepare('select id, data from idLists order by id limit ?');
    this.deleteListsTo = database.prepare('delete from idLists where id <= ?');
    this.countLists = database.prepare('select count(*) as n from idLists');
    this.runsOfLevel = database.prepare('select run, bucketBits, blocks from idRuns where level = ? order by run');
    this.bucketsOf = database.prepare('select id, data from idBuckets where id >= ? and id < ? order by id');
    this.insertRun = database.prepare('insert into idRuns (level, bucketBits, blocks) values (?, ?, ?)');
    this.insertBucket = database.prepare('insert into idBuckets (id, data) values (?, ?)');
    this.filterRow = database.prepare('select data from idFilters where prefix = ?');
    this.putFilterRow = database.prepare('insert or replace into idFilters (prefix, data) values (?, ?)');
    this.deleteRun = database.prepare('delete from idRuns where run = ?');
    this.deleteBuckets = database.prepare('delete from idBuckets where id >= ? and id < ?');
  }

  /** Of a sealed block, as `writeIdList` gives it. */
  add(id: number, list: Uint8Array): void {
    this.insertList.run(id, list);
  }

  /** After blocks were sealed. */
  merge(): void {
    while ((this.countLists.get() as { n: number }).n >= listsPerRun) this.mergeLists(listsPerRun);
    while (this.runsOfLevel.all(1).length >= listsPerRun) this.mergeLevel(listsPerRun);
  }

  /** As few runs as can be, for a file that nothing is added to any more. */
  finish(): void {
    this.merge();
    this.mergeLists(listsPerRun);
    this.mergeLevel(listsPerRun);
  }

  private mergeLists(count: number): void {
    const lists = this.lists.all(count) as unknown as { id: number; data: Uint8Array }[];
    if (lists.length === 0) return;
    this.write(1, mergeRuns(lists.map(({ data }, index) => runOf(readIdList(data), index))), lists.map(({ id }) => id));
    this.deleteListsTo.run(lists.at(-1)!.id);
  }

  private mergeLevel(count: number): void {
    const rows = (this.runsOfLevel.all(1) as unknown as RunRow[]).slice(0, count);
    if (rows.length === 0) return;
    const blocks: number[] = [];
    const runs: IdRun[] = [];
    for (const { run, bucketBits, blocks: own } of rows) {
      const buckets = this.bucketsOf.all(bucketId(run, 0), bucketId(run + 1, 0)) as unknown as { id: number; data: Uint8Array }[];
      runs.push(readBuckets(buckets.map(({ id, data }) => ({ bucket: id - bucketId(run, 0), data })), bucketBits, blocks.length));
      blocks.push(...readRunBlocks(own));
      this.deleteRun.run(run);
      this.deleteBuckets.run(bucketId(run, 0), bucketId(run + 1, 0));
    }
    const merged = mergeRuns(runs);
    const run = this.write(2, merged, blocks);
    for (const { prefix, keys } of keysByPrefix(merged)) {
      const before = this.filterRow.get(prefix) as { data: Uint8Array } | undefined;
      this.putFilterRow.run(prefix, extendFilterRow(before?.data ?? null, run, keys));
    }
  }

  /** @returns its number */
  private write(level: number, run: IdRun, blocks: readonly number[]): number {
    const bits = bucketBitsFor(run.keys.length);
    const { lastInsertRowid } = this.insertRun.run(level, bits, writeRunBlocks(blocks));
    const number = Number(lastInsertRowid);
    for (const { bucket, data } of writeBuckets(run, bits)) this.insertBucket.run(bucketId(number, bucket), data);
    return number;
  }
}
