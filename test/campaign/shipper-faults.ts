/** What can befall a shipper: its end at any moment, its disk, its checkpoint, its clock, its limits, its rights. */
import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, existsSync, fchmodSync, fstatSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { nobody } from '../helpers/command.ts';
import type { Chance } from './chance.ts';
import type { Outcome, ShipperFaultKind } from './fault.ts';
import type { RotatedLog } from './rotated-log.ts';
import type { ShipperSeat } from './shipper-seat.ts';
import { within } from './within.ts';

export function shipperFault(kind: ShipperFaultKind, seat: ShipperSeat, chance: Chance): Promise<Outcome> {
  switch (kind) {
    case 'kill-shipper':
      return kill(seat, chance);
    case 'restart-shipper':
      return restart(seat, chance);
    case 'disk-full':
      return fillDisk(seat, chance);
    case 'checkpoint-deleted':
      return loseCheckpoint(seat, chance);
    case 'checkpoint-old':
      return changeCheckpoint(seat, chance);
    case 'clock-step':
      return stepClock(seat, chance);
    case 'no-descriptors':
      return takeDescriptors(seat, chance);
    case 'no-access':
      return takeAccess(seat, chance);
  }
}

/** Starts it again at once, or after a while in which files are rotated behind its back. */
async function startAgain(seat: ShipperSeat, chance: Chance): Promise<string> {
  const downMs = chance.pick([0, 0, 0, 200, 1000, 4000]);
  await pause(downMs);
  seat.part.launch();
  return `down for ${downMs} ms`;
}

async function kill(seat: ShipperSeat, chance: Chance): Promise<Outcome> {
  await pause(chance.below(0, 300));
  const hit = seat.isMoving;
  await seat.part.kill9();
  let how = await startAgain(seat, chance);
  if (chance.happens(0.25)) {
    // Again while it starts.
    const afterMs = chance.below(50, 1200);
    await pause(afterMs);
    await seat.part.kill9();
    seat.part.launch();
    how += `, and again after ${afterMs} ms`;
  }
  return { hit, how };
}

/** As a roll-out does. */
async function restart(seat: ShipperSeat, chance: Chance): Promise<Outcome> {
  const hit = seat.isMoving;
  const code = await seat.part.stop(stopMsMax);
  return { hit, how: `ended with ${code ?? 'a kill after its time'}, ${await startAgain(seat, chance)}` };
}

async function fillDisk(seat: ShipperSeat, chance: Chance): Promise<Outcome> {
  if (!seat.hasOwnDisk) return { hit: false, how: 'no disk of its own' };
  if (!seat.part.isRunning) return { hit: false, how: 'not running' };
  const said = seat.part.saidChars;
  const free = seat.fillDisk();
  let hit = false;
  let how = 'full';
  try {
    hit = await within(saveMsMax, 50, () => seat.part.saidSince(said, /ENOSPC/));
    await pause(chance.below(0, 2000));
    if (chance.happens(0.3)) {
      await seat.part.kill9();
      how = 'full, and killed';
    }
  } finally {
    free();
  }
  if (!seat.part.isRunning) seat.part.launch();
  return { hit, how };
}

async function loseCheckpoint(seat: ShipperSeat, chance: Chance): Promise<Outcome> {
  const moved = seat.isMoving;
  await seat.part.kill9();
  const path = seat.checkpointPath;
  if (path !== null) rmSync(path);
  const how = await startAgain(seat, chance);
  return { hit: moved && path !== null, how };
}

async function changeCheckpoint(seat: ShipperSeat, chance: Chance): Promise<Outcome> {
  const moved = seat.isMoving;
  await seat.part.kill9();
  const path = seat.checkpointPath;
  const older = seat.snapshots.length === 0 ? null : chance.pick(seat.snapshots);
  let how = 'there was none';
  if (path !== null && older !== null) {
    const way = chance.pick(['older', 'older', 'cut', 'flipped', 'empty', 'newer version'] as const);
    const changed = Buffer.from(older);
    if (way === 'flipped') changed[chance.below(0, changed.length)]! ^= 1 << chance.below(0, 8);
    const content = { older, cut: older.subarray(0, chance.below(0, older.length)), flipped: changed, empty: Buffer.alloc(0), 'newer version': Buffer.from('{"version":99,"sha256":""}\n{}') }[way];
    writeFileSync(path, content);
    if (way !== 'older') seat.damages += 1;
    how = way;
  }
  how += `, ${await startAgain(seat, chance)}`;
  return { hit: moved && path !== null && older !== null, how };
}

async function stepClock(seat: ShipperSeat, chance: Chance): Promise<Outcome> {
  const hit = seat.isMoving;
  const offsets = Array.from({ length: chance.below(1, 3) }, () => chance.pick([-90_000_000, -3_600_000, -61_000, -2500, -40, 40, 2500, 61_000, 1_800_000, 90_000_000]));
  for (const offsetMs of offsets) {
    seat.setClock(offsetMs);
    await pause(chance.below(500, 2000));
  }
  seat.setClock(0);
  return { hit, how: `by ${offsets.map(ms => `${ms / 1000} s`).join(', ')} and back` };
}

/** A rotation that has to open a file. */
function rotatingLog(seat: ShipperSeat, chance: Chance): RotatedLog {
  return chance.pick(seat.logs.filter(log => log.style.kind === 'rename' || log.style.kind === 'copytruncate'));
}

/** Until a checkpoint should have been saved. */
const saveMsMax = 6000;
const waitMsMax = 3000;
const startMsMax = 10_000;
const stopMsMax = 10_000;

async function takeDescriptors(seat: ShipperSeat, chance: Chance): Promise<Outcome> {
  // Whoever cannot even load his program has no chance to do better.
  if (!(await within(startMsMax, 100, async () => (await seat.status()) !== null))) return { hit: false, how: 'not running' };
  const hit = seat.isMoving;
  const pid = String(seat.part.pid);
  const nowOpen = seat.part.openFiles;
  const left = chance.pick([0, 0, 1, 3]);
  const log = rotatingLog(seat, chance);
  // As the process's own user: another's needs a capability that root in a container does not have.
  const limit = (softLimit: string): void => void execFileSync('prlimit', ['--pid', pid, `--nofile=${softLimit}:`], seat.isOtherUser ? { uid: nobody, gid: nobody } : {});
  const usual = /Max open files\s+(\d+)/.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))![1]!;
  limit(String(nowOpen + left));
  try {
    await log.rotate({ chance, harsh: false, shipped: seat, waitMsMax });
    await pause(chance.below(500, 2500));
  } finally {
    if (seat.part.isRunning) limit(usual);
  }
  return { hit, how: `${left} left, with a rotation` };
}

async function takeAccess(seat: ShipperSeat, chance: Chance): Promise<Outcome> {
  if (!seat.isOtherUser) return { hit: false, how: 'the campaign runs as the same user' };
  const moved = seat.isMoving;
  const log = rotatingLog(seat, chance);
  const ofFolder = chance.happens(0.5);
  const withKill = chance.happens(0.4);
  const path = ofFolder ? dirname(log.path) : log.path;
  if (!existsSync(path)) return { hit: false, how: 'nothing there' };
  // By descriptor: it may have another name when it is given back.
  const fd = openSync(path, 'r');
  const mode = fstatSync(fd).mode & 0o777;
  fchmodSync(fd, 0);
  try {
    if (withKill) {
      await seat.part.kill9();
      seat.part.launch();
    } else await log.rotate({ chance, harsh: false, shipped: seat, waitMsMax });
    await pause(chance.below(500, 3000));
  } finally {
    fchmodSync(fd, mode);
    closeSync(fd);
    // A copy was made with the rights of its original.
    const folder = dirname(log.path);
    for (const name of readdirSync(folder)) if ((statSync(join(folder, name), { throwIfNoEntry: false })?.mode ?? 0o644) % 0o1000 === 0) chmodSync(join(folder, name), 0o644);
  }
  return { hit: moved, how: `${ofFolder ? 'folder' : 'file'}, ${withKill ? 'killed and started again' : 'rotated'} meanwhile` };
}
