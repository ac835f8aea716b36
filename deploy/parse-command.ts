/** `leadline parse --try FILE`: lines through the collector's own steps, and what came of each; nothing is stored. */
import { statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { eventOf } from '../collector/event-of.ts';
import { explain, type Explanation } from '../collector/explain.ts';
import { zoneOf } from '../collector/fields/zone.ts';
import { LineAssembler, type ClosedGroup } from '../collector/lines/assembler.ts';
import { patternsOf } from '../collector/patterns/patterns.ts';
import { Templates } from '../collector/templates/templates.ts';
import { newLines } from '../collector/trim.ts';
import { counted, levelText, paint, printable, printableJson, terminalOf, type Terminal } from '../query/cli/render/terminal.ts';
import { openByteSource } from '../shipper/byte-source.ts';
import { framingOf } from '../shipper/framing.ts';
import type { Chunk } from '#schemas/chunk.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import { eventToJson, type EventJson } from '#schemas/event.ts';
import { originOfPath, parsePathPattern } from '#schemas/path-pattern.ts';
import type { Config } from './config.ts';

const found = 0;
const nothingFound = 1;
const linesDefault = 100;
const readBytes = 256 * 1024;
const newline = 10;

/** An event with what it was understood from, as NDJSON has it. */
export type TriedEvent = Omit<EventJson, Place> & Explanation & { line: number; lines: number };

export interface TriedSummary {
  lines: number;
  events: number;
  formats: Record<string, number>;
  /** Numbers of the first lines of the events without one. */
  withoutTime: number[];
  withoutLevel: number[];
  withRequestId: number;
  templates: number;
}

/** @returns 1 where there was no line. @throws LeadlineError PATH_NOT_FOUND, PATH_NOT_READABLE, BAD_OPTION */
export async function tryParse(path: string, flags: Record<string, unknown>, config: Config): Promise<number> {
  const linesMax = linesOf(flags['lines']);
  const forPrograms = config.options.json || !process.stdout.isTTY;
  const terminal = terminalOf(process.stdout);
  const summary: TriedSummary = { lines: 0, events: 0, formats: {}, withoutTime: [], withoutLevel: [], withRequestId: 0, templates: 0 };
  const attempt = new Attempt(path, config);
  for await (const bytes of wholeLines(path, linesMax, lines => (summary.lines = lines))) {
    for (const tried of attempt.take(bytes)) show(tried);
  }
  for (const tried of attempt.end()) show(tried);
  summary.templates = attempt.templates.size;
  process.stdout.write(forPrograms ? `${JSON.stringify({ summary })}\n` : `\n${renderSummary(summary, terminal)}\n`);
  return summary.events > 0 ? found : nothingFound;

  function show(tried: TriedEvent): void {
    summary.events += 1;
    summary.formats[tried.format] = (summary.formats[tried.format] ?? 0) + 1;
    if (tried.timeSource === 'read' || tried.timeSource === 'inherited') summary.withoutTime.push(tried.line);
    if (tried.level === null) summary.withoutLevel.push(tried.line);
    if (tried.requestId !== null) summary.withRequestId += 1;
    process.stdout.write(forPrograms ? `${process.stdout.isTTY ? printableJson(tried) : JSON.stringify(tried)}\n` : `${renderTried(tried, terminal)}\n`);
  }
}

/** One file as one stream, as a shipper and a collector would have it. */
class Attempt {
  readonly templates: Templates;
  private readonly assembler: LineAssembler;
  private readonly chunk: Chunk;
  private readonly patterns: ReturnType<NonNullable<ReturnType<typeof patternsOf>>['forService']>;
  private readonly zone: ReturnType<typeof zoneOf>;
  private isFirst = true;
  private offset = 0;
  private lineNumber = 1;
  /** Of the lines that no event was made of yet, by where they begin. */
  private readonly numbers = new Map<number, number>();
  private lastTimeNs: bigint | null = null;

  constructor(path: string, { options }: Config) {
    const isPipe = path === '-';
    const origin = originOfPath(isPipe ? 'stdin.log' : path, options.pathPattern.map(parsePathPattern)).origin;
    const readMs = isPipe ? Date.now() : modifiedMsOf(path);
    this.chunk = { kind: 'lines', source: path, streamId: 'tried', offset: 0, end: 0, codec: 'none', framing: 'plain', lengths: null, part: null, previous: null, gap: null, origin: { ...origin, service: options.service ?? origin.service }, bootId: null, path, readMs, value: new Uint8Array(0) };
    this.assembler = new LineAssembler(options);
    this.patterns = patternsOf(options.patterns)?.forService(this.chunk.origin.service) ?? null;
    this.zone = zoneOf(options.timeZone);
    this.templates = new Templates(options);
  }

  take(bytes: Buffer): TriedEvent[] {
    if (this.isFirst) this.chunk.framing = framingOf(bytes);
    this.isFirst = false;
    this.chunk.offset = this.offset;
    this.offset += bytes.length;
    this.chunk.end = this.offset;
    const lines = [...newLines(this.chunk, bytes, [])];
    for (const { from } of lines) this.numbers.set(from, this.lineNumber++);
    return this.eventsOf(this.assembler.add(this.chunk, lines));
  }

  end(): TriedEvent[] {
    return this.eventsOf(this.assembler.closeAll());
  }

  private eventsOf(groups: readonly ClosedGroup[]): TriedEvent[] {
    return groups.map(group => {
      const event = eventOf(this.chunk, group, this.lastTimeNs, this.templates);
      this.lastTimeNs = event.timeNs;
      const line = this.numbers.get(event.streamOffset) ?? 0;
      for (const from of this.numbers.keys()) if (from < event.streamOffset) this.numbers.delete(from);
      return { line, lines: group.physicalLines, ...withoutPlace(eventToJson(event)), ...explain(event, group, this.patterns, { readMs: this.chunk.readMs, zone: this.zone }) };
    });
  }
}

type Place = (typeof placeKeys)[number];
/** What means nothing of lines that are not stored. */
const placeKeys = ['ids', 'correctedTimeNs', 'clockErrorNs', 'streamId', 'eventId', 'source'] as const;

function withoutPlace(event: EventJson): Omit<EventJson, Place> {
  return Object.fromEntries(Object.entries(event).filter(([key]) => !(placeKeys as readonly string[]).includes(key))) as unknown as Omit<EventJson, Place>;
}

/** Bytes of whole lines, at most `linesMax` of them; what has no newline at the end is a line, too. */
async function* wholeLines(path: string, linesMax: number, counted: (lines: number) => void): AsyncGenerator<Buffer> {
  let lines = 0;
  let rest = Buffer.alloc(0);
  for await (const bytes of bytesOf(path)) {
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    let end = 0;
    for (let at = all.indexOf(newline); at >= 0 && lines < linesMax; at = all.indexOf(newline, end)) {
      end = at + 1;
      lines += 1;
    }
    counted(lines);
    if (end > 0) yield all.subarray(0, end);
    if (lines >= linesMax) return;
    rest = Buffer.from(all.subarray(end));
  }
  if (rest.length === 0) return;
  counted(lines + 1);
  yield rest;
}

async function* bytesOf(path: string): AsyncGenerator<Buffer> {
  if (path === '-') {
    for await (const bytes of process.stdin as Readable) yield bytes as Buffer;
    return;
  }
  let source: ReturnType<typeof openByteSource>;
  try {
    source = openByteSource(path);
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafe(readBytes);
      const length = await source.read(buffer);
      if (length > 0) yield buffer.subarray(0, length);
      if (length < buffer.length) return;
    }
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    source.close();
  }
}

function unreadable(path: string, error: unknown): unknown {
  const systemCode = systemCodeOf(error);
  if (systemCode === null || error instanceof LeadlineError) return error;
  return new LeadlineError(systemCode === 'ENOENT' || systemCode === 'ENOTDIR' ? 'PATH_NOT_FOUND' : 'PATH_NOT_READABLE', { path, systemCode }, { cause: error });
}

/** @throws LeadlineError PATH_NOT_FOUND, PATH_NOT_READABLE, BAD_OPTION */
function modifiedMsOf(path: string): number {
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) throw new LeadlineError('BAD_OPTION', { option: '--try', problem: `${path} is a folder`, fix: 'Name a file in it' });
    return Math.floor(stats.mtimeMs);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function linesOf(given: unknown): number {
  if (typeof given !== 'string') return linesDefault;
  const lines = Number(given);
  if (!Number.isSafeInteger(lines) || lines < 0) throw new LeadlineError('BAD_OPTION', { option: '--lines', problem: `"${given}" is not a number of lines`, fix: 'Write a whole number, or 0 for all lines' });
  return lines === 0 ? Infinity : lines;
}

const labelWidth = 10;
const fieldsShownMax = 24;

function renderTried(tried: TriedEvent, terminal: Terminal): string {
  const { line, lines, format, pattern, time, timeSource, timeFrom, timeAssumed, level, levelFrom, output, message, template, ids, requestId, requestIdSource, exceptionType, joined, fields } = tried;
  const rows: [label: string, text: string][] = [
    ['time', `${time}  ${timeSource === 'line' || timeSource === 'runtime' ? 'from ' : ''}${timeFrom}${timeAssumed === null ? '' : `; its ${timeAssumed} is that of reading`}`],
    ['level', `${levelText(terminal, level)}  ${level === null ? levelFrom : `from ${levelFrom}`}`],
    ['message', printable(message)],
    ['template', printable(template ?? '')],
  ];
  if (pattern !== null) rows.push(['pattern', printable(pattern)]);
  if (joined !== null) rows.push(['joined', `${counted(lines, 'line')}: ${printable(joined)}`]);
  if (exceptionType !== null) rows.push(['exception', printable(exceptionType)]);
  for (const id of ids) rows.push(['id', `${id.kind} ${printable(id.name)}=${printable(id.value)}  ${id.from}${id.shape === null ? '' : `, ${id.shape}`}${id.canonical === null || id.canonical === id.value ? '' : `, the same as ${printable(id.canonical)}`}`]);
  if (requestId !== null) rows.push(['request', `${printable(requestId)}  by ${printable(requestIdSource ?? '')}`]);
  const shown = Object.entries(fields).slice(0, fieldsShownMax).map(([name, value]) => `${printable(name)}=${printable(JSON.stringify(value))}`);
  if (shown.length > 0) rows.push(['fields', shown.join(' ')]);
  const numbers = lines > 1 ? `lines ${line} to ${line + lines - 1}` : `line ${line}`;
  return [paint(terminal, 'bold', `${numbers}: ${format}${output === null ? '' : `, ${output}`}`), ...rows.map(([label, text]) => `  ${paint(terminal, 'gray', label.padEnd(labelWidth))}${text}`)].join('\n');
}

function renderSummary({ lines, events, formats, withoutTime, withoutLevel, withRequestId, templates }: TriedSummary, terminal: Terminal): string {
  const where = (numbers: readonly number[]): string => (numbers.length === 0 ? 'none' : `${counted(numbers.length, 'event')}, at line ${numbers.slice(0, 5).join(', ')}${numbers.length > 5 ? ', ...' : ''}`);
  return [
    paint(terminal, 'bold', `${counted(lines, 'line')}, ${counted(events, 'event')}`),
    `  formats        ${Object.entries(formats).sort((a, b) => b[1] - a[1]).map(([format, count]) => `${format} ${count}`).join(', ') || '-'}`,
    `  without time   ${where(withoutTime)}`,
    `  without level  ${where(withoutLevel)}`,
    `  request ids    on ${counted(withRequestId, 'event')}`,
    `  templates      ${templates}`,
  ].join('\n');
}
