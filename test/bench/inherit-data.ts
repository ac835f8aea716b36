/** Logs with their ids cut out of some lines, and what those lines were: the truth that inference is measured against. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Queries } from '../../query/queries.ts';
import { EmbeddedReader } from '../../query/store/embedded-reader.ts';
import { contentKeysOf } from '../../query/timeline/inherit/content-keys.ts';
import { tagOf } from '../../query/timeline/inherit/window-line.ts';
import { strongestIdOf } from '../../query/timeline/closure.ts';
import { canonicalIdsOf, idRank } from '#schemas/alias.ts';
import { defaultOptions } from '#schemas/options.ts';
import type { LogEvent } from '#schemas/event.ts';
import { ingested, neverAborted } from '../helpers/store.ts';
import { StoreData } from './store-data.ts';

/** A line by its file and number, the same however many ids were cut out of it. */
export interface TrueLine {
  key: string;
  event: LogEvent;
  /** Root of its request, or null where it is none's or nobody knows. */
  request: string | null;
}

export interface Truth {
  /** Folder of plain files. */
  folder: string;
  lines: Map<string, TrueLine>;
  /** Path below the folder -> its lines. */
  files: Map<string, string[]>;
}

const endOfTime = 2n ** 62n;
const reachNs = 10_000_000_000n;

/** Copies logs as plain files, so that their lines can be changed. */
export function copyPlain(from: string, to: string): void {
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    const target = join(to, relative(from, path).replace(/\.gz$/, ''));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, path.endsWith('.gz') ? gunzipSync(bytes) : bytes);
  }
}

/** Logs of twelve services at 1,000 lines a second. @returns their folder */
export function busyLogs(into: string, lines: number): string {
  const files = new Map<string, string[]>();
  for (const { service, raw } of new StoreData(5, lines, 1_000).batch(lines)) {
    const text = Buffer.from(raw).toString('latin1');
    const file = files.get(service!);
    if (file === undefined) files.set(service!, [text]);
    else file.push(text);
  }
  mkdirSync(into, { recursive: true });
  for (const [service, texts] of files) writeFileSync(join(into, `${service}.log`), `${texts.join('\n')}\n`, 'latin1');
  return into;
}

export interface Stored {
  queries: Queries;
  /** By a reader that has looked at nothing yet. */
  anew(): Promise<Queries>;
  events: { key: string; event: LogEvent }[];
  keyOf: Map<string, string>;
  close(): Promise<void>;
}

/** Stores a folder and names every event by its file and line. */
export async function stored(folder: string, dataDir: string): Promise<Stored> {
  rmSync(dataDir, { recursive: true, force: true });
  const report = await ingested([folder], dataDir);
  const reader = new EmbeddedReader(dataDir);
  let queries = new Queries(reader, defaultOptions());
  const pathOf = new Map(report.files.map(file => [file.streamId!, file.path]));
  const numbers = new Map([...pathOf].map(([streamId, path]) => [streamId, lineNumbers(readFileSync(path))]));
  const { parts } = await reader.window([{ fromNs: -endOfTime, toNs: endOfTime }], false, { signal: neverAborted, budget: { eventsMax: 1e9, bytesMax: Infinity, msMax: 1e9 } });
  const keyed = parts.flatMap(part => part.rows.map(row => part.event(row))).filter(event => event.gap === null).map(event => ({ key: `${relative(folder, pathOf.get(event.streamId)!)}:${numbers.get(event.streamId)!.get(event.streamOffset)!}`, event }));
  const anew = async (): Promise<Queries> => {
    await queries.close();
    return (queries = new Queries(new EmbeddedReader(dataDir), defaultOptions()));
  };
  return { queries, anew, events: keyed, keyOf: new Map(keyed.map(({ key, event }) => [event.eventId, key])), close: () => queries.close() };
}

function lineNumbers(content: Buffer): Map<number, number> {
  const numbers = new Map<number, number>();
  for (let line = 1, offset = 0; offset < content.length; line++) {
    numbers.set(offset, line);
    const newline = content.indexOf(10, offset);
    offset = newline < 0 ? content.length : newline + 1;
  }
  return numbers;
}

/** @param byThread whether a line without an id is its thread's request, as it is in logs that are known to be so */
export async function truthOf(folder: string, dataDir: string, byThread: boolean): Promise<Truth> {
  const all = await stored(folder, dataDir);
  const lines = new Map<string, TrueLine>(all.events.map(({ key, event }) => [key, { key, event, request: null }]));
  const roots = new Set<string>();
  for (const { event } of all.events) {
    const id = strongestIdOf(event);
    if (id === null || roots.has(id.canonical)) continue;
    const timeline = await all.queries.timeline(id.value, { inferred: false }, neverAborted);
    for (const each of timeline.ids) roots.add(each.value.toLowerCase());
    for (const { eventId } of timeline.events) lines.get(all.keyOf.get(eventId)!)!.request = timeline.id;
    roots.add(id.canonical);
  }
  if (byThread) {
    const inOrder = [...lines.values()].sort((a, b) => (a.event.timeNs < b.event.timeNs ? -1 : a.event.timeNs > b.event.timeNs ? 1 : a.event.streamOffset - b.event.streamOffset));
    const last = new Map<string, TrueLine>();
    for (const line of inOrder) {
      const tag = tagOf(line.event);
      if (tag === null) continue;
      const worker = `${line.event.source} ${tag}`;
      line.request ??= last.get(worker)?.request ?? null;
      last.set(worker, line);
    }
  }
  await all.close();
  const files = new Map([...new Set([...lines.keys()].map(fileOf))].map(path => [path, readFileSync(join(folder, path), 'latin1').split('\n')]));
  return { folder, lines, files };
}

export const fileOf = (key: string): string => key.slice(0, key.lastIndexOf(':'));
const numberOf = (key: string): number => Number(key.slice(key.lastIndexOf(':') + 1));

/** Writes the logs without the ids of the lines that `isCut` names. @returns the keys of those lines */
export function writeCut(truth: Truth, folder: string, isCut: (line: TrueLine) => boolean): Set<string> {
  rmSync(folder, { recursive: true, force: true });
  const cut = new Set<string>();
  const files = new Map([...truth.files].map(([path, lines]) => [path, [...lines]]));
  for (const line of truth.lines.values()) {
    const ids = line.event.ids.filter(id => idRank(id.kind) !== null);
    if (line.request === null || ids.length === 0 || !isCut(line)) continue;
    cut.add(line.key);
    const lines = files.get(fileOf(line.key))!;
    const first = numberOf(line.key) - 1;
    const count = Buffer.from(line.event.raw).toString('latin1').split('\n').length;
    for (let at = first; at < first + count; at++) for (const { value } of ids) lines[at] = lines[at]!.replaceAll(value, '');
  }
  for (const [path, lines] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), lines.join('\n'), 'latin1');
  }
  return cut;
}

/**
 * What honest evidence could know of the lines that have no id: those of a worker that a line of the request with an id names too, and those with a value
 * that such a line has too and no other request has which is at work within `reachNs` of it. A session's next request may be its own as soon as the last
 * line with an id was written, so of a session, user or connection only lines between lines with ids count.
 */
export function knowable(truth: Truth, withoutId: ReadonlySet<string>): { tagged: Set<string>; keyed: Set<string> } {
  const workers = new Map<string, Set<string>>();
  const values = new Map<string, Set<string>>();
  const seen = new Map<string, Set<string>>();
  const keys = new Map<string, string[]>();
  const add = (map: Map<string, Set<string>>, key: string, value: string): void => void (map.get(key) ?? map.set(key, new Set()).get(key)!).add(value);
  const spans = new Map<string, { from: bigint; to: bigint }>();
  for (const { event: { timeNs }, request } of truth.lines.values()) {
    if (request === null) continue;
    const span = spans.get(request) ?? { from: timeNs, to: timeNs };
    spans.set(request, { from: timeNs < span.from ? timeNs : span.from, to: timeNs > span.to ? timeNs : span.to });
  }
  const shared = new Set<string>();
  const known = new Map<string, { from: bigint; to: bigint }>();
  for (const { key, event, request } of truth.lines.values()) {
    for (const { kind, value } of event.ids) if (kind === 'session' || kind === 'user' || kind === 'connection') shared.add(value.toLowerCase());
    if (request === null || withoutId.has(key)) continue;
    const span = known.get(request) ?? { from: event.timeNs, to: event.timeNs };
    known.set(request, { from: event.timeNs < span.from ? event.timeNs : span.from, to: event.timeNs > span.to ? event.timeNs : span.to });
  }
  for (const { key, event, request } of truth.lines.values()) {
    const own = new Set(canonicalIdsOf(event).filter(id => idRank(id.kind) !== null).map(id => id.value.toLowerCase()));
    keys.set(key, contentKeysOf(event, Number(event.timeNs / 1_000_000n)).map(({ text }) => text.toLowerCase()).filter(text => !own.has(text)));
    if (request === null) continue;
    for (const text of keys.get(key)!) add(seen, text, request);
    if (withoutId.has(key)) continue;
    const tag = tagOf(event);
    if (tag !== null) add(workers, `${event.source} ${tag} ${request}`, key);
    for (const text of keys.get(key)!) add(values, text, request);
  }
  const tagged = new Set<string>();
  const keyed = new Set<string>();
  for (const key of withoutId) {
    const { event, request } = truth.lines.get(key)!;
    if (request === null) continue;
    const tag = tagOf(event);
    if (tag !== null && workers.has(`${event.source} ${tag} ${request}`)) tagged.add(key);
    const isOwn = (text: string): boolean => [...seen.get(text)!].every(other => other === request || event.timeNs < spans.get(other)!.from - reachNs || event.timeNs > spans.get(other)!.to + reachNs);
    const span = known.get(request);
    const isAmong = span !== undefined && event.timeNs >= span.from && event.timeNs <= span.to;
    if (keys.get(key)!.some(text => values.get(text)?.has(request) === true && isOwn(text) && (isAmong || !shared.has(text)))) keyed.add(key);
  }
  return { tagged, keyed };
}
