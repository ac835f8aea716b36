/** What `up` shows: an introduction, one line that is rewritten every second on a terminal, and news above it. */
import { emitKeypressEvents } from 'node:readline';
import { printable } from '../query/cli/render/terminal.ts';

const intervalMs = 1000;

export class StatusLine {
  /** Resolves on Ctrl-C, which a terminal in raw mode no longer turns into a signal. */
  readonly interrupted: Promise<void>;
  private readonly stream: NodeJS.WriteStream;
  private readonly quiet: boolean;
  private readonly keys = new Map<string, () => void>();
  private interrupt: () => void = () => undefined;
  private timer: NodeJS.Timeout | null = null;
  private drawn = false;
  private ended = false;

  constructor(stream: NodeJS.WriteStream, { quiet, intro = [] }: { quiet: boolean; intro?: readonly string[] }) {
    this.stream = stream;
    this.quiet = quiet;
    this.interrupted = new Promise(resolve => {
      this.interrupt = resolve;
    });
    if (!quiet && intro.length > 0) stream.write(`${intro.join('\n')}\n`);
  }

  /** On a terminal, shows the text of `read` now and every second. A read that fails is left out. */
  start(read: () => Promise<string>): void {
    // Nobody would see it: a pipe, a service manager, or a person who asked for quiet.
    if (!this.stream.isTTY || this.quiet) return;
    const draw = async (): Promise<void> => {
      const text = await read().catch(() => null);
      if (text !== null && !this.ended) {
        this.stream.write(`\r${printable(text).slice(0, this.stream.columns > 20 ? this.stream.columns - 1 : 79)}\u001b[K`);
        this.drawn = true;
      }
      if (!this.ended) this.timer = setTimeout(() => void draw(), intervalMs);
    };
    void draw();
  }

  say(text: string): void {
    if (this.quiet) return;
    this.stream.write(`${this.drawn ? '\r\u001b[K' : ''}${printable(text)}\n`);
  }

  onKey(key: string, action: () => void): void {
    this.keys.set(key, action);
    const { stdin } = process;
    if (this.keys.size > 1 || !stdin.isTTY) return;
    emitKeypressEvents(stdin);
    stdin.setRawMode(true);
    stdin.on('keypress', (_, pressed: { name?: string; ctrl?: boolean }) => {
      if (pressed.ctrl === true && pressed.name === 'c') this.interrupt();
      else this.keys.get(pressed.name ?? '')?.();
    });
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.drawn) this.stream.write('\n');
    if (this.keys.size > 0 && process.stdin.isTTY) {
      process.stdin.setRawMode(false);
      process.stdin.pause();
    }
  }
}
