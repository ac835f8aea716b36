/**
 * Lines as `docker compose logs` and `up` write them into one file: `web-1  | message`, with colours or without. Told by the line's own bytes: a name
 * that ends in its number, or one that is coloured, then blanks, a bar, a blank. Without either a name before a bar may be anything.
 */
import type { Output } from '#schemas/event.ts';
import { bufferOf } from './docker.ts';

/** Whose lines are joined with each other: an output of docker or CRI, a container of compose (its name behind a bar), or, null, the whole stream's. */
export type Lane = Output | `|${string}` | null;

export interface ComposeLine {
  lane: `|${string}`;
  /** Where the application's text begins. */
  at: number;
}

const escape = 0x1b;
const bar = 0x7c;
const space = 0x20;
const nameBytesMax = 64;
const prefixBytesMax = 120;
/** Compose allows small letters only. */
const numberedName = /^[a-z][a-z0-9_.-]*[-_]\d{1,3}$/;
const anyName = /^[A-Za-z0-9][\w.-]*$/;

export function parseComposeLine(line: Uint8Array): ComposeLine | null {
  let at = 0;
  let isColoured = false;
  while (line[at] === escape && line[at + 1] === 0x5b && at < prefixBytesMax) {
    at += 2;
    while (at < line.length && line[at]! < 0x40) at++;
    // Erasing the line (`K`) is no colour.
    isColoured ||= line[at] === 0x6d;
    at++;
  }
  const start = at;
  while (isNameByte(line[at]) && at - start <= nameBytesMax) at++;
  const end = at;
  if (end === start || end - start > nameBytesMax) return null;
  while (line[at] === space && at < prefixBytesMax) at++;
  if (line[at] !== bar || at === end) return null;
  at++;
  const reset = line[at] === escape ? line.indexOf(0x6d, at) : -1;
  if (reset > 0 && reset - at <= 5) at = reset + 1;
  if (at < line.length && line[at] !== space) return null;
  const name = bufferOf(line).toString('latin1', start, end);
  if (!(isColoured ? anyName : numberedName).test(name)) return null;
  return { lane: `|${name}`, at: Math.min(at + 1, line.length) };
}

function isNameByte(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x2d || byte === 0x2e || byte === 0x5f);
}

/** The lines of an event of a compose container without what stands before each. */
export function withoutComposePrefixes(raw: Uint8Array): Uint8Array {
  const lines: Uint8Array[] = [];
  for (let from = 0; from <= raw.length; ) {
    const newline = raw.indexOf(10, from);
    const line = raw.subarray(from, newline < 0 ? raw.length : newline);
    lines.push(line.subarray(parseComposeLine(line)?.at ?? 0));
    if (newline < 0) break;
    lines.push(raw.subarray(newline, newline + 1));
    from = newline + 1;
  }
  return Buffer.concat(lines);
}

/** What a lane says of who wrote. */
export function writerOf(lane: Lane): { output: Output | null; container: string | null } {
  if (lane === null || lane === 'stdout' || lane === 'stderr') return { output: lane, container: null };
  return { output: null, container: lane.slice(1) };
}

/** `shop-web-1` is one of the service `shop-web`. */
export function serviceOfContainer(name: string): string {
  return name.replace(/[-_]\d{1,3}$/, '');
}
