/** What all text output shares: colour, width, and making a log line safe for a terminal. */
import { styleText } from 'node:util';

/** Below this many columns a terminal wraps; nothing is made to fit. */
const narrowest = 60;

export interface Terminal {
  width: number;
  colour: boolean;
  /** A person's screen, which log lines must not be able to steer; false for a file or a pipe. */
  isTerminal: boolean;
}

export function terminalOf(stream: NodeJS.WriteStream): Terminal {
  return { width: stream.isTTY && stream.columns > 0 ? Math.max(narrowest, stream.columns) : 200, colour: stream.isTTY && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb', isTerminal: stream.isTTY };
}

type Format = Parameters<typeof styleText>[0];

export function paint(terminal: Terminal, format: Format, text: string): string {
  return terminal.colour ? styleText(format, text, { validateStream: false }) : text;
}

const levelFormats: Record<string, Format> = { trace: 'gray', debug: 'gray', info: 'green', warn: 'yellow', error: 'red', fatal: ['red', 'bold'] };
export const levelWidth = 5;

/** A level in its colour, five characters wide; a dash where it is unknown. */
export function levelText(terminal: Terminal, level: string | null): string {
  const text = (level ?? '-').toUpperCase().padEnd(levelWidth);
  return level === null ? paint(terminal, 'gray', text) : paint(terminal, levelFormats[level] ?? 'reset', text);
}

const serviceFormats: Format[] = ['cyan', 'magenta', 'blue', 'yellow', 'green', 'cyanBright', 'magentaBright', 'blueBright', 'yellowBright', 'greenBright'];

/** One colour per service, the same in one output. */
export function serviceFormat(services: readonly string[], service: string): Format {
  return serviceFormats[Math.max(0, services.indexOf(service)) % serviceFormats.length]!;
}

/** Control characters as visible ones: a log line must not be able to move the cursor or set the title of the terminal that shows it. */
export function printable(text: string): string {
  return text.replace(/\t/g, '  ').replace(/[\u0000-\u001f\u007f-\u009f]/g, character => (character === '\n' ? ' ⏎ ' : character === '\r' ? '␍' : '\ufffd'));
}

export function fit(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** Shortened from the left, because the end of a path, its file name, is what tells files apart. */
export function fitPath(path: string, width: number): string {
  return path.length <= width ? path : `…${path.slice(path.length - Math.max(0, width - 1))}`;
}

/** `1 file`, `2 files`. */
export function counted(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** JSON that a terminal may show: the control characters that JSON itself lets through are escaped. It stays the same JSON. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\u009f]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** `1 234.567`: milliseconds with microseconds, thousands apart. */
export function milliseconds(ns: bigint): string {
  const sign = ns < 0n ? '-' : '';
  const micros = (ns < 0n ? -ns : ns) / 1000n;
  const whole = (micros / 1000n).toString().replace(/\B(?=(\d{3})+$)/g, ' ');
  return `${sign}${whole}.${(micros % 1000n).toString().padStart(3, '0')}`;
}

/** `2022-08-22 05:18:16`: to the second, where more would only be in the way. */
export function shortTime(time: string): string {
  return time.slice(0, 19).replace('T', ' ');
}

/** `4.5 MB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${units[unit]!}`;
}

export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** Rows as aligned columns; numbers, as text of digits, to the right. Control characters in cells are made visible. */
export function table(headings: readonly string[], cells: readonly (readonly string[])[]): string {
  const rows = cells.map(row => row.map(printable));
  const widths = headings.map((heading, column) => Math.max(heading.length, ...rows.map(row => row[column]!.length)));
  const isNumber = headings.map((_, column) => rows.length > 0 && rows.every(row => /^[\d .,]+( [kMGT]?B)?$|^-?$/.test(row[column]!)));
  const line = (cells: readonly string[]): string => cells.map((cell, column) => (isNumber[column] === true ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join('  ').trimEnd();
  return [line(headings), ...rows.map(line)].join('\n');
}
