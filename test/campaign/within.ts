import { setTimeout as pause } from 'node:timers/promises';

/** Asks every so often, for at most so long. @returns whether it became so */
export async function within(msMax: number, everyMs: number, isSo: () => boolean | Promise<boolean>): Promise<boolean> {
  const endMs = Date.now() + msMax;
  while (!(await isSo())) {
    if (Date.now() >= endMs) return false;
    await pause(everyMs);
  }
  return true;
}
