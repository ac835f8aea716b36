/** `leadline store check`, `stats`, `backup` and `export`: upkeep of an embedded store, also beside the process that writes it; `delete` without one. */
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { bytesText, counted, countText, printable, printableJson, table } from '../query/cli/render/terminal.ts';
import { Queries } from '../query/queries.ts';
import { EmbeddedReader } from '../query/store/embedded-reader.ts';
import { deleteEvents, Spellings } from '../collector/store/delete-events.ts';
import { StoreOwner } from '../collector/store/store-owner.ts';
import { forgetTexts } from '../query/alerts/forget-texts.ts';
import { backupStore } from '../query/upkeep/backup-store.ts';
import { checkStore, type CheckedFile } from '../query/upkeep/check-store.ts';
import { eventsFilesOf } from '../query/upkeep/events-files.ts';
import { storeStats, type FileStats } from '../query/upkeep/store-stats.ts';
import { alertsFile, eventsFolder } from '#schemas/embedded/layout.ts';
import { eventToJson, formatTimeNs } from '#schemas/event.ts';
import { withTimes } from '#schemas/query/with-times.ts';
import { readTime } from '#schemas/time-text.ts';
import type { Config } from './config.ts';
import { ProgressBar } from './progress-bar.ts';
import { checkQuery, timeRange } from './read-commands.ts';
import { storedDirOf } from './read-source.ts';

type Flags = Record<string, unknown>;

const done = 0;
const nothingFound = 1;
const damaged = 3;
const exportPageMax = 5000;

const forPrograms = ({ options }: Config): boolean => options.json || !process.stdout.isTTY;
const printRow = (row: unknown): boolean => process.stdout.write(`${process.stdout.isTTY ? printableJson(row) : JSON.stringify(row)}\n`);

/** @returns 3 where something does not fit. @throws LeadlineError NO_STORE */
export async function checkStoreCommand(config: Config): Promise<number> {
  const dir = storedDirOf(config);
  const files: CheckedFile[] = [];
  const total = eventsFilesOf(dir).reduce((sum, { name }) => sum + sizeOf(dir, name), 0);
  let read = 0;
  const bar = new ProgressBar(process.stderr, !config.options.quiet);
  bar.show(0, total, '');
  for await (const file of checkStore(dir)) {
    files.push(file);
    read += sizeOf(dir, file.name);
    bar.show(read, total, file.name);
    if (forPrograms(config)) printRow(file);
  }
  bar.end();
  const bad = files.filter(({ problems }) => problems.length > 0);
  if (!forPrograms(config)) process.stdout.write(`${renderCheck(dir, files)}\n`);
  return bad.length === 0 ? done : damaged;
}

/** @throws LeadlineError NO_STORE, STORE_VERSION */
export function statsCommand(config: Config): number {
  const dir = storedDirOf(config);
  const files = [...storeStats(dir)];
  if (forPrograms(config)) for (const file of files) printRow({ ...file, oldestNs: undefined, newestNs: undefined, oldest: timeOf(file.oldestNs), newest: timeOf(file.newestNs) });
  else process.stdout.write(`${renderStats(dir, files)}\n`);
  return done;
}

/** @throws LeadlineError NO_STORE, BACKUP_EXISTS, BACKUP_FAILED, STORE_DAMAGED */
export async function backupCommand(target: string, config: Config): Promise<number> {
  const dir = storedDirOf(config);
  const beganMs = performance.now();
  const { files, events, bytes } = await backupStore(dir, target);
  if (!config.options.quiet) process.stderr.write(`leadline: ${printable(target)}: ${counted(files, 'file')}, ${countText(events)} events, ${bytesText(bytes)}, copied and read again in ${((performance.now() - beganMs) / 1000).toFixed(1)} s. Use it with --data-dir ${printable(target)}\n`);
  return done;
}

/**
 * Nobody else may write meanwhile.
 * @returns 1 where nothing was found. @throws LeadlineError NO_STORE, STORE_OWNED, NOT_AN_ID, STORE_FULL
 */
export async function deleteCommand(flags: Flags, config: Config): Promise<number> {
  const { options } = config;
  const dir = storedDirOf(config);
  const spellings = new Spellings(String(flags['id']));
  const owner = new StoreOwner(dir);
  const bar = new ProgressBar(process.stderr, !options.quiet);
  try {
    const { files, events, bytes } = await deleteEvents(dir, spellings, { eventsMax: options.commitEventsMax, rawBytes: options.commitBytesMax }, progress => bar.show(progress.bytesDone, progress.bytes, progress.name));
    const episodes = forgetTexts(alertsFile(dir), text => spellings.without(text));
    bar.end();
    if (forPrograms(config)) printRow({ events, files, bytes, episodes });
    if (events === 0 && episodes === 0 && files === 0) {
      if (!options.quiet) process.stderr.write(`leadline: no stored line holds ${printable(String(flags['id']))}\n`);
      return nothingFound;
    }
    if (!options.quiet) {
      process.stderr.write(`leadline: ${counted(events, 'event')} of ${bytesText(bytes)} deleted, ${counted(files, 'file')} written anew and read again: nothing of it is left. Each event left its place and size as a gap. Logs, Kafka topics and backups keep what they have.\n`);
    }
    return done;
  } finally {
    bar.end();
    owner.release();
  }
}

/** NDJSON, in the order of storing. @throws LeadlineError NO_STORE, BAD_QUERY, BAD_TIME */
export async function exportCommand(text: string, flags: Flags, config: Config): Promise<number> {
  const { since, until } = timeRange(flags);
  const readGiven = (name: string, time: string | undefined): bigint | null => (time === undefined ? null : readTime(name, time, Date.now()));
  const query = withTimes(checkQuery(text), readGiven('--since', since), readGiven('--until', until));
  const stopping = new AbortController();
  // Whoever reads has enough, as `head` has.
  process.stdout.on('error', () => stopping.abort());
  const reader = new EmbeddedReader(storedDirOf(config));
  const request = flags['request'];
  if (typeof request === 'string') return exportRequest(request, reader, config, stopping.signal);
  let count = 0;
  try {
    for (let cursor = '1'; !stopping.signal.aborted; ) {
      const page = await reader.after(cursor, query, exportPageMax, { signal: stopping.signal, budget: { eventsMax: Infinity, bytesMax: Infinity, msMax: Infinity } });
      count += page.events.length;
      const lines = page.events.map(event => `${JSON.stringify(eventToJson(event))}\n`).join('');
      if (lines !== '' && !process.stdout.write(lines)) await once(process.stdout, 'drain', { signal: stopping.signal }).catch(() => undefined);
      if (page.atEnd) break;
      cursor = page.cursor;
    }
  } finally {
    await reader.close();
  }
  return count > 0 ? done : nothingFound;
}

/** All lines that carry an id of one request, whatever id it is asked by, in the order of its timeline. */
async function exportRequest(id: string, reader: EmbeddedReader, { options }: Config, signal: AbortSignal): Promise<number> {
  const queries = new Queries(reader, options);
  try {
    const { events, truncated, truncatedBecause } = await queries.timeline(id, { inferred: false }, signal);
    process.stdout.write(events.map(event => `${JSON.stringify(event)}\n`).join(''));
    if (truncated) process.stderr.write(`leadline: not complete: ${truncatedBecause ?? 'a limit was reached'}\n`);
    return events.length > 0 ? done : nothingFound;
  } finally {
    await queries.close();
  }
}

function renderCheck(dir: string, files: readonly CheckedFile[]): string {
  const rows = files.map(({ name, blocks, events, rawBytes, problems }) => [name, countText(blocks), countText(events), bytesText(rawBytes), problems.length === 0 ? 'ok' : counted(problems.length, 'problem')]);
  const problems = files.flatMap(file => file.problems.map(problem => `${styleText('red', 'damaged')}  ${printable(join(eventsFolder(dir), file.name))}: ${printable(problem)}`));
  const events = files.reduce((sum, file) => sum + file.events, 0);
  const verdict = problems.length === 0
    ? `${counted(files.length, 'file')}, ${countText(events)} events: every page, block and index entry was read and fits.`
    : `${countText(events)} events can be read. What cannot be read is in the logs, if they are still there: move the store away and ingest them again, or go on with a backup.`;
  return [table(['file', 'blocks', 'events', 'raw lines', ''], rows), ...problems, '', verdict].join('\n');
}

function renderStats(dir: string, files: readonly FileStats[]): string {
  const sum = (pick: (file: FileStats) => number): number => files.reduce((total, file) => total + pick(file), 0);
  const partNames = ['events', 'ids', 'words', 'counts', 'streams', 'log', 'other'] as const;
  const cells = (name: string, events: number, bytes: number, parts: FileStats['parts']): string[] => [
    name, countText(events), bytesText(bytes), events === 0 ? '-' : (bytes / events).toFixed(1), ...partNames.map(part => bytesText(parts[part])),
  ];
  const all = Object.fromEntries(partNames.map(part => [part, sum(file => file.parts[part])])) as FileStats['parts'];
  const rows = files.map(({ name, events, bytes, parts }) => cells(name, events, bytes, parts));
  if (files.length > 1) rows.push(cells('all', sum(file => file.events), sum(file => file.bytes), all));
  const times = files.flatMap(file => [file.oldestNs, file.newestNs]).filter(time => time !== null).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const span = times.length === 0 ? 'no events' : `events from ${formatTimeNs(times[0]!)} to ${formatTimeNs(times.at(-1)!)}`;
  const withoutWords = sum(file => file.blocksWithoutWords);
  const shares = files.flatMap(({ blocksPerWordPercent, blocks }) => (blocksPerWordPercent === null ? [] : [{ share: blocksPerWordPercent, blocks }]));
  const share = shares.reduce((total, each) => total + each.share * each.blocks, 0) / shares.reduce((total, each) => total + each.blocks, 0);
  const filters = shares.length === 0 ? '' : `\nA search for a word passes over ${(100 - share).toFixed(1)} % of the blocks, on average over all words.`;
  const verdict = `${printable(dir)}: ${span}; ${counted(sum(file => file.blocks), 'block')} of ${bytesText(sum(file => file.rawBytes))} of lines${withoutWords === 0 ? '' : `, ${countText(withoutWords)} of them with too many words to keep: every search looks into those`}.${filters}`;
  return [table(['file', 'events', 'on disk', 'B/event', ...partNames.map(part => (part === 'events' ? 'blocks' : part))], rows), '', verdict].join('\n');
}

function timeOf(ns: bigint | null): string | null {
  return ns === null ? null : formatTimeNs(ns);
}

function sizeOf(dir: string, name: string): number {
  return statSync(join(eventsFolder(dir), name), { throwIfNoEntry: false })?.size ?? 0;
}
