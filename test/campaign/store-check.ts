/** Reads a store from end to end and says of each writer what is lost, doubled, altered or out of order. */
import { EmbeddedReader } from '../../query/store/embedded-reader.ts';
import { Queries } from '../../query/queries.ts';
import { defaultOptions } from '#schemas/options.ts';
import type { EventBody } from '#schemas/http-api.ts';
import { LineMarks } from './line-marks.ts';
import { isBanner, readNumberedLine } from './numbered-line.ts';

export interface Gap {
  streamId: string;
  source: string;
  from: number;
  bytes: number;
  cause: string;
  exact: boolean;
}

export class StoreCheck {
  readonly marks = new Map<string, LineMarks>();
  readonly banners = new Map<string, number>();
  readonly gaps: Gap[] = [];
  /** Events whose text is not what any writer wrote, the first few. */
  readonly altered: string[] = [];
  alteredCount = 0;
  events = 0;
  /** Per stream the offsets of its events and the numbers of their lines. */
  readonly #streams = new Map<string, { offsets: number[]; ns: number[] }>();

  add(event: EventBody): void {
    this.events += 1;
    if (event.gap !== null) {
      this.gaps.push({ streamId: event.streamId, source: event.source, from: event.streamOffset, bytes: event.gap.bytes, cause: event.gap.cause, exact: event.gap.exact });
      return;
    }
    const raw = event.raw ?? Buffer.from(event.rawBase64 ?? '', 'base64').toString('latin1');
    for (const text of raw.split('\n')) {
      // A writer that keeps its offset leaves a hole before the first line after a truncation.
      const line = text.startsWith('\0') ? text.replace(/^\0+/, '') : text;
      const read = readNumberedLine(line);
      if (read !== null) this.#mark(read.writer, read.n, event);
      else if (isBanner(line)) {
        const writer = line.split(' ')[3]!;
        this.banners.set(writer, (this.banners.get(writer) ?? 0) + 1);
      } else {
        this.alteredCount += 1;
        if (this.altered.length < 20) this.altered.push(`${event.eventId} [${event.streamOffset}, ${event.streamOffsetEnd}) ${event.source} part ${JSON.stringify(event.part)}: ${line.slice(0, 160)} ... ${line.slice(-40)}`);
      }
    }
  }

  #mark(writer: string, n: number, event: EventBody): void {
    let marks = this.marks.get(writer);
    if (marks === undefined) this.marks.set(writer, (marks = new LineMarks()));
    marks.mark(n);
    // Each output by itself: a line that a rotation cut lies in the stream from its rest on, behind what the other output wrote in between.
    const key = `${event.streamId} ${event.output ?? ''}`;
    let stream = this.#streams.get(key);
    if (stream === undefined) this.#streams.set(key, (stream = { offsets: [], ns: [] }));
    stream.offsets.push(event.streamOffset);
    stream.ns.push(n);
  }

  /** Streams in which a later byte carries an earlier number. */
  outOfOrder(): string[] {
    const wrong: string[] = [];
    for (const [streamId, { offsets, ns }] of this.#streams) {
      const order = offsets.map((_, index) => index).sort((a, b) => offsets[a]! - offsets[b]! || ns[a]! - ns[b]!);
      for (let at = 1; at < order.length; at++) {
        if (ns[order[at]!]! > ns[order[at - 1]!]!) continue;
        wrong.push(`${streamId} at ${offsets[order[at]!]!}: line ${ns[order[at]!]!} behind ${ns[order[at - 1]!]!}`);
        break;
      }
    }
    return wrong;
  }
}

const pageEvents = 5000;

export async function checkStore(dataDir: string): Promise<StoreCheck> {
  const queries = new Queries(new EmbeddedReader(dataDir), { ...defaultOptions(), queryMsMax: 600_000, queryEventsMax: 1_000_000_000 });
  const check = new StoreCheck();
  try {
    let cursor: string | undefined;
    do {
      const page = await queries.events({ query: '', limit: pageEvents, cursor }, new AbortController().signal);
      if (page.truncated) throw new Error(`the store's answer was cut after ${page.scanned.events} events`);
      for (const event of page.events) check.add(event);
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined);
  } finally {
    await queries.close();
  }
  return check;
}
