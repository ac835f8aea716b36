/**
 * THE LOOP of tailing: look, match, name, make known, read, chunk, hand over; and on acknowledgement move the checkpoint. See README.md for the
 * steps. It never waits for the transport: files rotate on while a broker is away.
 */
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { breath } from '#lib/breath.ts';
import { systemClock, type Clock, type SteadyTime } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Codec } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import { parsePathPattern } from '#schemas/path-pattern.ts';
import type { Acknowledgement, Transport } from '#schemas/transport.ts';
import type { FileWorkCounts, StreamBalance, StreamProblem } from './balance.ts';
import { ChainWork, type WorkOptions } from './chain-work.ts';
import { CheckpointKeeper } from './checkpoint-keeper.ts';
import { loadCheckpoint, type Checkpoint } from './checkpoint-store.ts';
import { checkPaths } from './discovery.ts';
import { FileIndex } from './file-index.ts';
import { BirthTimeProbe, machineId } from './file-identity.ts';
import { tailedSource } from './file-source.ts';
import { Lookout, type LookoutOptions } from './lookout.ts';
import { OpenFiles } from './open-files.ts';
import { Outbox } from './outbox.ts';
import { Problems } from './problems.ts';
import { StateTeller } from './state-teller.ts';
import { SteadyClock } from './steady-clock.ts';
import { StreamDirectory } from './stream-directory.ts';
import type { Redact } from './stream-feed.ts';
import type { TailedStream } from './tailed-stream.ts';
import { TwinSearch } from './twin-search.ts';
import { WatchedFolders } from './watched-folders.ts';

export type ShipperOptions = WorkOptions & LookoutOptions & Pick<Options, 'watch' | 'sourceId' | 'service' | 'container' | 'pod' | 'namespace' | 'node' | 'include' | 'exclude' | 'pathPattern' | 'dataDir' | 'openFilesMax' | 'stateIntervalMs' | 'checkpointIntervalMs' | 'drainTimeoutMs'>;

export interface ShipperParts {
  /** Files, folders, globs. */
  paths: readonly string[];
  options: ShipperOptions;
  transport: Transport;
  checkpointPath: string;
  log: Log;
  clock?: Clock & SteadyTime;
  /** How chunks are compressed; `none` in process. */
  codec?: Codec;
  /** Sees every chunk's bytes before they leave. */
  redact?: Redact | null;
  /** A file that has not grown for this long is looked at only by the sweep, and its source comes to rest: a minute unless told otherwise. */
  activeMs?: number;
}

const activeMsDefault = 60_000;
const retryMs = 1000;
/** Between two looks while it ends: nobody waits longer than needed. */
const endingRestMs = 25;

export class Shipper {
  /** Resolves after `stop`; rejects when something broke that no retry mends. */
  readonly finished: Promise<void>;
  readonly #parts: ShipperParts;
  readonly #options: ShipperOptions;
  readonly #transport: Transport;
  readonly #clock: Clock & SteadyTime;
  readonly #steady: SteadyClock;
  readonly #log: Log;
  readonly #problems: Problems;
  readonly #directory: StreamDirectory;
  readonly #files: OpenFiles;
  readonly #outbox: Outbox;
  readonly #teller: StateTeller;
  readonly #keeper: CheckpointKeeper;
  readonly #lookout: Lookout;
  readonly #work: ChainWork;
  readonly #twins: TwinSearch;
  readonly #watched: WatchedFolders | null;
  /** Message of the failure that is being retried, or null. */
  #failingBecause: string | null = null;
  /** After a checkpoint that could not be written. */
  #nextAnnounceMs = 0;
  /** Told to end: what is there is read to its end first. */
  #isEnding = false;
  #stopping = false;
  #wake = new AbortController();
  #settleFinished: { resolve: () => void; reject: (reason: unknown) => void };
  #loop: Promise<void> = Promise.resolve();

  constructor(parts: ShipperParts) {
    const { options, transport, log } = parts;
    this.#parts = parts;
    this.#options = options;
    this.#transport = transport;
    this.#clock = parts.clock ?? systemClock;
    this.#steady = new SteadyClock(this.#clock);
    this.#log = log;
    const wake = (): void => this.#wake.abort();
    this.#problems = new Problems(log);
    this.#outbox = new Outbox(transport, wake);
    this.#teller = new StateTeller({ transport, clock: this.#clock, stateIntervalMs: options.stateIntervalMs, onTold: wake });
    const over = (code: string, path: string): void => this.#problems.over(code, path);
    this.#files = new OpenFiles({ openFilesMax: options.openFilesMax, report: problem => this.#problems.report(problem), over });
    const patterns = options.pathPattern.map(parsePathPattern);
    const machine = options.sourceId ?? machineId();
    this.#directory = new StreamDirectory({ sourceOf: file => tailedSource(file, options, patterns, machine), partitionOf: (source, known) => transport.partitionOf(source, known), files: this.#files, log });
    this.#keeper = new CheckpointKeeper({
      path: parts.checkpointPath,
      checkpointIntervalMs: options.checkpointIntervalMs,
      collect: () => this.#directory.checkpoint(),
      onOutcome: error => (error === null ? over('CHECKPOINT_NOT_SAVED', parts.checkpointPath) : this.#problems.report({ path: parts.checkpointPath, code: error.code, message: error.message })),
    });
    const index = new FileIndex(parts.paths, { include: options.include, exclude: options.exclude, skipFolders: [resolve(options.dataDir), resolve(dirname(parts.checkpointPath))] }, new BirthTimeProbe());
    this.#work = new ChainWork({ options, outbox: this.#outbox, files: this.#files, directory: this.#directory, problems: this.#problems, clock: this.#clock, log, codec: parts.codec ?? 'none', redact: parts.redact ?? null, activeMs: parts.activeMs ?? activeMsDefault, onReady: wake, onAmiss: () => this.#lookout.refreshSoon() });
    this.#twins = new TwinSearch({ limits: options, files: this.#files, log, onSearched: stream => {
      this.#work.add(this.#directory.chainOf(stream));
      wake();
    } });
    this.#watched = options.watch ? new WatchedFolders({ problems: this.#problems, log, idlePollIntervalMs: options.idlePollIntervalMs, onHint: (...hint) => this.#lookout.hint(...hint) }) : null;
    this.#lookout = new Lookout({ index, directory: this.#directory, transport, problems: this.#problems, options, onDue: chain => this.#work.add(chain), onLearned: wake, isDueSoon: chain => this.#work.isDueSoon(chain), sourcesAtWork: () => this.#work.size, watched: this.#watched });
    const { promise, resolve: resolved, reject } = Promise.withResolvers<undefined>();
    this.finished = promise;
    this.finished.catch(() => undefined); // whoever does not ask is not bothered
    this.#settleFinished = { resolve: () => resolved(undefined), reject };
    transport.onAcknowledged = acknowledgements => this.#acknowledged(acknowledgements);
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
    let isFirstStart = false;
    try {
      checkpoint = await loadCheckpoint(this.#parts.checkpointPath);
      isFirstStart = checkpoint === null;
    } catch (error) {
      if (!(error instanceof LeadlineError)) throw error;
      this.#problems.report({ path: this.#parts.checkpointPath, code: error.code, message: error.message });
    }
    this.#lookout.remember(checkpoint, isFirstStart && this.#options.from === 'end');
    this.#lookout.look(this.#steady.nowMs());
    // An answer that is there at once is taken at once; one that is not comes while the loop runs.
    await Promise.race([this.#lookout.learned(), this.#clock.sleep(this.#options.pollIntervalMs)]);
    this.#lookout.look(this.#steady.nowMs());
  }

  /** One round of the loop, with all that it began on disk done. @returns whether there is more to do at once */
  async turn(): Promise<boolean> {
    const more = await this.#round();
    await this.#keeper.settled();
    await breath();
    return more || this.#lookout.isPending || this.#twins.isSearching || this.#work.isUnpacking;
  }

  /**
   * Looks everywhere once more and reads what is there to its end, tells the store that nothing follows for now, waits for acknowledgements, all
   * within `drainTimeoutMs`, and saves the checkpoint. Whoever wrote the last lines has often just ended, and asked for this.
   * @returns whether everything read was acknowledged
   */
  async stop(): Promise<boolean> {
    const deadlineMs = this.#steady.nowMs() + this.#options.drainTimeoutMs;
    // A transport that takes nothing any more must not hold the process beyond its time.
    const timeIsUp = this.#clock.sleep(this.#options.drainTimeoutMs);
    this.#isEnding = true;
    this.#lookout.lookEverywhere();
    this.#wake.abort();
    await Promise.race([this.#loop, timeIsUp]);
    this.#stopping = true;
    this.#watched?.close();
    this.#wake.abort();
    this.#work.sayIdle(this.#directory.streams);
    const drained = await this.#transport.drain(Math.max(0, deadlineMs - this.#steady.nowMs()));
    const changed = [...this.#directory.streams].filter(stream => stream.isTold && stream.isAnnounced && stream.changed);
    await Promise.race([this.#teller.tellAll(changed).catch(() => undefined), timeIsUp]);
    // Without it positions come from the transport at the next start.
    await this.#keeper.save(this.#steady.nowMs()).catch((error: unknown) => this.#log.warn({ event: 'checkpointNotSaved' }, error instanceof Error ? error.message : String(error)));
    for (const stream of this.#directory.streams) this.#files.close(stream);
    this.#log.info({ event: 'shipperStopped', drained }, 'shipper stopped');
    this.#settleFinished.resolve();
    return drained;
  }

  /** Lets go of all files and does nothing more: what is left of a process that was killed. */
  abandon(): void {
    this.#stopping = true;
    this.#watched?.close();
    this.#keeper.abandon();
    this.#wake.abort();
    for (const stream of this.#directory.streams) this.#files.close(stream);
  }

  /** One balance per stream, those without a first line included. */
  status(): StreamBalance[] {
    return [...this.balances()];
  }

  /** The same, made one at a time. Not to be kept over a wait. */
  balances(): Iterable<StreamBalance> {
    return this.#directory.balances();
  }

  counts(): FileWorkCounts {
    return { openFiles: this.#files.count, openFilesLimitHits: this.#files.limitHits, checkpointFailures: this.#keeper.failures, checkpointAgeMs: this.#keeper.ageMs(this.#steady.nowMs()) };
  }

  /** What stands in the way now: unreadable files, folders without logs, refused and compressed files, a damaged checkpoint. */
  problems(): StreamProblem[] {
    return this.#problems.all();
  }

  /** How many sources have nothing to do and are kept small. */
  get restingSources(): number {
    return this.#directory.restingCount;
  }

  /** How many folders the system tells of now. */
  get watchedFolders(): number {
    return this.#watched?.size ?? 0;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopping) {
        const wake = new AbortController();
        this.#wake = wake;
        let restMs = 0;
        try {
          const more = await this.#round();
          this.#failingBecause = null;
          restMs = more ? 0 : this.#work.restMs(this.#steady.nowMs());
          if (this.#isEnding) {
            if (!more && this.#isReadToEnd) this.#stopping = true;
            restMs = Math.min(restMs, endingRestMs);
          }
        } catch (error) {
          if (!(error instanceof LeadlineError && error.retryable)) throw error;
          // Said once, however often it is tried.
          if (this.#failingBecause !== error.message) this.#log.warn({ event: 'turnFailed', code: error.code }, error.message);
          this.#failingBecause = error.message;
          restMs = retryMs;
        }
        // However much there is to do, answers have to come in meanwhile.
        if (restMs > 0 && !this.#stopping) await this.#clock.sleep(restMs, wake.signal);
        else await breath();
      }
    } catch (error) {
      this.#stopping = true;
      this.#watched?.close();
      this.#log.error({ event: 'shipperFailed' }, error instanceof Error ? error.message : String(error));
      this.#settleFinished.reject(error);
    }
  }

  get #isReadToEnd(): boolean {
    if (this.#lookout.isPending || this.#work.waitsForRoom) return false;
    for (const chain of this.#directory.chains.values()) if (!chain.isReadToEnd) return false;
    return true;
  }

  /** Looks at what is due, does what there is to do, and begins to tell and save it. @returns whether there is more to do at once */
  async #round(): Promise<boolean> {
    const nowMs = this.#steady.nowMs();
    this.#outbox.check();
    this.#teller.check();
    this.#lookout.look(nowMs);
    const { copies } = this.#directory;
    if (copies.wantsTwins) copies.wantsTwins = this.#twins.begin(this.#directory.streams);
    if (copies.changed) await this.#saveCopies(nowMs);
    const { more, named, ended } = await this.#work.advance(nowMs, () => this.#stopping);
    await this.#announce(named, nowMs);
    if (!this.#teller.isResting(nowMs)) this.#teller.close(ended, stream => this.#closed(stream));
    this.#teller.tellDue(() => this.#directory.toTell(), nowMs);
    this.#keeper.saveIfDue(nowMs);
    // While streams are written down one after the other, none may change places.
    if (!this.#keeper.isSaving) this.#directory.rest(chain => this.#work.has(chain));
    return more;
  }

  /** Before a copy's bytes are sent it has to be on disk that it is one; until then only those wait. */
  async #saveCopies(nowMs: number): Promise<void> {
    if (nowMs < this.#nextAnnounceMs) return;
    const { copies } = this.#directory;
    copies.changed = false;
    try {
      await this.#keeper.save(nowMs);
    } catch (error) {
      copies.changed = true;
      if (!(error instanceof LeadlineError)) throw error;
      this.#nextAnnounceMs = nowMs + retryMs; // said by the keeper; others go on
    }
  }

  /** Known before sent: on disk here, and acknowledged outside. */
  async #announce(all: readonly TailedStream[], nowMs: number): Promise<void> {
    const named = all.slice(0, this.#teller.room);
    if (named.length === 0 || nowMs < this.#nextAnnounceMs || this.#teller.isResting(nowMs)) return;
    for (const stream of named) {
      stream.partition = this.#directory.chainOf(stream).partition;
      stream.isTelling = true;
    }
    try {
      await this.#keeper.save(nowMs);
    } catch (error) {
      for (const stream of named) stream.isTelling = false;
      if (!(error instanceof LeadlineError)) throw error;
      this.#nextAnnounceMs = nowMs + retryMs; // said by the keeper; others go on
      return;
    }
    this.#teller.announce(named, stream => {
      stream.isTold = true;
      if (stream.phase === 'announcing') {
        stream.phase = 'reading';
        stream.lookedSizeBytes = -1;
      }
      this.#work.add(this.#directory.chainOf(stream));
    });
  }

  #closed(stream: TailedStream): void {
    stream.phase = 'closed';
    this.#outbox.forget(stream);
    this.#directory.closed(stream);
    this.#keeper.isOutOfDate = true;
    this.#work.add(this.#directory.chainOf(stream));
    this.#log.info({ event: 'streamClosed', path: stream.path, streamId: stream.streamId, bytes: stream.position }, 'stream closed');
  }

  #acknowledged(acknowledgements: readonly Acknowledgement[]): void {
    for (const { streamId, from, to, closed } of acknowledgements) {
      const stream = this.#outbox.awaiting(streamId);
      if (stream === undefined) continue;
      const before = stream.tracker.inFlightBytes;
      if (stream.tracker.acknowledged(from, to)) {
        stream.changed = true;
        this.#keeper.isOutOfDate = true;
      }
      this.#outbox.inFlightBytes -= before - stream.tracker.inFlightBytes;
      if (closed && stream.phase === 'closing') stream.closeAcknowledged = true;
      if (stream.tracker.inFlightBytes === 0 && stream.phase !== 'closing') this.#outbox.forget(stream);
    }
    if (this.#work.waitsForRoom) this.#wake.abort();
  }
}
