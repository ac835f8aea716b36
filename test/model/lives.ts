/**
 * The plain model: what was written, and so what must be stored. A life is one run of bytes of a source, from a file's creation or truncation to its
 * end; it knows its lines and which of them nobody can promise any more.
 */
export type Framing = 'plain' | 'cri' | 'docker';

/** The first line of many lives, so that files begin alike. */
export const banner = '=== service starting ===';

export interface ModelLine {
  text: string;
  output: Output;
  /** Its file ended in the middle of it. Where a container runtime wrote it, the next file of the source may hold the rest. */
  isCut: boolean;
  /** Its bytes were destroyed before they can all have been read. It, or what was read of it, may still be stored. */
  mayBeLost: boolean;
  /** A known limitation allows a second copy of it. */
  mayBeTwice: boolean;
}

export interface Life {
  /** In the order of writing, over all sources. */
  number: number;
  source: string;
  framing: Framing;
  lines: ModelLine[];
  /** As they lay in the file, framing included. */
  bytes: number;
  /** By output, what was written of a line that is not finished; `''` for none. */
  open: { stdout: string; stderr: string };
  /** Its first line may be a banner. */
  mayBeginAlike: boolean;
  /** Copied away and then truncated. */
  isCopied: boolean;
  /** Its file has no name any more; only whoever has it open can read it. */
  isUnlinked: boolean;
  /** Nothing can be written to it any more. */
  isOver: boolean;
}

export type Output = 'stdout' | 'stderr';

export class Lives {
  readonly all: Life[] = [];
  /** By text, but for banners. */
  readonly #lifeOf = new Map<string, Life>();
  #lineNumber = 0;

  begin(source: string, framing: Framing): Life {
    const life: Life = { number: this.all.length, source, framing, lines: [], bytes: 0, open: { stdout: '', stderr: '' }, mayBeginAlike: true, isCopied: false, isUnlinked: false, isOver: false };
    this.all.push(life);
    return life;
  }

  /** Text that was never written before, of about this many bytes. */
  freshText(source: string, bytes: number, raw: boolean): string {
    this.#lineNumber += 1;
    const start = `${source} line ${this.#lineNumber} `;
    // Bytes that are no UTF-8, a NUL and a tab: lines are bytes.
    const filling = raw ? 'abc\u00ff\u0000\tdef\u00c3 ' : 'abcdefghij ';
    return `${start}${filling.repeat(Math.ceil(bytes / filling.length)).slice(0, Math.max(0, bytes - start.length))}.`;
  }

  /** A whole line, or the end of one that was begun. */
  finishLine(life: Life, text: string, output: Output = 'stdout'): void {
    this.#add(life, life.open[output] + text, output);
    life.open[output] = '';
  }

  #add(life: Life, text: string, output: Output): void {
    life.lines.push({ text, output, isCut: false, mayBeLost: false, mayBeTwice: false });
    if (text !== banner) this.#lifeOf.set(text, life);
  }

  /** Its last line is finished by its end. */
  end(life: Life): void {
    if (life.isOver) return;
    life.isOver = true;
    for (const output of ['stdout', 'stderr'] as const) if (life.open[output] !== '') {
      this.finishLine(life, '', output);
      life.lines.at(-1)!.isCut = true;
    }
  }

  /** What it holds now may be lost; what is written to it from now on is not. */
  putAtRisk(life: Life): void {
    for (const line of life.lines) line.mayBeLost = true;
  }

  lifeOf(text: string): Life | null {
    return this.#lifeOf.get(text) ?? null;
  }

  /** The lines of several files that were joined to this one, because each ended in the middle of it; the text alone where it is none such. */
  partsOf(text: string): string[] {
    for (const life of this.all) {
      for (const { text: begun, output, isCut } of life.framing === 'plain' ? [] : life.lines) {
        if (!isCut || begun === '' || !text.startsWith(begun) || text === begun) continue;
        const rest = text.slice(begun.length);
        // Files between the two may have nothing of that output.
        const next = this.all.slice(life.number + 1).filter(each => each.source === life.source).map(each => each.lines.find(line => line.output === output));
        if (next.some(line => line?.text === rest)) return [begun, rest];
        const further = this.partsOf(rest);
        if (further.length > 1) return [begun, ...further];
      }
    }
    return [text];
  }

  /** Whether these lines of one life stand in the order they were written in, each output by itself. */
  areInOrder(texts: readonly string[]): boolean {
    const last = { stdout: -1, stderr: -1 };
    for (const text of texts) {
      const lines = this.lifeOf(text)?.lines ?? [];
      const place = lines.findIndex(line => line.text === text);
      if (place < 0) continue;
      const { output } = lines[place]!;
      if (place <= last[output]) return false;
      last[output] = place;
    }
    return true;
  }
}

/** What is wrong with the lines that were stored, in words; empty when all is well. */
export function wrongLines(lives: Lives, stored: readonly string[]): string[] {
  const expected = new Map<string, { least: number; most: number }>();
  for (const { text, mayBeLost, mayBeTwice } of lives.all.flatMap(life => life.lines)) {
    const counts = expected.get(text) ?? { least: 0, most: 0 };
    expected.set(text, { least: counts.least + (mayBeLost ? 0 : 1), most: counts.most + (mayBeTwice ? 2 : 1) });
  }
  // Of these a part may be stored, too.
  const atRisk = lives.all.flatMap(life => life.lines.filter(line => line.mayBeLost || line.mayBeTwice).map(line => line.text));
  const counts = new Map<string, number>();
  for (const text of stored) for (const part of expected.has(text) ? [text] : lives.partsOf(text)) counts.set(part, (counts.get(part) ?? 0) + 1);
  const wrong: string[] = [];
  for (const [text, { least, most }] of expected) {
    const count = counts.get(text) ?? 0;
    if (count < least) wrong.push(`lost: ${shown(text)}`);
    if (count > most) wrong.push(`stored ${count} times: ${shown(text)}`);
  }
  for (const text of counts.keys()) if (!expected.has(text) && !atRisk.some(whole => whole.startsWith(text))) wrong.push(`never written: ${shown(text)}`);
  return wrong;
}

export function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}... (${text.length})` : text;
}
