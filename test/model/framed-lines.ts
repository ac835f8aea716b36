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

/** Streams' outputs that are inside a line at `to`: of every output the last physical line says. */
export function hasOpenPiece(bytes: Buffer, to: number, framing: Framing): boolean {
  if (framing === 'plain') return false;
  const open = new Map<string, boolean>();
  for (const line of bytes.toString('latin1', 0, to).split('\n').slice(0, -1)) {
    const output = framing === 'cri' ? line.split(' ')[1]! : (JSON.parse(line) as { stream: string }).stream;
    open.set(output, framing === 'cri' ? line.split(' ')[2] === 'P' : !(JSON.parse(line) as { log: string }).log.endsWith('\n'));
  }
  return [...open.values()].includes(true);
}
