import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Framing } from '#schemas/chunk.ts';
import type { LogEvent } from '#schemas/event.ts';
import { corpusFolder } from '../helpers/corpus-folder.ts';
import { eventsOf, lostBytes, type PipelineOptions } from './pipeline.ts';
import type { Tally } from './tally.ts';

/** A corpus file's bytes, unpacked. */
export function bytesOf(name: string): Buffer {
  const bytes = readFileSync(join(corpusFolder, name));
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

export function jsonOf(name: string): unknown {
  return JSON.parse(bytesOf(name).toString());
}

/** Paths below a folder of the corpus, sorted, relative to the corpus. */
export function filesBelow(folder: string): string[] {
  return readdirSync(join(corpusFolder, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(corpusFolder.length + 1))
    .sort();
}

/** A file's events; that no byte of it was lost is counted. */
export function eventsOfFile(tally: Tally, name: string, options: PipelineOptions = {}): LogEvent[] {
  const bytes = bytesOf(name);
  const events = eventsOf(bytes, options);
  checkRaw(tally, name, bytes, events, options.framing ?? 'plain');
  return events;
}

export function checkRaw(tally: Tally, name: string, bytes: Buffer, events: readonly LogEvent[], framing: Framing): void {
  tally.equal('raw files', lostBytes(bytes, events, framing).slice(0, 3), [], null, name);
}

/** Physical line number, from 1, by streamOffset. */
export function lineNumbers(bytes: Buffer): Map<number, number> {
  const numbers = new Map<number, number>();
  for (let at = 0, line = 1; at < bytes.length; line++) {
    numbers.set(at, line);
    const newline = bytes.indexOf(10, at);
    at = newline < 0 ? bytes.length : newline + 1;
  }
  return numbers;
}

/** For each physical line, the event that holds it. */
export function eventsByLine(bytes: Buffer, events: readonly LogEvent[]): Map<number, LogEvent> {
  const numbers = lineNumbers(bytes);
  const byLine = new Map<number, LogEvent>();
  for (const event of events) {
    for (const { from, to } of event.pieces) {
      for (let at = from; at < to; ) {
        byLine.set(numbers.get(at)!, event);
        const newline = bytes.indexOf(10, at);
        at = newline < 0 ? to : newline + 1;
      }
    }
  }
  return byLine;
}

/** Rows of a CSV with a header line; quotes as RFC 4180 has them. */
export function csvRows(text: string): Record<string, string>[] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index]!;
    if (quoted) {
      if (char !== '"') cell += char;
      else if (text[index + 1] === '"') cell += text[++index]!;
      else quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === ',' || char === '\n') {
      row.push(cell);
      cell = '';
      if (char === '\n') {
        rows.push(row);
        row = [];
      }
    } else if (char !== '\r') cell += char;
  }
  if (cell !== '' || row.length > 0) rows.push([...row, cell]);
  const [names, ...rest] = rows;
  return rest.map(values => Object.fromEntries(names!.map((name, index) => [name, values[index] ?? ''])));
}
