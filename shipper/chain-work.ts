/**
 * What there is to do for the sources that have something to do: each one's first stream is named, read, said to be idle, ended. The quiet ones come
 * first, and the loud ones share what is left of a turn by bytes.
 */
import { breath } from '#lib/breath.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Codec } from '#schemas/chunk.ts';
import type { Options } from '#schemas/options.ts';
import type { Chain } from './chain.ts';
import { kernelBootId } from './file-identity.ts';
import { nameStream } from './naming.ts';
import type { OpenFiles } from './open-files.ts';
import type { Outbox } from './outbox.ts';
import type { Problems } from './problems.ts';
import { PackedReader } from './packed-reader.ts';
import { RoomWaiters } from './room-waiters.ts';
import { fileCase } from './rotation.ts';
import type { StreamDirectory } from './stream-directory.ts';
import { StreamFeed, type Look, type Redact } from './stream-feed.ts';
import { StreamReader, type ByteReader } from './stream-reader.ts';
import type { TailedStream } from './tailed-stream.ts';

export type WorkOptions = Pick<Options, 'includeBinary' | 'chunkBytesMax' | 'lineBytesMax' | 'inFlightBytesMax' | 'pollIntervalMs' | 'idleAfterMs' | 'openFilesMax'>;

export interface WorkParts {
  options: WorkOptions;
  outbox: Outbox;
  files: OpenFiles;
  directory: StreamDirectory;
  problems: Problems;
  clock: Clock;
  log: Log;
  codec: Codec;
  redact: Redact | null;
  /** A file that has not grown for this long is looked at only by the sweep. */
  activeMs: number;
  /** What was waited for is there. */
  onReady: () => void;
  /** A path does not name the file that it named. */
  onAmiss: () => void;
}

/** What a turn found that others have to tell. */
export interface Advanced {
  more: boolean;
  /** To be made known before they are sent. */
  named: TailedStream[];
  /** Closed, with everything acknowledged; their closed state has to be told. */
  ended: TailedStream[];
}

interface SeenFile extends Look {
  /** Under none of the PATHs. */
  isGone: boolean;
  /** No path leads to it any more. */
  isDeleted: boolean;
}

/** One that has not grown for this long is looked at every fourth time. */
const warmAfterMs = 2000;
const warmPolls = 4;
/** After so many looks in a row that found growth a file is looked at every second time: larger chunks cost less, and nobody waits longer than two polls. */
const steadyLooks = 8;
const steadyPolls = 2;
/** A pause ends a little early now and then; what is due by then is done, and not a poll later. */
const earlyMs = 2;
/** With thousands of such files more seldom, so that the looks (2 us each) stay under 2 % of a core, and with this many only the sweep looks at them. */
const warmMsPerSource = 0.1;
const warmSourcesMax = 1000;
/** A rotated file may still be written by whoever had it open: it ends when it has not grown for this long. */
const quietMs = 2000;
/** The same where everything is read up to a whole line and its successor has bytes that wait. */
const shortQuietMs = 250;
/** Chunks that loud sources may send in one turn, before the quiet ones are looked at again. */
const loudChunksMax = 4;
/** Of the bytes in flight this part is kept for sources that send little. */
const quietShare = 1 / 4;

/** `more`: look again at once. `soon`: at the next poll. `warm`: every few polls. `rest`: when a look sees a change. */
type Pace = 'more' | 'soon' | 'warm' | 'rest';

export class ChainWork {
  readonly #parts: WorkParts;
  readonly #options: WorkOptions;
  readonly #feed: StreamFeed;
  readonly #bootId = kernelBootId();
  readonly #active = new Set<Chain>();
  readonly #waiters = new RoomWaiters();
  #advancedMs = 0;
  /** Reading waits for acknowledgements or for the transport. */
  waitsForRoom = false;
  /** A compressed file is being unpacked beside the loop. */
  isUnpacking = false;

  constructor(parts: WorkParts) {
    this.#parts = parts;
    this.#options = parts.options;
    this.#feed = new StreamFeed({ limits: parts.options, outbox: parts.outbox, clock: parts.clock, codec: parts.codec, redact: parts.redact });
  }

  /** The source may have something to do. One that grows all the time has its turn anyway. */
  add(chain: Chain): void {
    if (chain.grownLooks < steadyLooks) chain.dueMs = 0;
    this.#active.add(chain);
  }

  /** Sources that rounds look at. */
  get size(): number {
    return this.#active.size;
  }

  /** Whether rounds look at the source at all. */
  has(chain: Chain): boolean {
    return this.#active.has(chain);
  }

  /** Whether a coming round looks at the source in time whatever anybody says: the next, or for a file that grows all the time the one after. */
  isDueSoon(chain: Chain): boolean {
    return this.#active.has(chain) && (chain.dueMs <= this.#advancedMs || chain.grownLooks >= steadyLooks);
  }

  /** How long nothing is due. */
  restMs(nowMs: number): number {
    const { pollIntervalMs } = this.#options;
    let restMs = warmPolls * pollIntervalMs;
    for (const chain of this.#active) {
      restMs = Math.min(restMs, chain.dueMs - nowMs);
      if (restMs <= pollIntervalMs) return pollIntervalMs;
    }
    return restMs;
  }

  /** Does one step for each source that is due. */
  async advance(nowMs: number, isStopping: () => boolean): Promise<Advanced> {
    const advanced: Advanced = { more: false, named: [], ended: [] };
    this.#advancedMs = nowMs;
    this.waitsForRoom = false;
    this.isUnpacking = false;
    const othersWaitOn = this.#hasRoomForOne && this.#waiters.letTryAgain();
    const loud: Chain[] = [];
    for (const chain of this.#active) {
      if (chain.dueMs > nowMs + earlyMs) continue;
      if (chain.isLoud) loud.push(chain);
      else if (isStopping()) return advanced;
      else if (this.#step(chain, nowMs, advanced)) await breath();
    }
    for (const [index, chain] of loud.entries()) {
      if (isStopping()) return advanced;
      if (index >= loudChunksMax) {
        // Without room the next acknowledgement wakes the loop.
        advanced.more ||= !this.waitsForRoom;
        break;
      }
      // Behind the others for the next turn.
      this.#active.delete(chain);
      this.#active.add(chain);
      if (this.#step(chain, nowMs, advanced)) await breath();
    }
    advanced.more ||= othersWaitOn && this.#hasRoomForOne;
    this.waitsForRoom ||= !this.#waiters.isEmpty;
    return advanced;
  }

  /**
   * Nothing follows for now: it ends. A line that is half written goes on at the next start, and Kafka acknowledges what it has; where only the store
   * does, nobody waits for the rest. Of what is not read to its end more follows.
   */
  sayIdle(streams: Iterable<TailedStream>): void {
    for (const stream of streams) if (stream.idleOwed && stream.readToEndMs !== null && stream.isTold && stream.isAnnounced && stream.phase !== 'closed' && (stream.partition === null || !stream.isInsideLine)) this.#feed.sendIdle(stream);
  }

  /** @returns whether something was handed over */
  #step(chain: Chain, nowMs: number, advanced: Advanced): boolean {
    const { outbox } = this.#parts;
    const sentBefore = chain.sentBytes;
    const handedBefore = outbox.handed;
    const othersWait = this.waitsForRoom;
    this.waitsForRoom = false;
    const pace = this.#advance(chain, nowMs, advanced);
    const hasNoRoom = this.waitsForRoom;
    this.waitsForRoom ||= othersWait;
    if (pace === 'more') advanced.more = true;
    const sent = chain.sentBytes > sentBefore;
    chain.isLoud = (sent && pace === 'more') || (chain.isLoud && this.waitsForRoom);
    this.#countGrowth(chain, pace, sent, nowMs);
    const waits = hasNoRoom && !chain.isLoud;
    chain.dueMs = nowMs + this.#pauseMs(chain, waits ? 'warm' : pace, sent);
    if (waits) this.#waiters.add(chain);
    if (pace === 'rest') this.#active.delete(chain);
    return outbox.handed > handedBefore;
  }

  /** Looks that an acknowledgement woke the loop for, just after a look that found growth, say nothing. */
  #countGrowth(chain: Chain, pace: Pace, sent: boolean, nowMs: number): void {
    const { pollIntervalMs } = this.#options;
    const sinceMs = nowMs - chain.grownMs;
    if (pace !== 'soon') chain.grownLooks = 0;
    else if (sent && sinceMs >= pollIntervalMs / 2) {
      chain.grownLooks += 1;
      chain.grownMs = nowMs;
    } else if (sinceMs > (steadyPolls + 1) * pollIntervalMs) chain.grownLooks = 0;
  }

  #pauseMs(chain: Chain, pace: Pace, sent: boolean): number {
    const { pollIntervalMs } = this.#options;
    if (pace === 'warm') return Math.max(warmPolls * pollIntervalMs, this.#active.size * warmMsPerSource);
    if (chain.grownLooks >= steadyLooks) return steadyPolls * pollIntervalMs;
    // It was read to its end just now; an acknowledgement that wakes the loop finds nothing new.
    return sent && pace === 'soon' ? 0.8 * pollIntervalMs : 0;
  }

  /** One step of a source's first stream. */
  #advance(chain: Chain, nowMs: number, advanced: Advanced): Pace {
    if (chain.waitsForOlder) return 'soon';
    const stream = chain.current;
    switch (stream?.phase) {
      case 'unnamed':
        return this.#name(chain, stream, nowMs);
      case 'announcing':
        return this.#announce(stream, advanced);
      case 'reading':
      case 'draining':
        return stream.isTold ? this.#read(chain, stream, nowMs) : this.#announce(stream, advanced);
      case 'closing':
        if (stream.closeAcknowledged && stream.tracker.lowWaterMark >= stream.position && !stream.isTelling) {
          // Told as it is from now on: with its open pieces left out, whoever meets the file again would send them, and its end, once more.
          stream.tracker.finish();
          advanced.ended.push(stream);
        }
        return 'soon';
      default:
        return 'rest';
    }
  }

  #announce(stream: TailedStream, advanced: Advanced): Pace {
    if (!stream.isTelling) advanced.named.push(stream);
    return 'soon';
  }

  #name(chain: Chain, stream: TailedStream, nowMs: number): Pace {
    const { directory, files, problems } = this.#parts;
    const look = this.#lookAt(stream);
    if (look === null) {
      if (!stream.present) this.#dropUnnamed(stream);
      return 'soon';
    }
    if (look.sizeBytes !== stream.lookedSizeBytes && stream.lookedSizeBytes >= 0) stream.lastGrowthMs = nowMs;
    const isAtEnd = !stream.present || chain.isSuperseded(stream);
    const ended = isAtEnd && nowMs - Math.max(stream.lastGrowthMs, stream.goneMs ?? 0) >= quietMs;
    const later = (): Pace => (isAtEnd ? 'soon' : this.#paceOf(stream, nowMs));
    if (look.sizeBytes === stream.lookedSizeBytes && look.mtimeMs === stream.lookedMtimeMs && !ended) return later();
    const reader = this.#readerOf(stream, nowMs);
    if (!(reader instanceof StreamReader)) return 'soon';
    const naming = nameStream(stream, chain, reader, look, ended, this.#options.includeBinary, this.#bootId);
    if (naming === 'waiting') {
      if (ended && !stream.present) directory.drop(stream);
      return later();
    }
    if (naming === 'named') {
      stream.phase = 'announcing';
      return 'more';
    }
    stream.phase = 'refused';
    files.close(stream);
    directory.drop(stream);
    problems.report({ path: stream.path, code: naming.code, message: naming.message });
    return 'more';
  }

  #dropUnnamed(stream: TailedStream): void {
    if (stream.sizeBytes > 0) this.#parts.log.warn({ event: 'bytesLost', path: stream.path, cause: 'deleted', bytes: stream.sizeBytes }, 'a file was gone before its first line could be read');
    this.#parts.directory.drop(stream);
  }

  #read(chain: Chain, stream: TailedStream, nowMs: number): Pace {
    if (stream.awaitsCopy) return 'soon'; // until the next refresh
    if (stream.readsCopy && this.#parts.directory.copies.changed) return 'soon'; // until it is on disk
    const look = this.#lookAt(stream);
    if (look === null) {
      if (stream.present) return 'soon';
      return this.#end(stream, stream.phase === 'draining' ? 'truncated' : 'deleted');
    }
    // A copy has its own size, which may be less than was seen of the original.
    if (!stream.readsCopy && fileCase(stream, { seen: 'file', samePath: true, sameFile: true, sizeBytes: look.sizeBytes, headAgrees: null, tailAgrees: null }) === 'truncated') return this.#truncated(stream);
    const unchanged = look.sizeBytes === stream.lookedSizeBytes && look.mtimeMs === stream.lookedMtimeMs;
    if (look.sizeBytes > stream.sizeBytes) stream.lastGrowthMs = nowMs;
    stream.mtimeMs = look.mtimeMs;
    const ended = unchanged && this.#hasEnded(chain, stream, look, nowMs);
    // Nothing new since a look that found the end; a change of time alone may be a truncation regrown to the same size.
    if (unchanged && !ended && stream.readToEndMs !== null) {
      stream.readToEndMs = nowMs;
      return this.#atEnd(chain, stream, nowMs);
    }
    const reader = this.#readerOf(stream, nowMs);
    if (reader === null) return 'soon';
    if (reader instanceof PackedReader && !reader.isReadyAt(stream.position)) {
      reader.fill(stream.position, this.#parts.onReady);
      this.isUnpacking = true;
      return 'soon';
    }
    if (!stream.isInsideLine && !this.#hasRoom(chain)) {
      this.waitsForRoom = true;
      // What is there belongs to the stream only if its bytes do: a size alone may be that of a file that was truncated and has grown again.
      if (!unchanged && !this.#proves(stream, reader, look)) return this.#truncated(stream);
      return 'soon';
    }
    const before = stream.position;
    const fed = this.#feed.feed(stream, reader, look, ended);
    chain.sentBytes += stream.position - before;
    if (stream.position > before) stream.sentMs = nowMs;
    switch (fed) {
      case 'sent':
        return 'more';
      case 'truncated':
        return stream.readsCopy ? this.#end(stream, 'truncated') : this.#truncated(stream);
      case 'atEnd':
        return ended ? this.#end(stream, stream.readsCopy ? 'truncated' : 'deleted') : this.#atEnd(chain, stream, nowMs);
    }
  }

  /** Whether no more bytes will come, as far as anybody can tell; a stream that grows all the same is opened again. */
  #hasEnded(chain: Chain, stream: TailedStream, look: SeenFile, nowMs: number): boolean {
    if (!look.isGone && !chain.isSuperseded(stream)) return false;
    const isWhole = stream.position >= look.sizeBytes && !stream.isInsideLine;
    const somebodyWaits = chain.streams.some(each => each !== stream && (each.file?.sizeBytes ?? each.sizeBytes) > 0);
    return nowMs - Math.max(stream.lastGrowthMs, stream.goneMs ?? 0) >= (isWhole && (somebodyWaits || look.isDeleted) ? shortQuietMs : quietMs);
  }

  #proves(stream: TailedStream, reader: ByteReader, look: Look): boolean {
    if (!reader.proves(look.sizeBytes, stream.head, stream.tail)) return stream.readsCopy;
    if (reader.isComplete) stream.sizeBytes = Math.max(stream.sizeBytes, look.sizeBytes);
    return true;
  }

  #truncated(stream: TailedStream): Pace {
    this.#parts.directory.truncated(stream);
    this.#parts.onAmiss();
    return 'soon';
  }

  #atEnd(chain: Chain, stream: TailedStream, nowMs: number): Pace {
    // When it grew the file may say by another clock: the rest of a half written line is waited for by ours.
    const quietSinceMs = stream.isInsideLine ? Math.max(stream.lastGrowthMs, stream.sentMs) : stream.lastGrowthMs;
    if (stream.idleOwed && nowMs - quietSinceMs >= this.#options.idleAfterMs) this.#feed.sendIdle(stream);
    if (stream.idleOwed || chain.isSuperseded(stream) || !stream.present) return 'soon';
    return this.#paceOf(stream, nowMs);
  }

  #paceOf(stream: TailedStream, nowMs: number): Pace {
    const quietMs = nowMs - stream.lastGrowthMs;
    return quietMs < warmAfterMs ? 'soon' : quietMs < this.#parts.activeMs && this.#active.size <= warmSourcesMax ? 'warm' : 'rest';
  }

  /** Everything that can be had of a stream is sent: says what is missing, and closes it. */
  #end(stream: TailedStream, cause: string): Pace {
    const missing = stream.sizeBytes - stream.position;
    if (missing > 0) {
      this.#parts.log.warn({ event: 'bytesLost', path: stream.path, streamId: stream.streamId, cause, bytes: missing }, 'bytes were gone before they could be read');
      this.#feed.sendGap(stream, cause, missing);
    }
    if (stream.reader instanceof PackedReader && stream.reader.problem !== null) this.#parts.problems.report(stream.reader.problem);
    this.#parts.files.close(stream);
    this.#feed.sendClose(stream);
    return 'soon';
  }

  /** What the stream's file is now: by its path where it has one, by its descriptor where it has not; null where neither can be looked at. */
  #lookAt(stream: TailedStream): SeenFile | null {
    const { file } = stream;
    if (file !== null && !stream.readsCopy) {
      const seen = file.look();
      if (seen === 'same' || seen === 'changed') return { sizeBytes: file.sizeBytes, mtimeMs: file.mtimeMs, isGone: false, isDeleted: false };
      if (seen !== 'unseen') this.#parts.onAmiss();
    }
    if (stream.reader === null) return null;
    const { size, mtimeMs, nlink } = stream.reader.stats();
    return { sizeBytes: size, mtimeMs, isGone: !stream.present, isDeleted: stream.readsCopy || nlink === 0 };
  }

  #readerOf(stream: TailedStream, nowMs: number): ByteReader | null {
    const reader = this.#parts.files.readerOf(stream, nowMs);
    if (reader !== 'rotated') return reader;
    this.#parts.onAmiss();
    return null;
  }

  get #hasRoomForOne(): boolean {
    return !this.#parts.outbox.isFull && this.#parts.outbox.inFlightBytes < this.#options.inFlightBytesMax;
  }

  /** Whether one more chunk of the source may be in flight. Loud ones leave room for those that send little. */
  #hasRoom(chain: Chain): boolean {
    const { outbox } = this.#parts;
    if (outbox.isFull) return false;
    const limit = this.#options.inFlightBytesMax;
    return outbox.inFlightBytes < (chain.isLoud && this.#active.size > 1 ? limit * (1 - quietShare) : limit);
  }
}
