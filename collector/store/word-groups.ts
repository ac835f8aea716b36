/** Keeps the words of blocks, and of `blocksPerWordGroup` of them together, in an events file. Runs inside of the writer's transaction. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { blocksPerWordGroup, GroupWords, groupWordsBytesMax, unpackWords } from '#schemas/embedded/words.ts';
import { sealedTier } from '#schemas/embedded/layout.ts';

interface GroupBlock {
  id: number;
  /** Null where it has too many words. */
  text: string | null;
}

export class WordGroups {
  private readonly insertWords: StatementSync;
  private readonly insertGroup: StatementSync;
  /** The blocks that are in no group yet, and as they were before the transaction. */
  private waiting: readonly GroupBlock[];
  private before: readonly GroupBlock[];

  constructor(database: DatabaseSync) {
    this.insertWords = database.prepare('insert into words (id, textBytes, data) values (?, ?, ?)');
    this.insertGroup = database.prepare('insert into wordGroups (id, lastId, unknown, textBytes, data) values (?, ?, ?, ?, ?)');
    const { lastId } = database.prepare('select max(lastId) as lastId from wordGroups').get() as { lastId: number | null };
    const rows = database.prepare(`select blocks.id, words.textBytes, words.data from blocks left join words using (id) where blocks.tier = ${sealedTier} and blocks.id > ? order by blocks.id`).all(lastId ?? -1) as unknown as { id: number; textBytes: number | null; data: Uint8Array | null }[];
    this.waiting = rows.map(({ id, textBytes, data }) => ({ id, text: data === null ? null : unpackWords(data, textBytes!) }));
    this.before = this.waiting;
  }

  /** @param text null where a block has too many words; `packed` is the same as `packWords` gives it */
  add(id: number, text: string | null, packed: Uint8Array | null): void {
    if (text !== null) this.insertWords.run(id, text.length, packed);
    this.waiting = [...this.waiting, { id, text }];
    if (this.waiting.length < blocksPerWordGroup) return;
    this.writeGroup(this.waiting);
    this.waiting = [];
  }

  committed(): void {
    this.before = this.waiting;
  }

  rolledBack(): void {
    this.waiting = this.before;
  }

  private writeGroup(blocks: readonly GroupBlock[]): void {
    const masks = new Map<string, number>();
    let unknown = 0;
    blocks.forEach(({ text }, index) => {
      if (text === null) unknown |= 1 << index;
      else for (const word of text.slice(1, -1).split('\n')) masks.set(word, (masks.get(word) ?? 0) | (1 << index));
    });
    const words = GroupWords.of(masks);
    const isKept = words.text.length <= groupWordsBytesMax;
    this.insertGroup.run(blocks[0]!.id, blocks.at(-1)!.id, unknown >>> 0, isKept ? words.text.length : 0, isKept ? words.pack() : new Uint8Array(0));
  }
}
