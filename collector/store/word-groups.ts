/** Keeps the words of blocks, and of `blocksPerWordGroup` of them together, in an events file. Runs inside of the writer's transaction. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { blocksPerWordGroup, groupWordsBytesMax, packWords, unpackWords } from '#schemas/embedded/words.ts';
import { sealedTier } from '#schemas/embedded/layout.ts';

interface Group {
  firstId: number;
  blocks: number;
  /** Null where they are too many, or those of one block were. */
  words: Set<string> | null;
}

export class WordGroups {
  private readonly insertWords: StatementSync;
  private readonly insertGroup: StatementSync;
  private open: Group | null = null;
  /** As it was before the transaction. */
  private before: Group | null = null;

  constructor(database: DatabaseSync) {
    this.insertWords = database.prepare('insert into words (id, textBytes, data) values (?, ?, ?)');
    this.insertGroup = database.prepare('insert into wordGroups (id, lastId, textBytes, data) values (?, ?, ?, ?)');
    const { lastId } = database.prepare('select max(lastId) as lastId from wordGroups').get() as { lastId: number | null };
    const rows = database.prepare(`select blocks.id, words.textBytes, words.data from blocks left join words using (id) where blocks.tier = ${sealedTier} and blocks.id > ? order by blocks.id`).all(lastId ?? -1) as unknown as { id: number; textBytes: number | null; data: Uint8Array | null }[];
    for (const { id, textBytes, data } of rows) this.open = withBlock(this.open, id, data === null ? null : unpackWords(data, textBytes!));
    this.before = this.open;
  }

  /** @param text null where a block has too many words */
  add(id: number, text: string | null): void {
    if (text !== null) this.insertWords.run(id, text.length, packWords(text));
    this.open = withBlock(this.open, id, text);
    if (this.open.blocks < blocksPerWordGroup) return;
    const { firstId, words } = this.open;
    const all = words === null ? '' : `\n${[...words].sort().join('\n')}\n`;
    this.insertGroup.run(firstId, id, all.length, all === '' ? new Uint8Array(0) : packWords(all));
    this.open = null;
  }

  committed(): void {
    this.before = this.open;
  }

  rolledBack(): void {
    this.open = this.before;
  }
}

/** A new group: the one before it must be there still where the transaction fails. */
function withBlock(group: Group | null, id: number, text: string | null): Group {
  const { firstId, blocks, words } = group ?? { firstId: id, blocks: 0, words: new Set<string>() };
  if (words === null || text === null) return { firstId, blocks: blocks + 1, words: null };
  const all = new Set(words);
  let bytes = 0;
  for (const word of text.slice(1, -1).split('\n')) all.add(word);
  for (const word of all) bytes += word.length + 1;
  return { firstId, blocks: blocks + 1, words: bytes > groupWordsBytesMax ? null : all };
}
