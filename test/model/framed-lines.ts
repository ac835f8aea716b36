/** The model's own reading of framed bytes, as naive as can be. */
import type { Framing, Output } from './lives.ts';

const stamp = '2022-08-22T05:18:16.154772363Z';

/** One physical line. `isLast` is false for a piece of a line that goes on. */
export function framed(framing: Framing, text: string, output: Output, isLast: boolean): string {
  switch (framing) {
    case 'plain':
      return isLast ? `${text}\n` : text;
    case 'cri':
      return `${stamp} ${output} ${isLast ? 'F' : 'P'} ${text}\n`;
    case 'docker':
      return `${JSON.stringify({ log: isLast ? `${text}\n` : text, stream: output, time: stamp })}\n`;
  }
}

/** Whether the application's line is finished at a place of the stream, as far as the bytes before it say. */
export function isFinishedAt(bytes: Buffer, to: number, framing: Framing): boolean {
  if (to === 0) return true;
  if (bytes[to - 1] !== 10) return false;
  const line = bytes.toString('latin1', bytes.lastIndexOf(10, to - 2) + 1, to - 1);
  switch (framing) {
    case 'plain':
      return true;
    case 'cri':
      return !/^\S+ std(?:out|err) P /.test(line);
    case 'docker':
      return /\\n","stream"/.test(line);
  }
}

/** Where the first piece lies of a line that is not finished before `to`, or Infinity. */
export function firstOpenPiece(bytes: Buffer, to: number, framing: Framing): number {
  if (framing === 'plain') return Infinity;
  const open = new Map<string, number>();
  let from = 0;
  for (const line of bytes.toString('latin1', 0, to).split('\n').slice(0, -1)) {
    const output = framing === 'cri' ? line.split(' ')[1]! : (JSON.parse(line) as { stream: string }).stream;
    const isPiece = framing === 'cri' ? line.split(' ')[2] === 'P' : !(JSON.parse(line) as { log: string }).log.endsWith('\n');
    if (!isPiece) open.delete(output);
    else if (!open.has(output)) open.set(output, from);
    from += line.length + 1;
  }
  return Math.min(...open.values());
}
