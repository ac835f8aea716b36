/** Bytes of a log -> events, through the collector's own steps, as a stream that is read to its end; and what of its bytes was lost. */
import type { Framing } from '#schemas/chunk.ts';
import type { LogEvent } from '#schemas/event.ts';
import { eventOf } from '../../collector/event-of.ts';
import type { AssemblerLimits } from '../../collector/lines/assembler-limits.ts';
import { LineAssembler, type ClosedGroup } from '../../collector/lines/assembler.ts';
import { parseCriLine } from '../../collector/lines/cri.ts';
import { parseDockerLine } from '../../collector/lines/docker.ts';
import { newLines } from '../../collector/trim.ts';
import { madeChunk, noonMs } from '../contract/made-up.ts';

export const defaultLimits: AssemblerLimits = { lineBytesMax: 16 * 1024 * 1024, openEventLinesMax: 1000, openEventBytesMax: 1024 * 1024, openEventMsMax: 60_000 };

export interface PipelineOptions {
  framing?: Framing;
  /** When the bytes were read: what dates without a year are taken from. */
  readMs?: number;
  /** Chunks are cut at the first newline behind so many bytes. */
  chunkBytes?: number;
  limits?: Partial<AssemblerLimits>;
  /** Of bytes that were seen growing. */
  bootId?: string | null;
}

export function eventsOf(bytes: Buffer, { framing = 'plain', readMs = noonMs, chunkBytes = 100_000, limits = {}, bootId = null }: PipelineOptions = {}): LogEvent[] {
  const assembler = new LineAssembler({ ...defaultLimits, ...limits });
  const events: LogEvent[] = [];
  let lastTimeNs: bigint | null = null;
  const context = { source: 'corpus', streamId: 'corpus', origin: { service: null, container: null, pod: null, namespace: null, node: null }, bootId };
  const take = (groups: readonly ClosedGroup[]): void => {
    for (const group of groups) {
      const event = eventOf(context, group, lastTimeNs);
      lastTimeNs = event.timeNs;
      events.push(event);
    }
  };
  for (let from = 0; from < bytes.length; ) {
    const newline = bytes.indexOf(10, Math.min(bytes.length, from + chunkBytes));
    const to = newline < 0 ? bytes.length : newline + 1;
    const chunk = madeChunk('corpus', from, bytes.subarray(from, to), { framing, readMs, bootId });
    take(assembler.add(chunk, newLines(chunk, chunk.value, [])));
    from = to;
  }
  take(assembler.closeAll());
  return events;
}

export function eventsOfText(text: string, options: PipelineOptions = {}): LogEvent[] {
  return eventsOf(Buffer.from(text), options);
}

/** What is wrong with the events' bytes: pieces that overlap or leave a hole, a raw line that is not the source's. Empty where every byte is there. */
export function lostBytes(bytes: Buffer, events: readonly LogEvent[], framing: Framing): string[] {
  const wrong: string[] = [];
  const pieces = events.flatMap(event => event.pieces).sort((a, b) => a.from - b.from);
  let at = 0;
  for (const { from, to } of pieces) {
    if (from !== at) wrong.push(`${from < at ? 'twice' : 'lost'}: bytes ${Math.min(from, at)} to ${Math.max(from, at)}`);
    at = to;
  }
  if (at !== bytes.length) wrong.push(`lost: bytes ${at} to ${bytes.length}`);
  for (const event of events) if (!Buffer.from(event.raw).equals(applicationBytes(bytes, event, framing))) wrong.push(`raw of ${event.eventId} is not what was written`);
  return wrong;
}

/** The event's application lines from the source bytes of its pieces, by the framing's own rules. */
function applicationBytes(bytes: Buffer, event: LogEvent, framing: Framing): Buffer {
  const parts: Buffer[] = [];
  for (const { from, to } of event.pieces) {
    for (let start = from; start < to; ) {
      const newline = bytes.indexOf(10, start);
      const end = newline < 0 || newline >= to ? to : newline;
      const line = bytes.subarray(start, end);
      const framed = framing === 'docker' ? parseDockerLine(line) : framing === 'cri' ? parseCriLine(line) : null;
      parts.push(Buffer.from(framed?.body ?? line));
      if (framed?.partial !== true) parts.push(Buffer.from('\n'));
      start = end + 1;
    }
  }
  const joined = Buffer.concat(parts);
  return joined.at(-1) === 10 ? joined.subarray(0, -1) : joined;
}
