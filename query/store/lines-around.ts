/** The lines around an event in its stream. Which blocks hold which bytes of a stream is known; those nearest to the event are read. */
import { readBlockStream } from '#schemas/embedded/block-streams.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { ReadContext } from '#schemas/store.ts';
import type { EventsFile } from './events-file.ts';
import { ReadWork } from './read-work.ts';

interface Place {
  file: EventsFile;
  id: number;
  from: number;
  to: number;
}

/** Block ranges looked at between two breaths. */
const placesPerTurn = 512;

export async function linesAround(files: readonly EventsFile[], eventId: string, before: number, after: number, context: ReadContext): Promise<{ events: LogEvent[]; truncated: boolean } | null> {
  const parts = /^(.+?):(\d+)(?::gap)?$/.exec(eventId);
  if (parts === null) return null;
  const streamId = parts[1]!;
  const offset = Number(parts[2]);
  const work = new ReadWork(context);
  const places = await placesOf(files, streamId, work);
  const found = new Map<string, LogEvent>();
  const read = ({ file, id }: Place): void => {
    const at = file.blockAt(id);
    if (at === null) return;
    work.scanned(at.block);
    for (let row = 0; row < at.block.length; row++) {
      if (at.block.streamId(row) !== streamId) continue;
      const event = at.block.event(row);
      found.set(event.eventId, event);
    }
  };
  for (const place of places) if (place.from <= offset && offset <= place.to) read(place);
  const asked = found.get(eventId);
  if (asked === undefined) return null;

  let truncated = false;
  const sorted = (): LogEvent[] => [...found.values()].sort((a, b) => a.streamOffset - b.streamOffset || (a.eventId < b.eventId ? -1 : 1));
  // Nearest first; enough when what is left lies beyond the farthest line that is wanted.
  for (const place of [...places].sort((a, b) => b.to - a.to).filter(({ to }) => to < offset)) {
    const events = sorted();
    const least = events[events.indexOf(asked) - before];
    if (before === 0 || (least !== undefined && place.to < least.streamOffset)) break;
    if (!(await work.goesOn())) {
      truncated = true;
      break;
    }
    read(place);
  }
  for (const place of [...places].sort((a, b) => a.from - b.from).filter(({ from }) => from > offset)) {
    const events = sorted();
    const last = events[events.indexOf(asked) + after];
    if (after === 0 || (last !== undefined && place.from > last.streamOffset)) break;
    if (!(await work.goesOn())) {
      truncated = true;
      break;
    }
    read(place);
  }
  const events = sorted();
  const at = events.indexOf(asked);
  return { events: events.slice(Math.max(0, at - before), at + after + 1), truncated };
}

async function placesOf(files: readonly EventsFile[], streamId: string, work: ReadWork): Promise<Place[]> {
  const places: Place[] = [];
  for (const file of files) {
    const stream = file.database.prepare('select chainPosition from streams where streamId = ?').get(streamId) as { chainPosition: number } | undefined;
    if (stream === undefined) continue;
    const rows = file.database.prepare('select id, data from blockStreams where id > ? order by id limit ?');
    for (let last = -1; ; ) {
      const page = rows.all(last, placesPerTurn) as unknown as { id: number; data: Uint8Array }[];
      for (const { id, data } of page) {
        const range = readBlockStream(data, stream.chainPosition);
        if (range !== null) places.push({ file, id, from: range.from, to: range.to });
        last = id;
      }
      if (page.length < placesPerTurn) break;
      await work.goesOn();
    }
  }
  return places;
}
