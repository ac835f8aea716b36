/**
 * Signals -> PREFIX.signals, key = rule and its key, value = JSON. At least once: whoever reads them skips a `signalId` that it has seen.
 *
 * `publish` alone is for a store without an outbox: its caller commits what was consumed only behind it. `SignalOutbox` empties the outbox of the
 * embedded store, whose signals are durable with their events, and remembers how far it is.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Clock } from '#lib/clock.ts';
import { signalToJson, type Signal } from '#schemas/alert.ts';
import { systemCodeOf } from '#schemas/errors.ts';
import type { SignalsPage } from '#schemas/store.ts';
import { RecordQueue, type RecordQueueParts } from './record-queue.ts';

export class SignalPublisher {
  private readonly queue: RecordQueue;

  constructor(parts: Omit<RecordQueueParts, 'codec'>) {
    this.queue = new RecordQueue({ ...parts, codec: 'zstd' });
  }

  get published(): number {
    return this.queue.published;
  }

  get troubledBy(): string | null {
    return this.queue.troubledBy?.message ?? null;
  }

  /** Resolves with true when all of them are acknowledged, with false when it was stopped first. */
  publish(signals: readonly Signal[]): Promise<boolean> {
    for (const signal of signals) this.queue.add({ key: Buffer.from(JSON.stringify([signal.rule, ...signal.key])), value: Buffer.from(JSON.stringify(signalToJson(signal))), headers: {} });
    return this.queue.whenEmpty();
  }

  /** What waits is given up. */
  stop(): void {
    this.queue.stop();
  }
}

export interface SignalOutboxParts {
  publisher: SignalPublisher;
  /** In the order of storing; null begins at the oldest kept. */
  signalsAfter: (cursor: string | null, limit: number) => Promise<SignalsPage>;
  /** Where it keeps how far it is. */
  cursorPath: string;
  clock: Clock;
}

const pageSignals = 500;
const lookIntervalMs = 1000;

export class SignalOutbox {
  private readonly parts: SignalOutboxParts;
  private readonly stopping = new AbortController();
  private woken = false;
  private wakeUp: () => void = () => undefined;
  private readonly cursor: { text: string | null };

  /** @throws the system error of reading the cursor, but for its absence */
  constructor(parts: SignalOutboxParts) {
    this.parts = parts;
    this.cursor = { text: readCursor(parts.cursorPath) };
  }

  /** A commit may have brought signals. */
  wake(): void {
    this.woken = true;
    this.wakeUp();
  }

  /** Ends when it was stopped. @throws what the store fails with */
  async run(): Promise<void> {
    const { publisher, signalsAfter, cursorPath } = this.parts;
    while (!this.stopping.signal.aborted) {
      this.woken = false;
      const page = await signalsAfter(this.cursor.text, pageSignals);
      if (page.signals.length === 0) {
        await this.waitForMore();
        continue;
      }
      if (!(await publisher.publish(page.signals))) return;
      this.cursor.text = page.cursor;
      this.keepCursor(page.cursor, cursorPath);
    }
  }

  /** Lost in a crash, or on a full disk, it is older: signals come again then. */
  private keepCursor(cursor: string, path: string): void {
    try {
      writeFileSync(`${path}.new`, cursor);
      renameSync(`${path}.new`, path);
    } catch (error) {
      if (systemCodeOf(error) === null) throw error;
    }
  }

  stop(): void {
    this.stopping.abort();
    this.parts.publisher.stop();
    this.wakeUp();
  }

  private async waitForMore(): Promise<void> {
    if (this.woken || this.stopping.signal.aborted) return;
    const waited = new AbortController();
    const woken = new Promise<void>(resolve => (this.wakeUp = resolve));
    await Promise.race([woken, this.parts.clock.sleep(lookIntervalMs, waited.signal)]);
    waited.abort();
  }
}

function readCursor(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
