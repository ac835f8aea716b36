// An application in a container: writes numbered lines, rotates its file by renaming and keeps all of it, and says goodbye when it is told to end.
// Plain JavaScript without imports of ours: it runs inside an image that has nothing of the repository.
import { closeSync, existsSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

const path = process.env.LOG_FILE;
const linesPerTurn = Number(process.env.LINES_PER_TURN ?? 20);
const rotateBytes = Number(process.env.ROTATE_BYTES ?? 1_000_000);
// Tells the lines of this start from those of the one before.
const start = Date.now().toString(36);
let number = 0;
let file = openSync(path, 'a');

function write(lines, text) {
  let bytes = '';
  for (let line = 0; line < lines; line++) bytes += `${new Date().toISOString()} INFO start=${start} line=${number++} ${text}\n`;
  writeSync(file, bytes);
}

function rotate() {
  if (fstatSync(file).size < rotateBytes) return;
  closeSync(file);
  let oldest = 1;
  while (existsSync(`${path}.${oldest}`)) oldest += 1;
  for (let rotation = oldest; rotation > 1; rotation--) renameSync(`${path}.${rotation - 1}`, `${path}.${rotation}`);
  renameSync(path, `${path}.1`);
  file = openSync(path, 'a');
}

setInterval(() => {
  write(linesPerTurn, 'cart loaded with 3 items worth 4711 minor units for session 8f3a');
  rotate();
}, 5);
process.on('SIGTERM', () => {
  write(500, 'goodbye');
  process.exit(0);
});
