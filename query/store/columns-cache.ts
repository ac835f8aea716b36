/** Columns of lines that were worked out lately, of portions of blocks, within a limit of lines: some 400 bytes each. */
import type { Block } from '#schemas/embedded/block.ts';
import type { LineColumns } from '#schemas/store.ts';
import { columnsOfBlock } from './line-digest.ts';

/** Lines of a block whose columns are worked out together. */
export const portionRows = 512;

export class ColumnsCache {
  private readonly linesMax: number;
  private readonly ofBlock = new WeakMap<Block, Map<number, LineColumns>>();
  /** Longest unused first. */
  private readonly kept = new Map<LineColumns, { portions: Map<number, LineColumns>; portion: number }>();
  private lines = 0;

  constructor(linesMax: number) {
    this.linesMax = linesMax;
  }

  has(block: Block, portion: number): boolean {
    return this.ofBlock.get(block)?.has(portion) === true;
  }

  /** Worked out where they are not known. */
  get(block: Block, portion: number): LineColumns {
    let portions = this.ofBlock.get(block);
    if (portions === undefined) this.ofBlock.set(block, (portions = new Map<number, LineColumns>()));
    const known = portions.get(portion);
    if (known !== undefined) {
      this.kept.delete(known);
      this.kept.set(known, { portions, portion });
      return known;
    }
    const first = portion * portionRows;
    const columns = columnsOfBlock(block, Array.from({ length: Math.min(portionRows, block.length - first) }, (_, index) => first + index));
    portions.set(portion, columns);
    this.kept.set(columns, { portions, portion });
    this.lines += columns.length;
    for (const [oldest, place] of this.kept) {
      if (this.lines <= this.linesMax || oldest === columns) break;
      place.portions.delete(place.portion);
      this.kept.delete(oldest);
      this.lines -= oldest.length;
    }
    return columns;
  }
}
