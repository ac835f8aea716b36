/**
 * What one commit writes, made ready for that in whichever thread parsed it: blocks are encoded, rows are whole. What is left for the writer is to give
 * the blocks their sequence, and to put everything into one transaction.
 */
import type { Signal } from '#schemas/alert.ts';
import { Block } from '#schemas/embedded/block.ts';
import { BlockEncoder } from '#schemas/embedded/block-encoder.ts';
import { writeBlockStreams } from '#schemas/embedded/block-streams.ts';
import { writeIdList } from '#schemas/embedded/id-list.ts';
import { allHaveIdsBit, lacksIdsBit, levelBit, toJsonWithBigints } from '#schemas/embedded/layout.ts';
import { packWords, WordSet } from '#schemas/embedded/words.ts';
import { lacksRequestId, levelRank, type LogEvent } from '#schemas/event.ts';
import type { ConsumedPosition, UnfinishedLine } from '#schemas/store.ts';
import { countEvents, type CountRow } from './event-counts.ts';
import type { LedgerChange, StreamEntry } from './stream-ledger.ts';

/** What a sealed block holds. */
export interface BlockSize {
  eventsMax: number;
  rawBytes: number;
}

export interface BlockData {
  headBytes: number;
  head: Uint8Array;
  raw: Uint8Array;
}

export interface PreparedBlock extends BlockData {
  n: number;
  tMin: bigint;
  tMax: bigint;
  levels: number;
  /** JSON. */
  services: string;
  rawBytes: number;
  /** `block-streams.ts`. */
  streams: Uint8Array;
  /** Of a sealed block, null of a small one. */
  index: BlockIndex | null;
  /** Where they are at hand; another thread is given none. */
  events: readonly LogEvent[] | null;
}

export interface BlockIndex {
  /** `writeIdList`. */
  ids: Uint8Array;
  /** Null where the block has too many words. */
  words: string | null;
  /** `packWords`. */
  packedWords: Uint8Array | null;
}

export interface PreparedUnfinished extends BlockData {
  eventId: string;
  endedMs: number;
  lane: string;
}

export interface PreparedBatch {
  blocks: PreparedBlock[];
  counts: CountRow[];
  streams: StreamEntry[];
  /** Added, with the row that is written of each. */
  unfinished: { line: UnfinishedLine; row: PreparedUnfinished }[];
  /** Told, by eventId. */
  told: string[];
  positions: ConsumedPosition[];
  /** JSON. */
  signals: string[];
}

/** Shared by all stores of a thread. */
const encoder = new BlockEncoder();
const wordSet = new WordSet();

export function prepareBatch({ events, streams, unfinished }: LedgerChange, positions: readonly ConsumedPosition[], signals: readonly Signal[], size: BlockSize): PreparedBatch {
  const lines = [...unfinished.values()].filter(line => line !== null);
  return {
    blocks: prepareBlocks(events, size),
    counts: countEvents(events),
    streams: [...streams.values()],
    unfinished: lines.map(line => ({ line, row: unfinishedRow(line) })),
    told: [...unfinished].filter(([, line]) => line === null).map(([eventId]) => eventId),
    positions: [...positions],
    signals: signals.map(toJsonWithBigints),
  };
}

/** In the order of storing, read out of the blocks where they are not at hand. */
export function eventsOfBlock({ events, head, headBytes, raw }: BlockData & { events: readonly LogEvent[] | null }): readonly LogEvent[] {
  if (events !== null) return events;
  const block = new Block(head, headBytes, raw);
  return Array.from({ length: block.length }, (_, row) => block.event(row));
}

/** One small block, or as many sealed ones of about the same size as the events are worth. */
function prepareBlocks(events: readonly LogEvent[], size: BlockSize): PreparedBlock[] {
  if (events.length === 0) return [];
  return events.length >= size.eventsMax || rawBytesOf(events) >= size.rawBytes ? sealedBlocks(events, size) : [prepareBlock(events, false)];
}

/** Sealed blocks of about the same size. */
export function sealedBlocks(events: readonly LogEvent[], size: BlockSize): PreparedBlock[] {
  const blocks: PreparedBlock[] = [];
  let rest = rawBytesOf(events);
  let at = 0;
  for (let left = Math.max(1, Math.round(rest / size.rawBytes), Math.ceil(events.length / size.eventsMax)); left > 0 && at < events.length; left--) {
    const goal = rest / left;
    const eventsGoal = Math.ceil((events.length - at) / left);
    let bytes = 0;
    let to = at;
    while (to < events.length && (to === at || left === 1 || (bytes + events[to]!.raw.length / 2 <= goal && to - at < Math.max(eventsGoal, size.eventsMax)))) bytes += events[to++]!.raw.length;
    blocks.push(prepareBlock(events.slice(at, to), true));
    rest -= bytes;
    at = to;
  }
  return blocks;
}

export function prepareBlock(events: readonly LogEvent[], isSealed: boolean): PreparedBlock {
  let tMin = events[0]!.timeNs;
  let tMax = tMin;
  let levels = 0;
  const services = new Set<string>();
  for (const event of events) {
    const { timeNs, level, service } = event;
    if (timeNs < tMin) tMin = timeNs;
    else if (timeNs > tMax) tMax = timeNs;
    levels |= levelBit(levelRank(level));
    if (lacksRequestId(event)) levels |= lacksIdsBit;
    services.add(service ?? '');
  }
  if ((levels & lacksIdsBit) === 0) levels |= allHaveIdsBit;
  if (isSealed) wordSet.clear();
  const { rawBytes, headBytes, head, raw, ids } = encoder.encode(events, isSealed ? wordSet : null);
  const words = isSealed ? wordSet.text() : null;
  const index = isSealed ? { ids: writeIdList(ids), words, packedWords: words === null ? null : packWords(words) } : null;
  return { n: events.length, tMin, tMax, levels, services: JSON.stringify([...services].sort()), rawBytes, headBytes, head, raw, streams: writeBlockStreams(events), index, events: isSealed ? null : events };
}

export function unfinishedRow({ event, endedMs, lane }: UnfinishedLine): PreparedUnfinished {
  const { head, headBytes, raw } = encoder.encode([event]);
  return { eventId: event.eventId, lane, endedMs, headBytes, head, raw };
}

function rawBytesOf(events: readonly LogEvent[]): number {
  let bytes = 0;
  for (const { raw } of events) bytes += raw.length;
  return bytes;
}
