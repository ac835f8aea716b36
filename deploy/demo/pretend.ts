import { setTimeout as pause } from 'node:timers/promises';

/** Takes between `msMin` and `msMax`, mostly near `msMin`, as real work does. Resolves with how long it was meant to take, in whole milliseconds. */
export async function work(msMin: number, msMax: number): Promise<number> {
  const tookMs = Math.round(msMin + (msMax - msMin) * Math.random() ** 3);
  await pause(tookMs);
  return tookMs;
}

/** True once in `times` on average. */
export function onceIn(times: number): boolean {
  return Math.random() * times < 1;
}

/** `things` may not be empty. */
export function oneOf<T>(things: readonly T[]): T {
  return things[Math.floor(Math.random() * things.length)]!;
}
