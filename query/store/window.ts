/** All events of some time ranges. Which blocks reach into them is known without reading one; which of a block's events have ids, by its shapes. */
import type { Block } from '#schemas/embedded/block.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { ReadContext, TimeRange, WindowAnswer } from '#schemas/store.ts';
import { floorMs, type EventsFile } from './events-file.ts';
import { ReadWork } from './read-work.ts';

export async function windowOf(files: readonly EventsFile[], ranges: readonly TimeRange[], unlessAllHaveIds: boolean, context: ReadContext): Promise<WindowAnswer> {
  const work = new ReadWork(context);
  const found: { block: Block; row: number }[] = [];
  let anyUnclaimed = !unlessAllHaveIds;
  const { eventsMax } = context.budget;
  const bounds = ranges.map(range => ({ ...range, fromMs: floorMs(range.fromNs), toMs: floorMs(range.toNs) }));
  for (const file of files.toReversed()) {
    for (const head of file.headsNewestFirst()) {
      const here = bounds.filter(({ fromMs, toMs }) => head.tMaxMs >= fromMs && head.tMinMs <= toMs);
      if (here.length === 0) continue;
      if (found.length > eventsMax || !(await work.goesOn())) return { events: [], truncated: true, scanned: work.result() };
      const whole = file.block(head);
      const at = whole === null ? file.blockAt(head.id) : { block: whole, row: 0 };
      if (at === null) continue;
      const { block, row: first } = at;
      for (let row = first; row < Math.min(block.length, first + head.n); row++) {
        const ms = block.timeMs(row);
        if (!here.some(({ fromMs, toMs, fromNs, toNs }) => ms >= fromMs && ms <= toMs && (ms > fromMs || block.timeNs(row) >= fromNs) && (ms < toMs || block.timeNs(row) < toNs))) continue;
        anyUnclaimed ||= block.isUnclaimed(row);
        found.push({ block, row });
      }
    }
  }
  work.events = found.length;
  if (!anyUnclaimed) return { events: [], truncated: false, scanned: work.result() };
  if (found.length > eventsMax) return { events: [], truncated: true, scanned: work.result() };
  const events: LogEvent[] = [];
  // Views read what is asked of them only, and hold on to their block as long as somebody holds them.
  for (const { block, row } of found) events.push(block.view(row));
  return { events, truncated: false, scanned: work.result() };
}
