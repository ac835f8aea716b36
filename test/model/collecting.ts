/** The real collector behind the topic, on a store in memory, with crashes of its own; and what it stored, as lines. */
import { coverage } from '#lib/byte-ranges.ts';
import type { Clock } from '#lib/clock.ts';
import { quietLog } from '#lib/log.ts';
import type { LogEvent } from '#schemas/event.ts';
import { defaultOptions, type Options } from '#schemas/options.ts';
import type { Acknowledgement, StreamState } from '#schemas/transport.ts';
import { Collector } from '../../collector/collector.ts';
import { MemoryStore } from '../helpers/memory-store.ts';
import { isFinishedAt } from './framed-lines.ts';
import type { Framing } from './lives.ts';
import type { Topic } from './topic.ts';

const topicId = 'the one topic';

export class Collecting {
  readonly store = new MemoryStore();
  onAcknowledged: (acknowledgements: readonly Acknowledgement[]) => void = () => undefined;
  readonly #topic: Topic;
  readonly #clock: Clock;
  /** Of what came before this record, only what was committed counts: both ends of the way died. */
  #lostBefore = 0;
  #collector: Collector;
  /** Records taken in. */
  #next = 0;
  #limits: Pick<Options, 'lineBytesMax' | 'openEventBytesMax'>;

  constructor(topic: Topic, clock: Clock, limits: Pick<Options, 'lineBytesMax' | 'openEventBytesMax'>) {
    this.#topic = topic;
    this.#clock = clock;
    this.#limits = limits;
    this.#collector = this.#fresh();
  }

  #fresh(): Collector {
    return new Collector({
      writer: this.store, options: { ...defaultOptions(), ...this.#limits, commitEventsMax: 7 }, rules: [], log: quietLog, clock: this.#clock,
      onAcknowledged: acknowledgements => this.onAcknowledged(acknowledgements), onCommitted: () => undefined,
    });
  }

  /** Takes in the next records, and commits where it is told to. */
  consume(count: number, commits: boolean): void {
    for (const { chunk, bytes } of this.#topic.records.slice(this.#next, this.#next + count)) {
      this.#collector.accept({ ...chunk, codec: 'none', value: bytes }, { topicId, partition: 0, recordOffset: BigInt(this.#next), timestampMs: this.#clock.nowMs() });
      this.#next += 1;
    }
    if (commits) void this.#collector.commit(true);
  }

  consumeAll(): void {
    this.consume(this.#topic.records.length - this.#next, true);
  }

  async takeStates(states: readonly StreamState[]): Promise<void> {
    const taken = this.#collector.acceptStates(states);
    void this.#collector.commit();
    await taken;
  }

  statesOf(sources: readonly string[]): StreamState[] {
    return this.#collector.statesOf(sources);
  }

  /**
   * What was not committed is gone. Reading begins again at the stored position, or, where that is lost too, at the first record; where there is no
   * topic between, what was on its way is gone.
   */
  crash(what: 'positionKept' | 'positionLost' | 'inFlightLost'): void {
    if (what === 'inFlightLost') this.#lostBefore = this.#topic.records.length;
    const position = what === 'positionLost' ? undefined : this.store.positions().find(each => each.topicId === topicId);
    this.#next = what === 'inFlightLost' ? this.#topic.records.length : Number(position?.recordOffset ?? 0);
    this.#collector = this.#fresh();
  }

  /**
   * What each stream gave to the events. To the model a life ends its line; the collector goes on with it in the stream that follows, as with one that
   * a rotation cut.
   */
  #events(): LogEvent[] {
    const { stored, begun } = this.store;
    const told = new Set(stored.map(({ eventId }) => eventId));
    return [...stored.filter(({ gap }) => gap === null), ...[...begun.values()].filter(({ eventId }) => !told.has(eventId))].map(event => {
      const { eventId, begunAs } = event;
      return begunAs === undefined || begunAs === eventId ? event : { ...event, raw: event.raw.subarray(begun.get(begunAs)!.raw.length) };
    });
  }

  /** The lines it stored, in stream order within each stream; and what is wrong with the events themselves. */
  lines(): { stored: Map<string, string[]>; wrong: string[] } {
    const stored = new Map<string, string[]>();
    const wrong: string[] = [];
    for (const [streamId, events] of Map.groupBy(this.#events(), event => event.streamId)) {
      const bytes = this.#topic.published.get(streamId) ?? Buffer.alloc(0);
      const framing = this.#topic.records.find(({ chunk }) => chunk.streamId === streamId)!.chunk.framing;
      stored.set(streamId, linesOf(events.toSorted((a, b) => a.streamOffset - b.streamOffset), bytes, framing));
      const ranges = this.store.lastKnown(streamId)!.storedRanges;
      const arrived = this.#topic.records.slice(this.#lostBefore).filter(({ chunk }) => chunk.streamId === streamId && chunk.kind === 'lines');
      for (const { chunk } of arrived) if (coverage({ from: chunk.offset, to: chunk.end }, ranges) !== 'all') wrong.push(`stream ${streamId}: bytes ${chunk.offset} to ${chunk.end} arrived and are not stored`);
    }
    return { stored, wrong };
  }
}

/** Texts of the events, joined again where one was cut before its line's end: an idle record that came twice does that to a long line. */
function linesOf(events: readonly LogEvent[], bytes: Buffer, framing: Framing): string[] {
  const lines: string[] = [];
  const openAt = new Map<string, number>();
  for (const event of events) {
    const output = event.output ?? '';
    const texts = Buffer.from(event.raw).toString('latin1').split('\n');
    const at = openAt.get(output);
    if (at !== undefined) lines[at] = lines[at]! + texts.shift()!;
    lines.push(...texts);
    const isOpen = !isFinishedAt(bytes, event.pieces.at(-1)!.to, framing);
    if (!isOpen) openAt.delete(output);
    else if (texts.length > 0) openAt.set(output, lines.length - 1);
  }
  return lines;
}
