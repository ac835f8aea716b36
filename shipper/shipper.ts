/**
 * THE LOOP of tailing: discover, name, make known, read, chunk, publish; and on acknowledgement move the checkpoint. See README.md for the steps.
 */
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { systemClock, type Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Codec } from '#schemas/chunk.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import { parsePathPattern } from '#schemas/path-pattern.ts';
import type { Acknowledgement, StreamState, Transport } from '#schemas/transport.ts';
import type { StreamBalance, StreamProblem } from './balance.ts';
import { loadCheckpoint, saveCheckpoint, type Checkpoint } from './checkpoint-store.ts';
import { checkedBytes, contentProblem } from './content-check.ts';
import { checkPaths, discover, type DiscoveryOptions, type FoundFile } from './discovery.ts';
import { BirthTimeProbe, headBytesMax, headOf, kernelBootId, machineId, streamName } from './file-identity.ts';
import { tailedSource } from './file-source.ts';
import { framingOf } from './framing.ts';
import { StreamDirectory, type Chain } from './stream-directory.ts';
import { StreamFeed, type Redact } from './stream-feed.ts';
import { lineStartBefore, readAt, StreamReader, tailHashAt } from './stream-reader.ts';
import type { TailedStream } from './tailed-stream.ts';

export type ShipperOptions = Pick<
  Options,
  | 'sourceId' | 'service' | 'container' | 'pod' | 'namespace' | 'node' | 'include' | 'exclude' | 'includeBinary' | 'pathPattern' | 'dataDir' | 'chunkBytesMax' | 'lineBytesMax' | 'inFlightBytesMax'
  | 'pollIntervalMs' | 'idlePollIntervalMs' | 'idleAfterMs' | 'openFilesMax' | 'from' | 'stateIntervalMs' | 'checkpointIntervalMs' | 'drainTimeoutMs' | 'ignoreOlderMs'
>;

export interface ShipperParts {
  /** Files, folders, globs. */
  paths: readonly string[];
  options: ShipperOptions;
  transport: Transport;
  checkpointPath: string;
  log: Log;
  clock?: Clock;
  /** How chunks are compressed; `none` in process. */
  codec?: Codec;
  /** Sees every chunk's bytes before they leave. */
  redact?: Redact | null;
}

/** A file that has not grown for this long is looked at only by scans. */
const activeMs = 60_000;
/** A rotated file may still be written by whoever had it open; it ends when it has not grown for this long. */
const quietMs = 2000;
/** Streams idle for longer than the first tell their state at the pace of the second. */
const longIdleMs = 600_000;
const longIdleStateMs = 60_000;
const retryMs = 1000;

/** `more`: look again at once. `soon`: at the next poll. `rest`: when a scan sees a change. */
type Pace = 'more' | 'soon' | 'rest';

export class Shipper {
  /** Resolves after `stop`; rejects when something broke that no retry mends. */
  readonly finished: Promise<void>;
  readonly #parts: ShipperParts;
  readonly #options: ShipperOptions;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #feed: StreamFeed;
  readonly #directory: StreamDirectory;
  readonly #discovery: DiscoveryOptions;
  readonly #births = new BirthTimeProbe();
  readonly #bootId = kernelBootId();
  readonly #live = new Map<string, TailedStream>();
  readonly #problems = new Map<string, StreamProblem>();
  /** Keys of those that the last scan found. */
  #scanProblems: ReadonlySet<string> = new Set();
  readonly #reportedCompressed = new Set<string>();
  #active = new Set<Chain>();
  #fromCheckpoint: StreamState[] = [];
  /** This is the first scan of a first start that was told to begin at the end. */
  #fromEnd = false;
  /** Message of the failure that is being retried, or null. */
  #failingBecause: string | null = null;
  #nextScanMs = 0;
  #nextStatesMs = 0;
  #nextSaveMs = 0;
  #unsaved = false;
  #saving: Promise<void> = Promise.resolve();
  #openFiles = 0;
  #stopping = false;
  #blocked = false;
  /** Counted at each turn's begin; what is acknowledged during the turn comes off at the next. */
  #inFlightBytes = 0;
  #wake = new AbortController();
  #settleFinished: { resolve: () => void; reject: (reason: unknown) => void };
  #loop: Promise<void> = Promise.resolve();

  constructor(parts: ShipperParts) {
    this.#parts = parts;
    this.#options = parts.options;
    this.#transport = parts.transport;
    this.#clock = parts.clock ?? systemClock;
    this.#log = parts.log;
    this.#feed = new StreamFeed({ limits: parts.options, transport: parts.transport, clock: this.#clock, codec: parts.codec ?? 'none', redact: parts.redact ?? null });
    const patterns = parts.options.pathPattern.map(parsePathPattern);
    const machine = parts.options.sourceId ?? machineId();
    this.#directory = new StreamDirectory(file => tailedSource(file, parts.options, patterns, machine), (source, known) => parts.transport.partitionOf(source, known), parts.log);
    this.#discovery = { include: parts.options.include, exclude: parts.options.exclude, skipFolders: [resolve(parts.options.dataDir), resolve(dirname(parts.checkpointPath))], compressed: false };
    const { promise, resolve: resolved, reject } = Promise.withResolvers<undefined>();
    this.finished = promise;
    this.finished.catch(() => undefined); // whoever does not ask is not bothered
    this.#settleFinished = { resolve: () => resolved(undefined), reject };
    this.#transport.onAcknowledged = acknowledgements => this.#acknowledged(acknowledgements);
  }

  /**
   * Loads what is known, looks at the files once and begins to read.
   * @throws LeadlineError PATH_NOT_FOUND
   */
  async start(): Promise<void> {
    await this.open();
    this.#loop = this.#run();
  }

  /** `start` without the loop: whoever calls this calls `turn`. */
  async open(): Promise<void> {
    checkPaths(this.#parts.paths);
    mkdirSync(dirname(resolve(this.#parts.checkpointPath)), { recursive: true });
    let checkpoint: Checkpoint | null = null;
    try {
      checkpoint = await loadCheckpoint(this.#parts.checkpointPath);
    } catch (error) {
      if (!(error instanceof LeadlineError)) throw error;
      this.#report({ path: this.#parts.checkpointPath, code: error.code, message: error.message });
    }
    this.#fromEnd = this.#options.from === 'end' && checkpoint === null && this.#problems.size === 0;
    this.#fromCheckpoint = checkpoint?.streams ?? [];
    this.#directory.rememberCopies(checkpoint?.copies ?? []);
    await this.#scan(this.#clock.nowMs());
    this.#fromEnd = false;
  }

  /**
   * Stops reading, tells the store that nothing follows for now, waits up to `drainTimeoutMs` for acknowledgements and saves the checkpoint.
   * @returns whether everything read was acknowledged
   */
  async stop(): Promise<boolean> {
    this.#stopping = true;
    this.#wake.abort();
    // A transport that takes nothing any more must not hold the process beyond its time.
    await Promise.race([this.#loop.then(() => this.#sayIdle()), this.#clock.sleep(this.#options.drainTimeoutMs)]);
    const drained = await this.#transport.drain(this.#options.drainTimeoutMs);
    await this.#publishStates(this.#directory.streams().filter(stream => stream.isAnnounced && stream.changed));
    // Without it positions come from the transport at the next start.
    await this.#save().catch((error: unknown) => this.#log.warn({ event: 'checkpointNotSaved' }, error instanceof Error ? error.message : String(error)));
    for (const stream of this.#directory.streams()) this.#closeReader(stream);
    this.#log.info({ event: 'shipperStopped', drained }, 'shipper stopped');
    this.#settleFinished.resolve();
    return drained;
  }

  /** Lets go of all files and does nothing more: what is left of a process that was killed. */
  abandon(): void {
    this.#stopping = true;
    this.#wake.abort();
    for (const stream of this.#directory.streams()) this.#closeReader(stream);
  }

  async #sayIdle(): Promise<void> {
    for (const stream of this.#live.values()) if (stream.idleOwed && stream.isAnnounced && stream.phase !== 'closed') await this.#feed.sendIdle(stream);
  }

  /** One balance per stream, those without a first line included. */
  status(): StreamBalance[] {
    return this.#directory.streams().filter(stream => stream.phase !== 'refused').map(stream => stream.balance());
  }

  /** What stands in the way now: unreadable files, folders without logs, refused and compressed files, a damaged checkpoint. */
  problems(): StreamProblem[] {
    return [...this.#problems.values()];
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopping) {
        let more = false;
        try {
          more = await this.turn();
          this.#failingBecause = null;
        } catch (error) {
          if (!(error instanceof LeadlineError && error.retryable)) throw error;
          // Said once, however often it is tried.
          if (this.#failingBecause !== error.message) this.#log.warn({ event: 'turnFailed', code: error.code }, error.message);
          this.#failingBecause = error.message;
          await this.#pause(retryMs);
        }
        if (!more && !this.#stopping) await this.#pause(this.#options.pollIntervalMs);
      }
    } catch (error) {
      this.#stopping = true;
      this.#log.error({ event: 'shipperFailed' }, error instanceof Error ? error.message : String(error));
      this.#settleFinished.reject(error);
    }
  }

  async #pause(ms: number): Promise<void> {
    this.#wake = new AbortController();
    await this.#clock.sleep(ms, this.#wake.signal);
  }

  /** Looks once at everything that may have changed. @returns whether there is more to do at once */
  async turn(): Promise<boolean> {
    const nowMs = this.#clock.nowMs();
    if (nowMs >= this.#nextScanMs) await this.#scan(nowMs);
    let more = false;
    this.#blocked = false;
    const named: TailedStream[] = [];
    this.#inFlightBytes = this.#countInFlight();
    for (const chain of this.#active) {
      if (this.#stopping) return false;
      const pace = await this.#advance(chain, nowMs, named);
      if (pace === 'more') more = true;
      else if (pace === 'rest') this.#active.delete(chain);
    }
    await this.#announce(named);
    if (nowMs >= this.#nextStatesMs) await this.#tellStates(nowMs);
    if (this.#unsaved && nowMs >= this.#nextSaveMs) await this.#save();
    return more || named.length > 0;
  }

  async #scan(nowMs: number): Promise<void> {
    const found = discover(this.#parts.paths, this.#discovery, this.#births);
    if (this.#options.ignoreOlderMs > 0) found.files = found.files.filter(file => Number(file.mtimeNs / 1_000_000n) >= nowMs - this.#options.ignoreOlderMs || this.#directory.unknownSources([file]).length === 0);
    this.#reportFound(found.problems, found.compressedPaths);
    const sources = new Set(this.#directory.unknownSources(found.files));
    for (const state of this.#fromCheckpoint) if (!this.#directory.chains.has(state.source)) sources.add(state.source);
    if (sources.size > 0) {
      const states = mergeStates(this.#fromCheckpoint, await this.#transport.loadStates([...sources]));
      this.#directory.know([...sources], states.filter(state => sources.has(state.source)));
      this.#fromCheckpoint = [];
    }
    const known = new Set(this.#live.values());
    const repartitioned: TailedStream[] = [];
    for (const chain of this.#directory.reconcile(found, nowMs)) this.#active.add(chain);
    for (const stream of this.#directory.streams()) {
      if (stream.phase === 'closed' || !stream.isAnnounced || known.has(stream)) continue;
      this.#live.set(stream.streamId, stream);
      this.#unsaved = true;
      if (stream.partition !== this.#directory.chainOf(stream).partition) repartitioned.push(stream);
    }
    if (this.#fromEnd) this.#skipWhatIsThere(found.files);
    if (repartitioned.length > 0) {
      // A transport that has partitions where the one before had none: known before sent.
      for (const stream of repartitioned) stream.partition = this.#directory.chainOf(stream).partition;
      await this.#save();
      await this.#publishStates(repartitioned);
    }
    if (this.#directory.copiesChanged) await this.#save();
    this.#openFiles = this.#directory.streams().filter(stream => stream.reader !== null).length;
    this.#nextScanMs = nowMs + this.#options.idlePollIntervalMs;
  }

  /** Of sources that nobody knows anything of, only what comes from now on is wanted. */
  #skipWhatIsThere(files: readonly FoundFile[]): void {
    const sizes = new Map(files.map(file => [file.path, file.sizeBytes]));
    for (const stream of this.#directory.streams()) {
      if (stream.phase === 'unnamed' && this.#directory.chainOf(stream).states.length === 0) stream.unwantedBytes = sizes.get(stream.path) ?? 0;
    }
  }

  #reportFound(problems: readonly StreamProblem[], compressedPaths: readonly string[]): void {
    const now = new Set(problems.map(problem => `${problem.code}\0${problem.path}`));
    // Only the scan's own: a file that is found and cannot be opened is no news at every scan.
    for (const key of this.#scanProblems) if (!now.has(key)) this.#problems.delete(key);
    this.#scanProblems = now;
    for (const problem of problems) this.#report(problem);
    for (const path of compressedPaths) {
      if (this.#reportedCompressed.has(path)) continue;
      this.#reportedCompressed.add(path);
      this.#report({ path, code: 'COMPRESSED_FILE', message: `${path}: is compressed and never grows, so it is not tailed. Read it with leadline ingest.` });
    }
  }

  #report(problem: StreamProblem): void {
    const key = `${problem.code}\0${problem.path}`;
    if (this.#problems.has(key)) return;
    this.#problems.set(key, problem);
    this.#log.warn({ event: 'problemFound', path: problem.path, code: problem.code }, problem.message);
  }

  /** One step of a source's first stream. */
  async #advance(chain: Chain, nowMs: number, named: TailedStream[]): Promise<Pace> {
    // An empty file holds nobody up.
    const stream = chain.streams.find((each, index) => !(each.phase === 'unnamed' && each.sizeBytes === 0 && each.lookedSizeBytes === 0 && index < chain.streams.length - 1));
    switch (stream?.phase) {
      case 'unnamed':
        return this.#name(chain, stream, nowMs, named);
      case 'reading':
      case 'draining':
        return this.#read(chain, stream, nowMs);
      case 'closing':
        if (!stream.closeAcknowledged || stream.tracker.lowWaterMark < stream.position) return 'soon';
        await this.#close(stream);
        return 'more';
      default:
        return 'rest';
    }
  }

  #isSuperseded(chain: Chain, stream: TailedStream): boolean {
    return chain.streams.indexOf(stream) < chain.streams.length - 1;
  }

  #name(chain: Chain, stream: TailedStream, nowMs: number, named: TailedStream[]): Pace {
    const reader = this.#reader(stream);
    if (reader === null) {
      if (!stream.present) this.#directory.drop(stream);
      return 'rest';
    }
    const stats = reader.stats();
    const sizeBytes = Number(stats.size);
    if (sizeBytes !== stream.lookedSizeBytes && stream.lookedSizeBytes >= 0) stream.lastGrowthMs = nowMs;
    const first = Buffer.alloc(Math.min(checkedBytes, sizeBytes));
    const length = readAt(reader.fd, first, 0);
    stream.lookedSizeBytes = sizeBytes;
    stream.lookedMtimeNs = stats.mtimeNs;
    stream.sizeBytes = sizeBytes;
    const ended = (!stream.present || this.#isSuperseded(chain, stream)) && nowMs - Math.max(stream.lastGrowthMs, stream.goneMs ?? 0) >= quietMs;
    const head = headOf(first.subarray(0, Math.min(length, headBytesMax)), ended);
    if (head === null) {
      if (ended && !stream.present) this.#directory.drop(stream);
      return nowMs - stream.lastGrowthMs < activeMs || this.#isSuperseded(chain, stream) || !stream.present ? 'soon' : 'rest';
    }
    // A known stream's next generation is a log, whatever a truncation left at its start.
    const refusal = stream.name === null ? contentProblem(stream.path, first.subarray(0, length), this.#options.includeBinary) : null;
    if (refusal !== null) {
      stream.phase = 'refused';
      this.#closeReader(stream);
      this.#directory.drop(stream);
      this.#report({ path: stream.path, code: refusal.code, message: refusal.message });
      return 'more';
    }
    stream.head = head;
    stream.seenStart = Buffer.from(first.subarray(0, Math.min(length, headBytesMax)));
    stream.framing = framingOf(first.subarray(0, length));
    if (stream.name === null) {
      const name = streamName(stream.source.sourceId, stream.inode, stream.birthTimeNs, head);
      stream.generation = this.#directory.generationFor(name, stream);
      stream.name = name;
    }
    stream.partition = chain.partition;
    if (stream.unwantedBytes > 0) {
      const wantedFrom = lineStartBefore(reader.fd, Math.min(stream.unwantedBytes, sizeBytes));
      if (wantedFrom > 0) stream.skip(tailHashAt(reader.fd, wantedFrom));
    }
    stream.previous = chain.lastEnded;
    stream.bootId = this.#bootId;
    named.push(stream);
    return 'soon';
  }

  /** Known before sent: on disk here, and acknowledged outside. */
  async #announce(named: readonly TailedStream[]): Promise<void> {
    if (named.length === 0) return;
    await this.#save(named);
    await this.#publishStates(named, 'reading');
    for (const stream of named) {
      stream.phase = 'reading';
      stream.lookedSizeBytes = -1;
      this.#live.set(stream.streamId, stream);
    }
  }

  async #read(chain: Chain, stream: TailedStream, nowMs: number): Promise<Pace> {
    if (stream.awaitsCopy) return 'soon'; // until the next scan
    const reader = this.#reader(stream);
    if (reader === null) {
      if (stream.present) return 'rest';
      return this.#end(stream, stream.phase === 'draining' ? 'truncated' : 'gone');
    }
    const isGone = !stream.present && (stream.readsCopy || reader.stats().nlink === 0n);
    const quietSinceMs = Math.max(stream.lastGrowthMs, stream.goneMs ?? 0);
    const ended = (isGone || this.#isSuperseded(chain, stream)) && nowMs - quietSinceMs >= quietMs;
    const before = stream.position;
    const fed = await this.#feed.feed(stream, ended, this.#inFlightBytes < this.#options.inFlightBytesMax);
    switch (fed) {
      case 'sent':
        this.#inFlightBytes += stream.position - before;
        return 'more';
      case 'blocked':
        this.#blocked = true;
        return 'soon';
      case 'truncated':
        if (stream.readsCopy) return this.#end(stream, 'truncated');
        this.#openFiles -= 1;
        this.#directory.truncated(stream);
        this.#unsaved = true;
        this.#nextScanMs = 0;
        return 'more';
      case 'atEnd':
        if (ended) return this.#end(stream, stream.readsCopy ? 'truncated' : 'gone');
        if (stream.idleOwed && nowMs - stream.lastGrowthMs >= this.#options.idleAfterMs) await this.#feed.sendIdle(stream);
        // More active files than may be open would be opened and closed in turns: scans then watch the quiet ones sooner.
        return nowMs - stream.lastGrowthMs < (this.#active.size > this.#options.openFilesMax ? this.#options.idleAfterMs : activeMs) || stream.idleOwed || this.#isSuperseded(chain, stream) || !stream.present ? 'soon' : 'rest';
    }
  }

  /** Everything that can be had of a stream is sent: says what is missing, and closes it. */
  async #end(stream: TailedStream, cause: string): Promise<Pace> {
    const missing = stream.sizeBytes - stream.position;
    if (missing > 0) {
      this.#log.warn({ event: 'bytesLost', path: stream.path, streamId: stream.streamId, cause, bytes: missing }, 'bytes were gone before they could be read');
      await this.#feed.sendGap(stream, cause, missing);
    }
    this.#closeReader(stream);
    await this.#feed.sendClose(stream);
    return 'soon';
  }

  async #close(stream: TailedStream): Promise<void> {
    stream.tracker.finish();
    await this.#publishStates([stream], 'closed');
    stream.phase = 'closed';
    this.#live.delete(stream.streamId);
    this.#directory.closed(stream);
    this.#unsaved = true;
    this.#log.info({ event: 'streamClosed', path: stream.path, streamId: stream.streamId, bytes: stream.position }, 'stream closed');
  }

  /** The stream's open file, or null where it cannot be had now. */
  #reader(stream: TailedStream): StreamReader | null {
    if (stream.reader !== null || !stream.present) return stream.reader;
    if (this.#openFiles >= this.#options.openFilesMax) this.#closeLeastActive();
    try {
      const reader = new StreamReader(stream.path);
      if (reader.stats().ino.toString() !== stream.inode) {
        reader.close(); // rotated since the last scan
        this.#nextScanMs = 0;
        return null;
      }
      this.#openFiles += 1;
      stream.reader = reader;
      this.#problems.delete(`PATH_NOT_READABLE\0${stream.path}`);
      return reader;
    } catch (error) {
      const systemCode = systemCodeOf(error);
      if (systemCode === null) throw error;
      if (systemCode === 'EMFILE' || systemCode === 'ENFILE') this.#closeLeastActive();
      else if (systemCode === 'ENOENT') this.#nextScanMs = 0;
      else {
        const problem = new LeadlineError('PATH_NOT_READABLE', { path: stream.path, systemCode });
        this.#report({ path: stream.path, code: problem.code, message: problem.message });
      }
      return null;
    }
  }

  #closeReader(stream: TailedStream): void {
    if (stream.reader === null) return;
    stream.reader.close();
    stream.reader = null;
    this.#openFiles = Math.max(0, this.#openFiles - 1);
  }

  /** Closes an eighth of the open files, the least recently active; only those that can be opened again by their path. */
  #closeLeastActive(): void {
    const open = this.#directory.streams().filter(stream => stream.reader !== null && stream.present && !stream.readsCopy);
    open.sort((a, b) => a.lastGrowthMs - b.lastGrowthMs);
    for (const stream of open.slice(0, Math.max(1, this.#options.openFilesMax >> 3))) this.#closeReader(stream);
  }

  #countInFlight(): number {
    let bytes = 0;
    for (const stream of this.#live.values()) bytes += stream.tracker.inFlightBytes;
    return bytes;
  }

  #acknowledged(acknowledgements: readonly Acknowledgement[]): void {
    for (const { streamId, from, to, closed } of acknowledgements) {
      const stream = this.#live.get(streamId);
      if (stream === undefined) continue;
      if (stream.tracker.acknowledged(from, to)) {
        stream.changed = true;
        this.#unsaved = true;
      }
      if (closed && stream.phase === 'closing') stream.closeAcknowledged = true;
    }
    if (this.#blocked) this.#wake.abort();
  }

  /** @param phase the phase that is about to begin and that the state already tells */
  async #publishStates(streams: readonly TailedStream[], phase?: 'reading' | 'closed'): Promise<void> {
    if (streams.length === 0) return;
    const states = streams.map(stream => (phase === undefined ? stream.state() : { ...stream.state(), closed: phase === 'closed' }));
    for (const stream of streams) {
      stream.changed = false;
      stream.publishedMs = this.#clock.nowMs();
    }
    await this.#transport.publishStates(states);
  }

  async #tellStates(nowMs: number): Promise<void> {
    this.#nextStatesMs = nowMs + this.#options.stateIntervalMs;
    const due = this.#directory.streams().filter(stream => {
      if (!stream.isAnnounced || stream.phase === 'closed') return false;
      // An idle stream's "read to its end" has to move on: detectors take it for their watermark.
      const paceMs = nowMs - stream.lastGrowthMs < longIdleMs ? this.#options.stateIntervalMs : longIdleStateMs;
      return stream.changed || (stream.readToEndMs !== null && nowMs - stream.publishedMs >= paceMs);
    });
    await this.#publishStates(due);
  }

  /** @param also streams that are about to be announced */
  async #save(also: readonly TailedStream[] = []): Promise<void> {
    this.#unsaved = false;
    this.#directory.copiesChanged = false;
    const beganMs = performance.now();
    const streams = new Set([...this.#directory.streams().filter(stream => stream.isAnnounced), ...also]);
    const checkpoint: Checkpoint = { streams: [...[...streams].map(stream => stream.state()), ...this.#directory.unmatchedStates()], copies: this.#directory.copies() };
    this.#saving = this.#saving.catch(() => undefined).then(() => saveCheckpoint(this.#parts.checkpointPath, checkpoint));
    try {
      await this.#saving;
    } catch (error) {
      this.#unsaved = true;
      throw error;
    }
    // With many streams the file is large: writing it takes at most a tenth of the time.
    this.#nextSaveMs = this.#clock.nowMs() + Math.max(this.#options.checkpointIntervalMs, 10 * (performance.now() - beganMs));
  }
}

/** Per stream the further position of the two; whether it is closed is what the outside was told. */
function mergeStates(own: readonly StreamState[], outside: readonly StreamState[]): StreamState[] {
  const merged = new Map(own.map(state => [state.streamId, state]));
  for (const state of outside) {
    const ours = merged.get(state.streamId);
    if (ours === undefined) {
      merged.set(state.streamId, state);
      continue;
    }
    const further = ours.acknowledgedBytes > state.acknowledgedBytes ? ours : state;
    const tails = [ours.tailHash, state.tailHash].filter(tail => tail !== null && tail.at <= further.acknowledgedBytes).sort((a, b) => b!.at - a!.at);
    merged.set(state.streamId, { ...further, closed: state.closed, tailHash: tails[0] ?? null, sizeBytes: Math.max(ours.sizeBytes, state.sizeBytes) });
  }
  // Closed on disk only: the outside has to be told again.
  for (const state of own) if (state.closed && !outside.some(each => each.streamId === state.streamId)) merged.set(state.streamId, { ...state, closed: false });
  return [...merged.values()];
}
