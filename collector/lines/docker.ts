import type { Output } from '#schemas/event.ts';
import { readIsoTime } from '../fields/time.ts';

/** One line with the container runtime's framing taken off. */
export interface FramedLine {
  /** What the application wrote, as UTF-8 and without its final newline. May share memory with the line it came from. */
  body: Uint8Array;
  /** True where the application's line goes on in the next framed line of the same output. */
  partial: boolean;
  output: Output | null;
  /** The runtime's stamp in nanoseconds since the epoch; null where it cannot be read. */
  timeNs: bigint | null;
}

const openingBrace = 0x7b;
const closingBrace = 0x7d;
const newline = 0x0a;

/** One line of docker's json-file driver (`{"log":"...\n","stream":"stdout","time":"..."}`), or null where it is none. */
export function parseDockerLine(line: Uint8Array): FramedLine | null {
  let end = line.length;
  while (end > 0 && line[end - 1]! <= 0x20) end--;
  if (line[0] !== openingBrace || line[end - 1] !== closingBrace) return null;
  let record: unknown;
  try {
    record = JSON.parse(bufferOf(line).toString('utf8', 0, end));
  } catch {
    return null;
  }
  const { log, stream, time } = record as { log?: unknown; stream?: unknown; time?: unknown };
  if (typeof log !== 'string') return null;
  const output = outputOf(stream);
  // An application may log JSON with a `log` of its own; the runtime's other two keys make it docker's, or nothing else being there.
  if (output === null && typeof time !== 'string' && Object.keys(record as object).length > 1) return null;
  const bytes = Buffer.from(log, 'utf8');
  const partial = bytes.length === 0 || bytes[bytes.length - 1] !== newline;
  return { body: partial ? bytes : bytes.subarray(0, -1), partial, output, timeNs: typeof time === 'string' ? runtimeTime(time) : null };
}

export function outputOf(name: unknown): Output | null {
  return name === 'stdout' || name === 'stderr' ? name : null;
}

/** RFC 3339 with any number of fractional digits and any offset; null for anything else. */
export function runtimeTime(text: string): bigint | null {
  const read = readIsoTime(text, 0);
  return read?.end === text.length ? read.timeNs : null;
}

/** The same memory as a Buffer, for its fast decoding. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
