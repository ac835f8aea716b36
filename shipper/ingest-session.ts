/** One run of `ingest`: which bytes of each file are new, and their way to the acknowledgement. */
import { statSync } from 'node:fs';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { invariant } from '#lib/assert.ts';
import type { Chunk, Codec, Framing, PreviousStream } from '#schemas/chunk.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import type { Acknowledgement, StreamState, Transport } from '#schemas/transport.ts';
import { AckTracker } from './ack-tracker.ts';
import type { StreamProblem } from './balance.ts';
import type { ByteSource } from './byte-source.ts';
import { chunkValue, cutChunk, lookBytes, type OpenLine } from './chunker.ts';
import { checkedBytes, contentProblem } from './content-check.ts';
import type { FoundFile } from './discovery.ts';
import { headOf, mtimeMsOf, streamIdOf, streamName, tailBytesMax, tailHashOf } from './file-identity.ts';
import type { FileSource } from './file-source.ts';
import { firstOpenPiece, framingOf, noOpenPieces, openPiecesAfter } from './framing.ts';
import type { IngestOptions } from './ingest.ts';

export interface IngestedFile {
  path: string;
  source: string;
  /** Null for an empty or refused file. */
  streamId: string | null;
  /** Decompressed. */
  bytes: number;
  lines: number;
  /** Bytes that were not stored before. */
  bytesNew: number;
  droppedBytes: Record<string, number>;
  problems: StreamProblem[];
}

export interface IngestFile extends FileSource {
  path: string;
  open: () => ByteSource;
  file: FoundFile | null;
}

interface Live {
  tracker: AckTracker;
  state: StreamState;
  closeAcknowledged: boolean;
}

interface Start {
  generation: number;
  position: number;
  /** The byte before the position is no newline: the line there was cut. */
  insideLine: boolean;
  known: StreamState | null;
  problem: StreamProblem | null;
}

/** How often a wait for acknowledgements says what it waits for. */
const stallReportMs = 10_000;

export class IngestSession {
  readonly #transport: Transport;
  readonly #options: IngestOptions;
  readonly #log: Log;
  readonly #codec: Codec;
  readonly #clock: Clock;
  readonly #states = new Map<string, Promise<StreamState[]>>();
  readonly #live = new Map<string, Live>();
  readonly #openFiles = new Map<string, () => ByteSource>();
  readonly #reading = new Set<ByteSource>();
  readonly #previous = new Map<string, PreviousStream>();
  #wake: (() => void)[] = [];
  #failed = false;

  constructor(parts: { transport: Transport; options: IngestOptions; log: Log; codec: Codec; clock: Clock }) {
    this.#transport = parts.transport;
    this.#options = parts.options;
    this.#log = parts.log;
    this.#codec = parts.codec;
    this.#clock = parts.clock;
    this.#transport.onAcknowledged = acknowledgements => this.#acknowledged(acknowledgements);
  }

  diskBytesInWork(): number {
    let bytes = 0;
    for (const source of this.#reading) bytes += source.diskBytes;
    return bytes;
  }

  /** Another file's failure ends all waiting. */
  fail(): void {
    this.#failed = true;
    this.#wakeAll();
  }

  /** Whether streams of this source were ingested before. */
  async knows(source: string): Promise<boolean> {
    return (await this.#statesOf(source)).length > 0;
  }

  /** Files of one source must be given one after the other, oldest first. */
  async ingest(file: IngestFile, onProgress: () => void): Promise<IngestedFile> {
    const result: IngestedFile = { path: file.path, source: file.source, streamId: null, bytes: 0, lines: 0, bytesNew: 0, droppedBytes: {}, problems: [] };
    let bytes: ByteSource;
    try {
      bytes = file.open();
    } catch (error) {
      return this.#refused(result, new LeadlineError('PATH_NOT_READABLE', { path: file.path, systemCode: systemCodeOf(error) ?? 'unknown' }, { cause: error }));
    }
    this.#reading.add(bytes);
    try {
      await this.#ingestOpen(file, bytes, result, onProgress);
    } catch (error) {
      const systemCode = systemCodeOf(error);
      if (systemCode !== 'EIO' && systemCode !== 'EISDIR' && systemCode !== 'ESTALE') throw error;
      return this.#refused(result, new LeadlineError('PATH_NOT_READABLE', { path: file.path, systemCode }, { cause: error }));
    } finally {
      this.#reading.delete(bytes);
      bytes.close();
    }
    for (const problem of result.problems) this.#log.warn({ event: 'fileDoubted', path: problem.path, code: problem.code }, problem.message);
    this.#log.info({ event: 'fileIngested', path: file.path, streamId: result.streamId, bytes: result.bytes, bytesNew: result.bytesNew }, 'file ingested');
    return result;
  }

  #refused(result: IngestedFile, error: LeadlineError): IngestedFile {
    result.problems.push({ path: result.path, code: error.code, message: error.message });
    this.#log.warn({ event: 'fileRefused', path: result.path, code: error.code }, error.message);
    return result;
  }

  async #ingestOpen(file: IngestFile, bytes: ByteSource, result: IngestedFile, onProgress: () => void): Promise<void> {
    // [lead: up to 1,024 bytes before the position][bytes not yet sent]
    const buffer = Buffer.allocUnsafe(Math.max(lookBytes(this.#options), checkedBytes) + tailBytesMax);
    let length = await bytes.read(buffer.subarray(0, checkedBytes));
    if (length === 0) {
      if (bytes.problem !== null) result.problems.push(bytes.problem);
      return;
    }
    const first = buffer.subarray(0, length);
    const refusal = contentProblem(file.path, first, this.#options.includeBinary);
    if (refusal !== null) {
      this.#refused(result, refusal);
      return;
    }
    const head = Buffer.from(headOf(first, length < checkedBytes) ?? first.subarray(0, 0));
    const framing = framingOf(first);
    const name = streamName(file.sourceId, null, null, head);
    const known = (await this.#statesOf(file.source)).filter(state => state.name === name);
    const start: Start = known.length === 0 ? { generation: 0, position: 0, insideLine: false, known: null, problem: null } : await this.#startOf(file, known);
    if (start.problem !== null) result.problems.push(start.problem);
    const streamId = streamIdOf(name, start.generation);
    result.streamId = streamId;

    const state = this.#stateOf(file, start, streamId, name, head, framing);
    const live: Live = { tracker: new AckTracker(start.position, state.tailHash), state, closeAcknowledged: false };
    const isNew = start.known === null;
    let announced = false;
    const announce = async (): Promise<void> => {
      if (announced) return;
      announced = true;
      invariant(!this.#live.has(streamId), `stream ${streamId} is being read twice`);
      this.#live.set(streamId, live);
      state.closed = false;
      await this.#transport.publishStates([{ ...state }]); // known before sent
    };

    let lead = 0;
    let position = 0; // of the first byte behind the lead
    let openLine: OpenLine | null = start.insideLine ? { n: 1, bytes: 0, from: start.position } : null;
    let pieces = noOpenPieces;
    let readMs = this.#clock.nowMs();
    let lastByte = 10;
    let ended = length < checkedBytes;
    let publishedMs = readMs;
    const consume = (count: number): void => {
      const sent = buffer.subarray(lead, lead + count);
      result.lines += countNewlines(sent);
      if (count > 0) lastByte = sent[count - 1]!;
      const leadNext = Math.min(tailBytesMax, lead + count);
      buffer.copyWithin(0, lead + count - leadNext, lead + length);
      lead = leadNext;
      length -= count;
      position += count;
    };
    for (;;) {
      if (!ended && length < buffer.length - tailBytesMax) {
        const room = buffer.subarray(lead + length, lead + Math.max(length, buffer.length - tailBytesMax));
        const got = await bytes.read(room);
        ended = got < room.length;
        length += got;
        readMs = this.#clock.nowMs();
        onProgress();
      }
      if (position < start.position) {
        const skipped = Math.min(length, start.position - position);
        if (skipped === 0) break; // ended before what was stored before
        consume(skipped);
        continue;
      }
      const available = buffer.subarray(lead, lead + length);
      const cut = cutChunk(available, position, openLine, ended, this.#options);
      if (cut === null) {
        invariant(ended && length === 0, 'a full buffer holds a chunk');
        break;
      }
      const sent = available.subarray(0, cut.length);
      await announce();
      pieces = openPiecesAfter(sent, position, framing, pieces);
      const safe = cut.openLine?.from ?? firstOpenPiece(pieces) ?? position + cut.length;
      live.tracker.sent(position + cut.length, safe, tailHashOf(buffer.subarray(0, lead + cut.length), position + cut.length));
      const chunk = this.#chunk('lines', file, live.state, position, position + cut.length, readMs, chunkValue(sent, this.#codec), cut.part);
      result.bytesNew += cut.length;
      openLine = cut.openLine;
      consume(cut.length);
      state.readBytes = position;
      state.sizeBytes = Math.max(state.sizeBytes, position);
      await this.#transport.publish(chunk);
      await this.#room(openLine !== null || firstOpenPiece(pieces) !== null);
      if (this.#clock.nowMs() - publishedMs >= this.#options.stateIntervalMs) {
        publishedMs = this.#clock.nowMs();
        this.#settle(live);
        await this.#transport.publishStates([{ ...state }]);
      }
    }
    result.bytes = position;
    if (position > 0 && lastByte !== 10) result.lines += 1;
    if (bytes.problem !== null) result.problems.push(bytes.problem);
    const change = file.file === null ? null : changeWhileReading(file.file, bytes.diskBytes);
    if (change !== null) result.problems.push(change);

    if (announced || (start.known !== null && !start.known.closed && position >= start.position)) {
      await announce();
      await this.#transport.publish(this.#chunk('close', file, state, position, position, this.#clock.nowMs(), new Uint8Array(0), null));
      await this.#closed(live, position);
    }
    if (announced || isNew) this.#openFiles.set(streamId, file.open);
    if (position > 0) this.#previous.set(`${file.source}\0${file.chain}`, { streamId, end: position });
  }

  #stateOf(file: IngestFile, start: Start, streamId: string, name: string, head: Buffer, framing: Framing): StreamState {
    if (start.known !== null) return { ...start.known, path: file.path };
    return {
      streamId, name, generation: start.generation, source: file.source, sourceId: file.sourceId, partition: null, inode: null, birthTimeNs: null, head: head.toString('base64'), framing,
      origin: file.origin, path: file.path, previous: this.#previous.get(`${file.source}\0${file.chain}`) ?? null, closed: false, sizeBytes: 0, readBytes: 0, acknowledgedBytes: 0,
      droppedBytes: {}, gapBytes: 0, tailHash: null, bootId: null, readToEndMs: null, copiesAfterNs: null, readMtimeMs: null, truncatedMs: null,
    };
  }

  #chunk(kind: 'lines' | 'close', file: IngestFile, state: StreamState, offset: number, end: number, readMs: number, value: Uint8Array, part: Chunk['part']): Chunk {
    return {
      kind, source: file.source, streamId: state.streamId, offset, end, codec: kind === 'lines' ? this.#codec : 'none', framing: state.framing, lengths: null, part, previous: state.previous, gap: null,
      origin: state.origin, bootId: null, path: file.path, readMs, value,
    };
  }

  /** All streams that earlier runs ingested under this source. Tailed ones have an inode and are others. */
  #statesOf(source: string): Promise<StreamState[]> {
    let states = this.#states.get(source);
    if (states === undefined) {
      states = this.#transport.loadStates([source]).then(all => all.filter(state => state.inode === null));
      this.#states.set(source, states);
    }
    return states;
  }

  /** Where the new bytes of a file begin, judged against every generation of its name. Reads the whole file once. */
  async #startOf(file: IngestFile, known: readonly StreamState[]): Promise<Start> {
    const seen = await probe(file.open(), known);
    const nextGeneration = Math.max(...known.map(state => state.generation)) + 1;
    const from = (state: StreamState, position: number, problem: StreamProblem | null): Start => ({ generation: state.generation, position, insideLine: position > 0 && seen.insideLine.has(state.streamId), known: state, problem });
    const agreeing = known.filter(state => state.tailHash === null || state.acknowledgedBytes === 0 || seen.tailAgrees.has(state.streamId)).sort((a, b) => b.acknowledgedBytes - a.acknowledgedBytes);
    const whole = agreeing.find(state => seen.bytes >= state.acknowledgedBytes);
    if (whole !== undefined) return from(whole, whole.acknowledgedBytes, null);
    if (agreeing[0] !== undefined) return from(agreeing[0], agreeing[0].acknowledgedBytes, null);
    for (const state of known) {
      if (state.tailHash === null || seen.bytes >= state.tailHash.at) continue;
      const other = this.#openFiles.get(state.streamId);
      if (other !== undefined && !(await isPrefix(file.open(), other()))) continue;
      const problem = other !== undefined ? null : {
        path: file.path,
        code: 'SHORTER_THAN_STORED',
        message: `${file.path}: begins like a file that is stored already and is shorter (${seen.bytes} of ${state.acknowledgedBytes} bytes), so it was taken for an earlier copy of it and nothing was stored. If it is another file, ingest it with --source-id NAME or --service NAME in a folder of its own name.`,
      };
      return from(state, state.acknowledgedBytes, problem);
    }
    return { generation: nextGeneration, position: 0, insideLine: false, known: null, problem: null };
  }

  /** Waits while too much is in flight. An unfinished line is never acknowledged, so its own rest must get through. */
  async #room(insideLine: boolean): Promise<void> {
    while (!insideLine && !this.#failed && this.#inFlightBytes() >= this.#options.inFlightBytesMax) await this.#wait('room');
  }

  #inFlightBytes(): number {
    let bytes = 0;
    for (const { tracker } of this.#live.values()) bytes += tracker.inFlightBytes;
    return bytes;
  }

  async #closed(live: Live, end: number): Promise<void> {
    while (!this.#failed && (live.tracker.lowWaterMark < end || !live.closeAcknowledged)) await this.#wait(live.state.streamId);
    if (this.#failed) return;
    live.tracker.finish();
    this.#settle(live);
    live.state.closed = true;
    await this.#transport.publishStates([{ ...live.state }]);
    this.#live.delete(live.state.streamId);
    const states = await this.#statesOf(live.state.source);
    const index = states.findIndex(state => state.streamId === live.state.streamId);
    if (index < 0) states.push(live.state);
    else states[index] = live.state;
  }

  #settle(live: Live): void {
    live.state.acknowledgedBytes = live.tracker.safeOffset;
    live.state.tailHash = live.tracker.tail;
  }

  async #wait(reason: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const woken = new Promise<void>(resolve => {
      this.#wake.push(resolve);
      timer = setInterval(() => this.#log.warn({ event: 'acknowledgementAwaited', reason, inFlightBytes: this.#inFlightBytes() }, 'still waiting for what was read to be acknowledged'), stallReportMs);
    });
    await woken;
    clearInterval(timer);
  }

  #acknowledged(acknowledgements: readonly Acknowledgement[]): void {
    for (const { streamId, from, to, closed } of acknowledgements) {
      const live = this.#live.get(streamId);
      if (live === undefined) continue;
      live.tracker.acknowledged(from, to);
      if (closed) live.closeAcknowledged = true;
    }
    this.#wakeAll();
  }

  #wakeAll(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

/** About 0.05 us per line. */
function countNewlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count += 1;
  return count;
}

interface Probed {
  bytes: number;
  /** streamIds whose tail hash fits the bytes at its place. */
  tailAgrees: Set<string>;
  /** streamIds whose acknowledged position lies behind a byte that is no newline. */
  insideLine: Set<string>;
}

async function probe(source: ByteSource, known: readonly StreamState[]): Promise<Probed> {
  const result: Probed = { bytes: 0, tailAgrees: new Set(), insideLine: new Set() };
  const buffer = Buffer.allocUnsafe(tailBytesMax + 256 * 1024);
  let lead = 0;
  try {
    for (;;) {
      const room = buffer.subarray(lead);
      const got = await source.read(room);
      for (const { streamId, tailHash, acknowledgedBytes } of known) {
        if (tailHash !== null && tailHash.at > result.bytes && tailHash.at <= result.bytes + got) {
          if (tailHashOf(buffer.subarray(0, lead + tailHash.at - result.bytes), tailHash.at).hash === tailHash.hash) result.tailAgrees.add(streamId);
        }
        if (acknowledgedBytes > result.bytes && acknowledgedBytes <= result.bytes + got && room[acknowledgedBytes - result.bytes - 1] !== 10) result.insideLine.add(streamId);
      }
      result.bytes += got;
      if (got < room.length) return result;
      lead = tailBytesMax;
      buffer.copyWithin(0, buffer.length - tailBytesMax);
    }
  } finally {
    source.close();
  }
}

async function isPrefix(shorter: ByteSource, longer: ByteSource): Promise<boolean> {
  const a = Buffer.allocUnsafe(256 * 1024);
  const b = Buffer.allocUnsafe(256 * 1024);
  try {
    for (;;) {
      const [lengthA, lengthB] = [await shorter.read(a), await longer.read(b)];
      if (lengthA > lengthB || !a.subarray(0, lengthA).equals(b.subarray(0, lengthA))) return false;
      if (lengthA < a.length) return true;
    }
  } finally {
    shorter.close();
    longer.close();
  }
}

/** A file is finished only if it stayed what it was when it was found. */
function changeWhileReading(file: FoundFile, readBytes: number): StreamProblem | null {
  const changed = (code: string, what: string): StreamProblem => ({ path: file.path, code, message: `${file.path}: ${what} while it was being read. What was read of it is stored; ingest it again, or tail it with leadline up.` });
  let now;
  try {
    now = statSync(file.path, { bigint: true });
  } catch (error) {
    return systemCodeOf(error) === 'ENOENT' ? changed('FILE_REMOVED', 'was removed') : null;
  }
  if (now.ino.toString() !== file.inode || now.dev.toString() !== file.device) return changed('FILE_REPLACED', 'was replaced by another file');
  if (Number(now.size) < Math.max(file.sizeBytes, readBytes)) return changed('FILE_TRUNCATED', 'was truncated');
  if (Number(now.size) === file.sizeBytes && mtimeMsOf(now) !== file.mtimeMs) return changed('FILE_CHANGED', 'was changed in place');
  return null;
}
