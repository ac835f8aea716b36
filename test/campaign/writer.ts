/**
 * A writer process: appends numbered lines to any number of files at set rates, as applications and container runtimes do, and opens, pauses and
 * goes on as it is told. It is never killed, so what it says it wrote is what it wrote.
 */
import { appendFileSync, closeSync, copyFileSync, fstatSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Chance } from './chance.ts';
import { framedPiece, piecesOf } from './framed-line.ts';
import { bannerLines, numberedLine } from './numbered-line.ts';
import type { Life, WriterCommand, WriterReply, WriterRequest, WriterSpec } from './writer-protocol.ts';

const tickMs = 20;
/** After a pause or a stall of this machine no more is made up for at once. */
const behindMsMax = 200;

class Writer {
  readonly #spec: WriterSpec;
  readonly #chance: Chance;
  #fd = -1;
  #offset = 0;
  /** Lines written in full. */
  #n = 0;
  /** Physical lines that belong to a line which was begun. */
  #pieces: Buffer[] = [];
  /** The rest of a physical line whose beginning is written. */
  #rest: Buffer | null = null;
  #paused = false;
  #owedLines = 0;
  #lastMs = performance.now();
  #life = 0;
  #bannerLines = 0;
  #linesPerS: number;

  constructor(spec: WriterSpec) {
    this.#spec = spec;
    this.#linesPerS = spec.linesPerS;
    this.#chance = new Chance(spec.seed);
    this.#open();
  }

  get n(): number {
    return this.#n;
  }

  get bytes(): number {
    return this.#fd < 0 ? 0 : fstatSync(this.#fd).size;
  }

  tick(): void {
    const nowMs = performance.now();
    const passedMs = Math.min(behindMsMax, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    if (this.#paused) return;
    this.#owedLines += (passedMs / 1000) * this.#linesPerS;
    const due: Buffer[] = this.#rest === null ? [] : [this.#rest];
    this.#rest = null;
    due.push(...this.#pieces.splice(0));
    for (; this.#owedLines >= 1; this.#owedLines -= 1) due.push(...this.#nextLine());
    if (due.length === 0) return;
    if (due.length > 1 && this.#spec.framing !== 'plain' && this.#chance.happens(this.#spec.splitShare)) this.#pieces.push(due.pop()!);
    const last = due.at(-1)!;
    if (last.length > 1 && this.#chance.happens(this.#spec.splitShare)) {
      const cut = this.#chance.below(1, last.length);
      due[due.length - 1] = last.subarray(0, cut);
      this.#rest = last.subarray(cut);
    }
    this.#write(Buffer.concat(due));
  }

  obey(command: Exclude<WriterCommand, { do: 'add' }>): void {
    switch (command.do) {
      case 'reopen':
        this.#finish(this.#spec.framing === 'plain');
        if (command.withoutNewline && this.#spec.framing === 'plain') this.#write(this.#nextLine()[0]!.subarray(0, -1));
        if (this.#spec.framing !== 'plain' && this.#pieces.length === 0 && this.#chance.happens(0.5)) {
          // The container runtime turns to the next file between two pieces of a line.
          const [first, ...others] = this.#nextLine();
          this.#write(first!);
          this.#pieces.push(...others);
        }
        this.#keep(command.harsh);
        closeSync(this.#fd);
        this.#paused = false;
        this.#open();
        break;
      case 'pause':
        this.#finish(true);
        this.#paused = true;
        break;
      case 'resume':
        this.#paused = false;
        break;
      case 'keep':
        this.#keep(command.harsh);
        break;
      case 'renew':
        this.#begin();
        this.#paused = false;
        break;
      case 'rate':
        this.#linesPerS = command.linesPerS;
        break;
      case 'stop':
        if (this.#fd < 0) return;
        this.#finish(true);
        this.#keep(false);
        closeSync(this.#fd);
        this.#fd = -1;
        this.#paused = true;
        break;
    }
  }

  #open(): void {
    this.#fd = openSync(this.#spec.path, this.#spec.keepsOffset ? 'w' : 'a', 0o644);
    this.#offset = 0;
    this.#begin();
  }

  /** A new file, or an emptied one. */
  #begin(): void {
    this.#life += 1;
    this.#bannerLines = 0;
    if (!this.#spec.banner) return;
    const lines = bannerLines(this.#spec.name);
    this.#bannerLines = lines.length;
    this.#write(Buffer.from(lines.map(line => framedPiece(this.#spec.framing, 'stdout', '2020-01-01T00:00:00.000Z', line, true)).join('')));
  }

  /** @param wholeLine also the pieces of the line that were not begun yet */
  #finish(wholeLine: boolean): void {
    if (this.#rest !== null) this.#write(this.#rest);
    this.#rest = null;
    if (!wholeLine) return;
    for (const piece of this.#pieces.splice(0)) this.#write(piece);
  }

  /** Physical lines of the next line, and sometimes one of the other output between its pieces. */
  #nextLine(): Buffer[] {
    const { name, framing, lineBytes, longEvery, longBytes, splitShare } = this.#spec;
    this.#n += 1;
    const time = new Date().toISOString();
    const isLong = longEvery > 0 && this.#n % longEvery === 0;
    const text = numberedLine(name, this.#n, isLong ? longBytes : lineBytes, time);
    if (framing === 'plain') return [Buffer.from(`${text}\n`)];
    const pieces = this.#chance.happens(splitShare) ? piecesOf(text, this.#chance.below(2, 5)) : [text];
    const physical = pieces.map((piece, index) => Buffer.from(framedPiece(framing, 'stdout', time, piece, index === pieces.length - 1)));
    if (pieces.length > 1 && this.#chance.happens(0.5)) {
      this.#n += 1;
      physical.splice(1, 0, Buffer.from(framedPiece(framing, 'stderr', time, numberedLine(name, this.#n, lineBytes, time), true)));
    }
    return physical;
  }

  #write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at, bytes.length - at, this.#spec.keepsOffset ? this.#offset + at : null);
    this.#offset += bytes.length;
  }

  #keep(harsh: boolean): void {
    const stats = fstatSync(this.#fd, { bigint: true });
    const kept = `${this.#spec.name}.${this.#life}`;
    // Through the descriptor: the file may have another name by now, or none.
    copyFileSync(`/proc/self/fd/${this.#fd}`, join(this.#spec.historyFolder, kept));
    const life: Life = { writer: this.#spec.name, path: this.#spec.path, inode: stats.ino.toString(), birthTimeNs: stats.birthtimeNs.toString(), bytes: Number(stats.size), bannerLines: this.#bannerLines, harsh, kept };
    appendFileSync(join(this.#spec.historyFolder, 'lives.ndjson'), `${JSON.stringify(life)}\n`);
  }
}

const writers = new Map<string, Writer>();
process.on('message', ({ ask, writer: name, command }: WriterRequest) => {
  const reply: WriterReply = { ask, n: 0, bytes: 0, problem: null };
  try {
    let writer = writers.get(name);
    if (command.do === 'add') writers.set(name, (writer = new Writer(command.spec)));
    else if (writer === undefined) throw new Error(`no writer ${name}`);
    else writer.obey(command);
    reply.n = writer.n;
    reply.bytes = writer.bytes;
  } catch (error) {
    reply.problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  process.send!(reply);
});
process.on('disconnect', () => process.exit());
setInterval(() => {
  for (const writer of writers.values()) writer.tick();
}, tickMs);
