import { nearestName } from '#lib/nearest-name.ts';
import { levels, type Level } from '../event.ts';

/** Other names people type for the six levels, and the numbers that bunyan and pino write. */
const otherNames: Record<string, Level> = {
  verbose: 'trace', finest: 'trace', '10': 'trace',
  fine: 'debug', finer: 'debug', '20': 'debug',
  notice: 'info', information: 'info', informational: 'info', '30': 'info',
  warning: 'warn', '40': 'warn',
  err: 'error', severe: 'error', failure: 'error', '50': 'error',
  critical: 'fatal', crit: 'fatal', alert: 'fatal', emergency: 'fatal', emerg: 'fatal', panic: 'fatal', '60': 'fatal',
};

/** The level a word names, in any case, or null. */
export function readLevel(word: string): Level | null {
  const name = word.toLowerCase();
  return levels.find(level => level === name) ?? (Object.hasOwn(otherNames, name) ? otherNames[name]! : null);
}

export function nearestLevel(word: string): string | null {
  const name = nearestName(word, [...levels, ...Object.keys(otherNames).filter(other => !/^\d/.test(other))]);
  return name === null ? null : readLevel(name);
}
