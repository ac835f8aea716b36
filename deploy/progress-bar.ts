/** A progress line on a terminal; nothing anywhere else. */
import { bytesText } from '../query/cli/render/terminal.ts';

const width = 30;
const intervalMs = 100;

export class ProgressBar {
  private readonly stream: NodeJS.WriteStream;
  private readonly shown: boolean;
  private lastMs = 0;
  private drawn = false;

  constructor(stream: NodeJS.WriteStream, wanted: boolean) {
    this.stream = stream;
    this.shown = wanted && stream.isTTY;
  }

  /** @param total null where nobody knows it */
  show(done: number, total: number | null, note: string): void {
    const nowMs = performance.now();
    if (!this.shown || nowMs - this.lastMs < intervalMs) return;
    this.lastMs = nowMs;
    this.drawn = true;
    const share = total === null || total === 0 ? null : Math.min(1, done / total);
    const bar = share === null ? '' : `[${'#'.repeat(Math.round(share * width)).padEnd(width, '.')}] ${String(Math.round(share * 100)).padStart(3)} %  `;
    this.stream.write(`\r${bar}${bytesText(done)}${total === null ? '' : ` of ${bytesText(total)}`}  ${note}\u001b[K`);
  }

  end(): void {
    if (this.drawn) this.stream.write('\r\u001b[K');
    this.drawn = false;
  }
}
