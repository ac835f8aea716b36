/** All events of some time ranges. Which blocks reach into them is known without reading one; which of a block's events have ids, by its shapes. */
import type { Block } from '#schemas/embedded/block.ts';
import { allHaveIdsBit } from '#schemas/embedded/layout.ts';
import type { ReadContext, TimeRange, WindowAnswer, WindowPart } from '#schemas/store.ts';
import { portionRows, type ColumnsCache } from './columns-cache.ts';
import { floorMs, type BlockHead, type EventsFile } from './events-file.ts';
import { columnsOfBlock } from './line-digest.ts';
import { ReadWork } from './read-work.ts';

/** Where fewer of a portion's lines are asked for, columns are made of those only, and not kept. */
const wholeFrom = 0.25;

/** @param rows ascending */
function partsOf(block: Block, rows: readonly number[], cache: ColumnsCache): WindowPart[] {
  const parts: WindowPart[] = [];
  for (let at = 0; at < rows.length; ) {
    const portion = Math.floor(rows[at]! / portionRows);
    const from = at;
    while (at < rows.length && rows[at]! < (portion + 1) * portionRows) at += 1;
    parts.push(partOf(block, portion, rows.slice(from, at), cache));
  }
  return parts;
}

function partOf(block: Block, portion: number, rows: number[], cache: ColumnsCache): WindowPart {
  const first = portion * portionRows;
  // Views read what is asked of them only, and hold on to their block as long as somebody holds them.
  if (rows.length < wholeFrom * Math.min(portionRows, block.length - first) && !cache.has(block, portion)) return { columns: () => columnsOfBlock(block, rows), rows: rows.map((_, index) => index), event: index => block.view(rows[index]!) };
  return { columns: () => cache.get(block, portion), rows: rows.map(row => row - first), event: index => block.view(first + index) };
}

export async function windowOf(files: readonly EventsFile[], ranges: readonly TimeRange[], unlessAllHaveIds: boolean, context: ReadContext, cache: ColumnsCache): Promise<WindowAnswer> {
  const work = new ReadWork(context);
  const { eventsMax } = context.budget;
  const bounds: Bounds[] = ranges.map(range => ({ ...range, fromMs: floorMs(range.fromNs), toMs: floorMs(range.toNs) }));
  const fromAllMs = Math.min(...bounds.map(({ fromMs }) => fromMs));
  const toAllMs = Math.max(...bounds.map(({ toMs }) => toMs));
  const places: { file: EventsFile; head: BlockHead; here: Bounds[] }[] = [];
  for (const file of files.toReversed()) {
    for (const head of file.headsNewestFirst()) {
      if (head.tMaxMs < fromAllMs) break;
      if (head.tMinMs > toAllMs) continue;
      const here = bounds.filter(({ fromMs, toMs }) => head.tMaxMs >= fromMs && head.tMinMs <= toMs);
      if (here.length > 0) places.push({ file, head, here });
    }
  }
  // What may lack ids first: if nothing does, the rest need not be looked at.
  if (unlessAllHaveIds) places.sort((a, b) => (a.head.levels & allHaveIdsBit) - (b.head.levels & allHaveIdsBit));
  const parts: WindowPart[] = [];
  let anyUnclaimed = !unlessAllHaveIds;
  let events = 0;
  for (const { file, head, here } of places) {
    if (!anyUnclaimed && (head.levels & allHaveIdsBit) !== 0) break;
    if (events > eventsMax || !(await work.goesOn())) return { parts: [], truncated: true, scanned: work.result() };
    const whole = file.block(head);
    const at = whole === null ? file.blockAt(head.id) : { block: whole, row: 0 };
    if (at === null) continue;
    const { block, row: first } = at;
    const rows: number[] = [];
    const end = Math.min(block.length, first + head.n);
    for (let row = first; row < end; row++) if (isWithin(block, row, here)) rows.push(row);
    for (let at = 0; at < rows.length && !anyUnclaimed; at++) anyUnclaimed = block.isUnclaimed(rows[at]!);
    parts.push(...partsOf(block, rows, cache));
    events += rows.length;
  }
  work.events = events;
  if (!anyUnclaimed) return { parts: [], truncated: false, scanned: work.result() };
  if (events > eventsMax) return { parts: [], truncated: true, scanned: work.result() };
  return { parts, truncated: false, scanned: work.result() };
}

interface Bounds extends TimeRange {
  fromMs: number;
  toMs: number;
}

function isWithin(block: Block, row: number, bounds: readonly Bounds[]): boolean {
  const ms = block.timeMs(row);
  for (let index = 0; index < bounds.length; index++) {
    const { fromMs, toMs, fromNs, toNs } = bounds[index]!;
    if (ms < fromMs || ms > toMs) continue;
    // The exact time is asked for only where it decides.
    if ((ms > fromMs || block.timeNs(row) >= fromNs) && (ms < toMs || block.timeNs(row) < toNs)) return true;
  }
  return false;
}
