/**
 * When to look where: every file once per `idlePollIntervalMs`, spread over it; where all files are as soon as one is not where it was; and what is
 * known of a source when its first file is met. Looking decides nothing: the directory does.
 */
import { LeadlineError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import type { StreamState, Transport } from '#schemas/transport.ts';
import type { Chain } from './chain.ts';
import type { Checkpoint } from './checkpoint-store.ts';
import type { FileIndex, IndexedFiles } from './file-index.ts';
import { fileKey, type IndexedFile } from './indexed-file.ts';
import { mergeStates } from './learning.ts';
import type { Problems } from './problems.ts';
import type { StreamDirectory } from './stream-directory.ts';
import type { WatchedFolders } from './watched-folders.ts';

export type LookoutOptions = Pick<Options, 'idlePollIntervalMs' | 'pollIntervalMs' | 'ignoreOlderMs' | 'from'>;

export interface LookoutParts {
  index: FileIndex;
  directory: StreamDirectory;
  transport: Transport;
  problems: Problems;
  options: LookoutOptions;
  /** Something may have to be done for this source. */
  onDue: (chain: Chain) => void;
  /** What was asked of the transport is answered, or a hint says that there is something to look at. */
  onLearned: () => void;
  /** How many sources have something to do, or had a short while ago. */
  sourcesAtWork: () => number;
  /** Whether a coming round looks at this source anyhow. */
  isDueSoon: (chain: Chain) => boolean;
  /** Told where files are; null without a watch. */
  watched: WatchedFolders | null;
}

/** A refresh that took longer than this is not repeated before ten times as long has passed. */
const cheapRefreshMs = 5;
const refreshCostFactor = 10;
const retryMs = 1000;
/** New sources are taken up as others come to rest, so that no more than these are at work at once; where all grow, so many every so often. */
const takenUpMax = 1024;
const takenUpMin = 128;
const takeUpMs = 250;

export class Lookout {
  readonly #parts: LookoutParts;
  #sweptMs: number | null = null;
  #isStale = true;
  #wantsAll = false;
  #nextRefreshMs = 0;
  #regularMs = 0;
  #found: IndexedFiles | null = null;
  /** The answer to what is asked of the transport. */
  #asking: Promise<void> | null = null;
  #askAgainMs = 0;
  /** Met, and to be asked for. */
  #unasked: string[] = [];
  #hasLearned = false;
  #failure: { error: unknown } | null = null;
  #fromCheckpoint: readonly StreamState[] = [];
  /** At the first start with `from: end`: sizes of the files that were there, by key; null otherwise and later. */
  #unwantedBytes: Map<string, number> | null = null;
  #firstRefresh = false;
  /** Files that something was said of since the last look. At most one per event that the watch lets through. */
  readonly #hinted = new Set<IndexedFile>();
  readonly #reportedCompressed = new Set<string>();

  constructor(parts: LookoutParts) {
    this.#parts = parts;
  }

  /** What the checkpoint says; before the first look. @param skipsWhatIsThere this is a first start that was told to begin at the end */
  remember(checkpoint: Checkpoint | null, skipsWhatIsThere: boolean): void {
    this.#fromCheckpoint = checkpoint?.streams ?? [];
    this.#parts.directory.copies.remember(checkpoint?.copies ?? []);
    this.#firstRefresh = skipsWhatIsThere;
  }

  /** A path was seen to name another file than the index says. */
  refreshSoon(): void {
    this.#isStale = true;
  }

  /**
   * The watch says that something happened to a name in a folder: a reason to look, never a fact.
   * @param isRename a name came or went
   */
  hint(place: string, name: string, isRename: boolean): void {
    const { index, directory, isDueSoon, onLearned } = this.#parts;
    const file = index.named(place, name);
    if (file === 'nothing' || (file === 'unknown' && !isRename)) return;
    if (file === 'unknown') {
      if (this.#isStale) return;
      this.#isStale = true;
    } else {
      if (this.#hinted.has(file)) return;
      const chain = directory.chainAt(file);
      if (!isRename && chain !== null && isDueSoon(chain)) return;
      this.#hinted.add(file);
    }
    onLearned();
  }

  /** The next look is at every file, whatever the sweep's turn, and at where they all are. */
  lookEverywhere(): void {
    this.#isStale = true;
    this.#nextRefreshMs = 0;
    this.#wantsAll = true;
  }

  /** A look at everything is still to come, or another refresh, or what is known of a new source. */
  get isPending(): boolean {
    return this.#wantsAll || this.#asking !== null || this.#unasked.length > 0 || this.#hasLearned || this.#parts.directory.wantsAnotherRound;
  }

  /** Resolves when what is being asked is answered. */
  learned(): Promise<void> {
    return this.#asking ?? Promise.resolve();
  }

  /** Looks at what is due. @throws what the transport said no retry can mend */
  look(nowMs: number): void {
    if (this.#failure !== null) throw this.#failure.error;
    const { index, options, directory } = this.#parts;
    this.#sweep(nowMs);
    for (const file of this.#hinted) this.#lookAt(file, nowMs);
    this.#hinted.clear();
    this.#parts.watched?.tend(nowMs);
    if (nowMs >= index.nextRelistMs || directory.wantsAnotherRound) this.#isStale = true;
    if (index.wantsRegularRefresh && nowMs >= this.#regularMs) this.#isStale = true;
    if (this.#isStale && nowMs >= this.#nextRefreshMs) {
      this.#regularMs = nowMs + options.idlePollIntervalMs;
      this.#refresh(nowMs);
    } else if (this.#hasLearned && this.#found !== null) this.#reconcile(this.#found, nowMs);
    this.#ask(nowMs);
  }

  #sweep(nowMs: number): void {
    const { index, options } = this.#parts;
    this.#sweptMs ??= nowMs;
    const count = this.#wantsAll ? index.size : Math.ceil((index.size * (nowMs - this.#sweptMs)) / options.idlePollIntervalMs);
    this.#wantsAll = false;
    if (count === 0) return;
    this.#sweptMs = nowMs;
    if (index.sweep(count, file => this.#saw(file, nowMs))) this.#isStale = true;
  }

  /** One file, out of its turn. */
  #lookAt(file: IndexedFile, nowMs: number): void {
    const seen = file.look();
    if (seen === 'same' || seen === 'changed') this.#saw(file, nowMs);
    else if (seen !== 'unseen') this.#isStale = true;
  }

  #saw(file: IndexedFile, nowMs: number): void {
    const chain = this.#parts.directory.saw(file, nowMs);
    if (chain !== null) this.#parts.onDue(chain);
  }

  #refresh(nowMs: number): void {
    const beganMs = performance.now();
    this.#isStale = false;
    const found = this.#parts.index.refresh(nowMs);
    if (this.#firstRefresh) this.#unwantedBytes = new Map(found.files.map(file => [file.key, file.sizeBytes]));
    this.#firstRefresh = false;
    this.#found = this.#parts.options.ignoreOlderMs > 0 ? { ...found, files: this.#notTooOld(found.files, nowMs) } : found;
    this.#parts.problems.found(found.problems);
    this.#reportCompressed(found.compressed);
    this.#parts.watched?.follow(this.#parts.index.places);
    this.#unasked = [...this.#parts.directory.unknownSources(this.#found.files)];
    this.#reconcile(this.#found, nowMs);
    const costMs = performance.now() - beganMs;
    if (costMs > cheapRefreshMs) this.#nextRefreshMs = nowMs + refreshCostFactor * costMs;
  }

  /** A known source's files are taken whatever their age. */
  #notTooOld(files: readonly IndexedFile[], nowMs: number): IndexedFile[] {
    const oldestMs = nowMs - this.#parts.options.ignoreOlderMs;
    return files.filter(file => file.mtimeMs >= oldestMs || this.#parts.directory.unknownSources([file]).size === 0);
  }

  /** Of sources met for the first time: what does the transport know? One question at a time. */
  #ask(nowMs: number): void {
    if (this.#asking !== null || this.#hasLearned || nowMs < this.#askAgainMs || (this.#unasked.length === 0 && this.#fromCheckpoint.length === 0)) return;
    const { directory, transport, sourcesAtWork } = this.#parts;
    const room = takenUpMax - sourcesAtWork();
    if (room < takenUpMin) this.#askAgainMs = nowMs + takeUpMs;
    const sources = new Set(this.#unasked.splice(0, Math.max(room, takenUpMin)).filter(source => !directory.knows(source)));
    for (const state of this.#fromCheckpoint) if (!directory.knows(state.source)) sources.add(state.source);
    if (sources.size === 0) return;
    this.#asking = transport.loadStates([...sources]).then(
      outside => {
        this.#asking = null;
        directory.know(sources, mergeStates(this.#fromCheckpoint.filter(state => sources.has(state.source)), outside));
        this.#fromCheckpoint = this.#fromCheckpoint.filter(state => !sources.has(state.source));
        this.#hasLearned = true;
        this.#parts.onLearned();
      },
      (error: unknown) => {
        this.#asking = null;
        if (error instanceof LeadlineError && error.retryable) {
          this.#askAgainMs = nowMs + retryMs;
          this.#unasked = [...sources, ...this.#unasked];
        } else this.#failure = { error };
        this.#parts.onLearned();
      },
    );
  }

  #reconcile(found: IndexedFiles, nowMs: number): void {
    const { directory } = this.#parts;
    this.#hasLearned = false;
    for (const chain of directory.reconcile(found, nowMs)) this.#parts.onDue(chain);
    if (this.#unwantedBytes === null) return;
    for (const stream of directory.streams) if (stream.phase === 'unnamed' && directory.chainOf(stream).isNew) stream.unwantedBytes = this.#unwantedBytes.get(fileKey(stream)) ?? 0;
    if (this.#asking === null && this.#unasked.length === 0) this.#unwantedBytes = null;
  }

  #reportCompressed(files: readonly IndexedFile[]): void {
    for (const { path } of files) {
      if (this.#reportedCompressed.has(path)) continue;
      this.#reportedCompressed.add(path);
      this.#parts.problems.report({ path, code: 'COMPRESSED_FILE', message: `${path}: is compressed and never grows, so it is not tailed. Read it with leadline ingest.` });
    }
  }
}
