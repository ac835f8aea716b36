import type { Level } from '#schemas/event.ts';
import { withoutAnsi } from '../formats/ansi.ts';

const namesByLevel: Record<Level, string> = {
  trace: 'trace trce trac trc verbose vrb finest silly',
  debug: 'debug dbug debu debg dbg fine finer',
  info: 'info inf information informational notice noti note success',
  warn: 'warn warning wrn',
  error: 'error err erro eror severe failure fail',
  fatal: 'fatal fata ftl critical crit alert emergency emerg panic pani pnc dpanic',
};
const levelByName = new Map(Object.entries(namesByLevel).flatMap(([level, names]) => names.split(' ').map(name => [name, level as Level] as const)));
const levelByLetter = new Map<string, Level>([['T', 'trace'], ['V', 'trace'], ['D', 'debug'], ['I', 'info'], ['W', 'warn'], ['E', 'error'], ['F', 'fatal'], ['C', 'fatal']]);

/** The level a name stands for, in any case, also numbered (`DEBUG5`). Null for what is no level name. */
export function levelOfName(name: string): Level | null {
  if (name.length < 3 || name.length > 16) return null;
  const level = levelByName.get(name) ?? levelByName.get(name.toLowerCase());
  if (level !== undefined) return level;
  const numbered = /^(trace|debug)[0-9]$/i.exec(name);
  return numbered === null ? null : (levelByName.get(numbered[1]!.toLowerCase()) ?? null);
}

/** The one-letter levels of glog, klog, MongoDB, Ruby and logcat. */
export function levelOfLetter(letter: string): Level | null {
  return levelByLetter.get(letter) ?? null;
}

const syslogLevels: readonly Level[] = ['fatal', 'fatal', 'fatal', 'error', 'warn', 'info', 'info', 'debug'];
const tens: readonly Level[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** A syslog severity, 0 (emergency) to 7 (debug). */
export function levelOfSyslogSeverity(severity: number): Level | null {
  return syslogLevels[severity] ?? null;
}

/** A number under a level key: 0 to 7 are syslog's, 10 to 69 bunyan's and pino's, an unnamed one by the nearest named below it (55 is error). */
export function levelOfNumber(value: number): Level | null {
  if (value >= 10 && value < 70) return tens[Math.floor(value / 10) - 1]!;
  return value >= 5000 ? (thousands.get(value) ?? null) : Number.isInteger(value) ? levelOfSyslogSeverity(value) : null;
}

/** log4j's numbers, and under `severity` Google's. */
const thousands = new Map<number, Level>([[5000, 'trace'], [10_000, 'debug'], [20_000, 'info'], [30_000, 'warn'], [40_000, 'error'], [50_000, 'fatal']]);
const googleHundreds = new Map<number, Level>([[100, 'debug'], [200, 'info'], [300, 'info'], [400, 'warn'], [500, 'error'], [600, 'fatal'], [700, 'fatal'], [800, 'fatal']]);

export function levelOfGoogle(value: unknown): Level | null {
  return typeof value === 'number' && value >= 100 ? (googleHundreds.get(value) ?? null) : levelOfValue(value);
}

/** OpenTelemetry's severity number, 1 to 24 in steps of four. */
export function levelOfOtelNumber(value: number): Level | null {
  return value >= 1 && value < 25 ? tens[Math.floor((value - 1) / 4)]! : null;
}

/** Python's `levelno`: 10 is debug, 50 critical. */
export function levelOfPythonNumber(value: number): Level | null {
  return value >= 10 && value < 60 ? tens[Math.floor(value / 10)]! : null;
}

const digits = /^[0-9]{1,2}$/;
const slogLevel = /^(DEBUG|INFO|WARN|ERROR)[+-][0-9]{1,3}$/;

/** The level a field holds, as a name or a number. */
export function levelOfValue(value: unknown): Level | null {
  if (typeof value === 'number') return levelOfNumber(value);
  if (typeof value !== 'string') return null;
  const name = levelOfName(value);
  if (name !== null) return name;
  if (digits.test(value)) return levelOfNumber(Number(value));
  // What consoles call a plain line; in text it is as often a word.
  if (value === 'log' || value === 'LOG') return 'info';
  // A logger that colours levels colours them in JSON, too; slog counts between its names (`INFO+2`).
  const bare = withoutAnsi(value).trim();
  const plain = slogLevel.exec(bare)?.[1] ?? bare;
  return plain.length === value.length ? null : levelOfName(plain);
}
