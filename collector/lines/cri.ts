import { bufferOf, runtimeTime, type FramedLine } from './docker.ts';

const space = 0x20;
const colon = 0x3a;
const full = 0x46;
const partialFlag = 0x50;
/** No stamp is longer; a line without a space this early is not looked through. */
const stampBytesMax = 64;

/**
 * One line as containerd and CRI-O write it: `<time> <stdout|stderr> <P|F[:tags]> <content>`, or null where it is none. The content is a view of the
 * line. A first word that begins with a digit but is no time leaves the time null: the line is kept and no time invented.
 */
export function parseCriLine(line: Uint8Array): FramedLine | null {
  const first = line[0];
  if (first === undefined || first < 0x30 || first > 0x39) return null;
  const stampEnd = line.indexOf(space);
  if (stampEnd < 0 || stampEnd > stampBytesMax) return null;
  // `stdout ` and `stderr ` are both seven bytes: s t d, then o u t or e r r.
  const at = stampEnd + 1;
  if (line[at] !== 0x73 || line[at + 1] !== 0x74 || line[at + 2] !== 0x64 || line[at + 6] !== space) return null;
  const isOut = line[at + 3] === 0x6f && line[at + 4] === 0x75 && line[at + 5] === 0x74;
  const isErr = line[at + 3] === 0x65 && line[at + 4] === 0x72 && line[at + 5] === 0x72;
  if (!isOut && !isErr) return null;
  const flag = line[at + 7];
  if (flag !== full && flag !== partialFlag) return null;
  let end = at + 8;
  if (line[end] === colon) while (end < line.length && line[end] !== space) end++;
  if (end < line.length && line[end] !== space) return null;
  return {
    body: line.subarray(Math.min(end + 1, line.length)),
    partial: flag === partialFlag,
    output: isOut ? 'stdout' : 'stderr',
    timeNs: runtimeTime(bufferOf(line).toString('latin1', 0, stampEnd)),
  };
}
