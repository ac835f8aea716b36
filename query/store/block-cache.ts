/** Blocks that were unpacked lately, over all files, within a limit of bytes. */
import type { Block } from '#schemas/embedded/block.ts';

export class BlockCache {
  private readonly bytesMax: number;
  private readonly blocks = new Map<string, Block>();
  private bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Small blocks are joined under the id of the first: how many events it has is part of what a block is. */
  static key(file: string, id: number, n: number): string {
    return `${file}:${id}:${n}`;
  }

  get(key: string): Block | undefined {
    const block = this.blocks.get(key);
    if (block === undefined) return undefined;
    this.blocks.delete(key);
    this.blocks.set(key, block);
    return block;
  }

  set(key: string, block: Block): void {
    this.blocks.set(key, block);
    this.bytes += block.byteLength;
    for (const [oldKey, old] of this.blocks) {
      if (this.bytes <= this.bytesMax || oldKey === key) break;
      this.blocks.delete(oldKey);
      this.bytes -= old.byteLength;
    }
  }

  clear(): void {
    this.blocks.clear();
    this.bytes = 0;
  }
}
