/**
 * The lines of the campaign. Each says who wrote it and its number, and ends in a checksum of all before, so that a line that lost its middle,
 * or was joined with another, is not taken for whole.
 */
import { crc32 } from 'node:zlib';

const words = 'accepted basket card checkout country currency customer delivery discount express forwarded gateway handled invoice item listed method order paid parcel payment pending price product quote refund region returned routed shipped shop status stock total transit value voucher warehouse weight '.split(' ');
let padding = '';
for (let index = 0; padding.length < 8192; index = (index * 7 + 13) % 997) padding += `${words[index % words.length]!} `;

/** Built once for lines that are much longer than the rest. */
let longPadding = '';

function paddingOf(n: number, length: number): string {
  const from = (n * 37) % 4096;
  if (from + length <= padding.length) return padding.slice(from, from + length);
  while (longPadding.length < 4096 + length) longPadding += padding;
  return longPadding.slice(from, from + length);
}

/** @param bytes how long it is, about; never shorter than what it has to say */
export function numberedLine(writer: string, n: number, bytes: number, time: string): string {
  const start = `${time} INFO ${writer} ${n} `;
  const text = start + paddingOf(n, Math.max(0, bytes - start.length - 10));
  return `${text} #${crc32(text).toString(16).padStart(8, '0')}`;
}

export interface ReadLine {
  writer: string;
  n: number;
}

const form = /^\S+ INFO (\S+) (\d+) /;

/** Who wrote the line and its number, or null where its bytes are not what was written. */
export function readNumberedLine(text: string): ReadLine | null {
  const mark = text.lastIndexOf(' #');
  if (mark < 0 || text.length !== mark + 10) return null;
  if (crc32(text.slice(0, mark)).toString(16).padStart(8, '0') !== text.slice(mark + 2)) return null;
  const match = form.exec(text);
  return match === null ? null : { writer: match[1]!, n: Number(match[2]) };
}

/** What a file of a writer with a banner begins with: longer than any fingerprint, and always the same. */
export function bannerLines(writer: string): string[] {
  return Array.from({ length: 8 }, (_, index) => `2020-01-01T00:00:00.000Z INFO banner ${writer} line ${index} ${paddingOf(index, 200)}`);
}

export function isBanner(text: string): boolean {
  return text.includes(' INFO banner ');
}
