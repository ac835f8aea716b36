/** When the checkpoint is written: at once where something must be on disk before it is used, else paced, and one write at a time. */
import { LeadlineError } from '#schemas/errors.ts';
import { saveCheckpoint, type WritableCheckpoint } from './checkpoint-store.ts';

/** With many streams the file is large: writing it takes at most this part of the time. */
const costFactor = 50;
const retryMs = 1000;

export interface KeeperParts {
  path: string;
  checkpointIntervalMs: number;
  /** What is to be saved, as it is now. */
  collect: () => WritableCheckpoint;
  /** A write failed, or, with null, did not any more. */
  onOutcome: (error: LeadlineError | null) => void;
}

export class CheckpointKeeper {
  readonly #parts: KeeperParts;
  /** An acknowledged position moved since the last write began. */
  isOutOfDate = false;
  /** Writes that failed. */
  failures = 0;
  /** When the oldest change that is not on disk was seen. */
  #waitsSinceMs: number | null = null;
  #nextMs = 0;
  #saving: Promise<void> | null = null;
  #abandoned = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** What is to be saved is being asked for. */
  get isSaving(): boolean {
    return this.#saving !== null;
  }

  /** Begins a write where one is due. */
  saveIfDue(nowMs: number): void {
    if (!this.isOutOfDate) return;
    this.#waitsSinceMs ??= nowMs;
    if (this.#saving !== null || nowMs < this.#nextMs) return;
    this.#begin(nowMs).catch(() => undefined); // told to `onOutcome`
  }

  /**
   * How long the oldest change waits that is not in the saved checkpoint; 0 where there is none. After a crash what was acknowledged in this time is
   * sent again. Not the age of the file: that is old where nothing happens.
   */
  ageMs(nowMs: number): number {
    return this.#waitsSinceMs === null ? 0 : Math.max(0, nowMs - this.#waitsSinceMs);
  }

  /** Resolves when everything known now is on disk. @throws LeadlineError CHECKPOINT_NOT_SAVED */
  async save(nowMs: number): Promise<void> {
    await this.settled(); // that write began before what is to be saved was known
    await this.#begin(nowMs);
  }

  /** Resolves when no write is on its way. */
  async settled(): Promise<void> {
    while (this.#saving !== null) await this.#saving.catch(() => undefined);
  }

  /** The process is taken for dead: a write on its way must not reach the file. */
  abandon(): void {
    this.#abandoned = true;
  }

  async #begin(nowMs: number): Promise<void> {
    this.isOutOfDate = false;
    this.#waitsSinceMs ??= nowMs;
    const beganMs = performance.now();
    this.#saving = saveCheckpoint(this.#parts.path, this.#parts.collect(), () => !this.#abandoned);
    try {
      await this.#saving;
      this.#waitsSinceMs = null; // what changed meanwhile is seen at the next turn
      this.#nextMs = nowMs + Math.max(this.#parts.checkpointIntervalMs, costFactor * (performance.now() - beganMs));
      this.#parts.onOutcome(null);
    } catch (error) {
      this.failures += 1;
      this.isOutOfDate = true;
      this.#nextMs = nowMs + retryMs;
      if (error instanceof LeadlineError) this.#parts.onOutcome(error);
      throw error;
    } finally {
      this.#saving = null;
    }
  }
}
