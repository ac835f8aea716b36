/** Going on with a stream at its position, in a file that was just proven to hold its bytes. */
import { firstBytesOf, readAt, tailHashAt, type StreamReader } from './stream-reader.ts';
import type { TailedStream } from './tailed-stream.ts';

export function resume(stream: TailedStream, reader: StreamReader): void {
  const { position } = stream;
  stream.seenStart = position <= stream.head.length ? firstBytesOf(reader.fd) : null;
  if (position === 0) return;
  stream.tail = tailHashAt(reader.fd, position);
  if (stream.openLine !== null) return; // it was cut in this run, which knows where the line began
  const before = Buffer.alloc(1);
  readAt(reader.fd, before, position - 1);
  resumeBehind(stream, before[0]!);
}

/** @param byteBefore the byte before the position: only a line that was cut (too long, or closed without its newline) is acknowledged up to its middle */
export function resumeBehind(stream: TailedStream, byteBefore: number): void {
  stream.openLine = byteBefore === 10 ? null : { n: 1, bytes: 0, from: stream.position };
}
