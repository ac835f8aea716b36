/**
 * Writes lines at a steady rate, one write a millisecond, each with the time of its write: `file linesPerSecond [rotateBytes]`. Past `rotateBytes` the
 * file is renamed to `.1`, the one before to `.2`, up to `.6`. Ends on SIGTERM, when it says how many lines it wrote.
 */
import { closeSync, existsSync, openSync, renameSync, writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { lineBytes, LineMaker, writeStamp } from './ship-lines.ts';

const [path, rate, rotate] = process.argv.slice(2) as [string, string, string | undefined];
const rotationsKept = 6;
const linesPerMs = Number(rate) / 1000;
const rotateBytes = rotate === undefined ? Infinity : Number(rotate);
// Made before: making a line takes longer than writing it.
const maker = new LineMaker();
const bodies = Array.from({ length: 50_000 }, () => Buffer.from(`${maker.line(writeStamp(0))}\n`, 'latin1'));
const stampBytes = writeStamp(0).length;

let file = openSync(path, 'a');
let fileBytes = 0;
let written = 0;
const startedMs = performance.now();

function write(): void {
  const due = Math.floor((performance.now() - startedMs) * linesPerMs) - written;
  if (due <= 0) return;
  const stamp = writeStamp(performance.timeOrigin + performance.now());
  const bytes = Buffer.allocUnsafe(due * (lineBytes + 1));
  for (let line = 0; line < due; line++) {
    const at = line * (lineBytes + 1);
    bodies[(written + line) % bodies.length]!.copy(bytes, at);
    bytes.write(stamp, at, stampBytes, 'latin1');
  }
  writeSync(file, bytes);
  written += due;
  fileBytes += bytes.length;
  if (fileBytes < rotateBytes) return;
  closeSync(file);
  for (let rotation = rotationsKept; rotation > 1; rotation--) if (existsSync(`${path}.${rotation - 1}`)) renameSync(`${path}.${rotation - 1}`, `${path}.${rotation}`);
  renameSync(path, `${path}.1`);
  file = openSync(path, 'a');
  fileBytes = 0;
}

const timer = setInterval(write, 1);
process.on('SIGTERM', () => {
  clearInterval(timer);
  process.stdout.write(`${written}\n`, () => process.exit());
});
process.stdout.write('writing\n');
