/** How a container runtime lays one line of an application down: as it is, as docker's JSON, as CRI, whole or in pieces. */

export const writerFramings = ['plain', 'docker', 'cri'] as const;
export type WriterFraming = (typeof writerFramings)[number];

export type Output = 'stdout' | 'stderr';

/** The physical line of one piece; `last` ends the application's line. */
export function framedPiece(framing: WriterFraming, output: Output, time: string, text: string, last: boolean): string {
  switch (framing) {
    case 'plain':
      return `${text}\n`;
    case 'docker':
      return `${JSON.stringify({ log: last ? `${text}\n` : text, stream: output, time })}\n`;
    case 'cri':
      return `${time} ${output} ${last ? 'F' : 'P'} ${text}\n`;
  }
}

/** Cuts a text into `count` pieces of about one size. */
export function piecesOf(text: string, count: number): string[] {
  const length = Math.ceil(text.length / count);
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += length) pieces.push(text.slice(at, at + length));
  return pieces;
}
