/**
 * How large bulk requests are and how many travel at a time, by what the server makes of them: fewer at once when it refuses for lack of room, more again
 * when it does not; larger while that brings more bytes a second.
 */
export interface BulkPaceLimits {
  bytesMin: number;
  bytesMax: number;
  inFlightMax: number;
}

export const usualPace: BulkPaceLimits = { bytesMin: 128 * 1024, bytesMax: 8 * 1024 * 1024, inFlightMax: 4 };

/** A larger size has to be this much faster to be kept. */
const gainMin = 1.05;
const growth = 1.5;
const startBytes = 1024 * 1024;
/** What takes longer holds everything behind it up. */
const slowMs = 5000;
/** Answers of one size that are looked at together. */
const answersPerStep = 8;

export class BulkPace {
  bulkBytes: number;
  inFlightMax: number;
  private readonly limits: BulkPaceLimits;
  private clean = 0;
  private step = { bytes: 0, ms: 0, answers: 0 };
  private before: { bulkBytes: number; bytesPerMs: number } | null = null;
  private settled = false;

  constructor(limits: BulkPaceLimits = usualPace) {
    this.limits = limits;
    this.bulkBytes = Math.min(Math.max(startBytes, limits.bytesMin), limits.bytesMax);
    this.inFlightMax = Math.min(2, limits.inFlightMax);
  }

  /** @param rejected items that found no room */
  answered({ bytes, ms, rejected }: { bytes: number; ms: number; rejected: number }): void {
    if (rejected > 0) {
      this.clean = 0;
      if (this.inFlightMax > 1) this.inFlightMax = Math.max(1, Math.floor(this.inFlightMax / 2));
      else this.resize(this.bulkBytes / 2);
      return;
    }
    this.clean += 1;
    if (this.clean > 2 * this.inFlightMax && this.inFlightMax < this.limits.inFlightMax) {
      this.inFlightMax += 1;
      this.clean = 0;
    }
    if (ms > slowMs) {
      this.resize(this.bulkBytes / 2);
      this.settled = true;
    } else if (bytes >= 0.7 * this.bulkBytes) this.climb(bytes, ms);
  }

  /** It was too large, whatever it was. */
  tooLarge(bytes: number): void {
    this.resize(Math.min(this.bulkBytes, bytes) / 2);
    this.settled = true;
  }

  private climb(bytes: number, ms: number): void {
    const { step } = this;
    step.bytes += bytes;
    step.ms += Math.max(ms, 0.1);
    step.answers += 1;
    if (this.settled || step.answers < answersPerStep) return;
    const bytesPerMs = step.bytes / step.ms;
    const { before } = this;
    if (before !== null && bytesPerMs < before.bytesPerMs * gainMin) {
      this.resize(before.bulkBytes);
      this.settled = true;
      return;
    }
    const { bulkBytes } = this;
    this.resize(bulkBytes * growth);
    this.before = { bulkBytes, bytesPerMs };
    if (this.bulkBytes === bulkBytes) this.settled = true;
  }

  private resize(bytes: number): void {
    this.bulkBytes = Math.round(Math.min(Math.max(bytes, this.limits.bytesMin), this.limits.bytesMax));
    this.step = { bytes: 0, ms: 0, answers: 0 };
  }
}
