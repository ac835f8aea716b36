/**
 * Where a read command looks: the server it is told, else a running owner of the data directory, else the directory itself opened read-only; given
 * neither server nor directory, the default one and the demo's are tried.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readEpisodes } from '../query/alerts/alert-store.ts';
import { alertBody } from '../query/alerts/message.ts';
import { HttpAnswers, StoreAnswers, type Answers } from '../query/cli/answers.ts';
import { Queries } from '../query/queries.ts';
import { printable } from '../query/cli/render/terminal.ts';
import { EmbeddedReader } from '../query/store/embedded-reader.ts';
import { openReader } from '../query/store/open-reader.ts';
import { readOwnerNote } from '../collector/store/store-owner.ts';
import { quietLog } from '#lib/log.ts';
import { alertsFile, eventsFolder, shipperNote } from '#schemas/embedded/layout.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import type { AlertBody } from '#schemas/http-api.ts';
import type { Options } from '#schemas/options.ts';
import type { Config } from './config.ts';
import { storeChoice } from './elasticsearch-options.ts';
import { storePaths } from './ingest.ts';

export const demoDir = './leadline-demo';
const listedAlertsMax = 1000;
const aliveTimeoutMs = 1500;

/** The address of the running process that owns the directory's store, or null. */
export function runningOwner(dataDir: string): Promise<string | null> {
  return aliveAt(readOwnerNote(dataDir)?.url ?? null);
}

/** The address of the running shipper that owns the directory's checkpoint, or null. */
export function runningShipper(dataDir: string): Promise<string | null> {
  return aliveAt(readOwnerNote(dataDir, shipperNote(dataDir))?.url ?? null);
}

async function aliveAt(url: string | null): Promise<string | null> {
  if (url === null) return null;
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(aliveTimeoutMs) });
    return response.ok ? url : null;
  } catch {
    return null;
  }
}

/** The directory a read command opens: the one it is told, else the default's or the demo's, whichever holds a store. */
export function storedDirOf({ options, origins }: Config): string {
  return dirsOf({ options, origins }).find(candidate => existsSync(eventsFolder(candidate))) ?? options.dataDir;
}

export function dirsOf({ options, origins }: Pick<Config, 'options' | 'origins'>): string[] {
  return origins.dataDir === 'default' ? [options.dataDir, demoDir] : [options.dataDir];
}

/** A store that is not embedded is named in `leadline.yaml` or the environment. @throws LeadlineError NO_STORE, STORE_VERSION, SERVER_UNREACHABLE, BAD_OPTION */
export async function openAnswers(config: Config): Promise<Answers> {
  const { options } = config;
  if (options.server !== null) return new HttpAnswers(options.server, options.apiKey);
  const store = storeChoice(options);
  if (store.kind === 'elasticsearch') return new StoreAnswers(store.server.nodes.join(','), new Queries(await openReader(store), options), () => episodesIn(options.dataDir));
  for (const dir of dirsOf(config)) {
    const url = await runningOwner(dir);
    if (url !== null) return new HttpAnswers(url, options.apiKey);
  }
  const dir = storedDirOf(config);
  return storeAnswers(dir, dir, options);
}

function storeAnswers(dir: string, name: string, options: Options): StoreAnswers {
  const queries = new Queries(new EmbeddedReader(dir), options);
  return new StoreAnswers(name, queries, () => episodesIn(dir));
}

function episodesIn(dir: string): AlertBody[] {
  return existsSync(alertsFile(dir)) ? readEpisodes(alertsFile(dir), listedAlertsMax).map(episode => alertBody(episode, '')) : [];
}

/** Answers straight from files, over a store that is gone when they are closed. */
export async function answersFromFiles(paths: readonly string[], config: Config): Promise<Answers> {
  const { dir, remove } = await temporaryStore(paths, config);
  const answers = storeAnswers(dir, paths.join(' '), config.options);
  const close = answers.close;
  answers.close = async () => {
    await close();
    remove();
  };
  return answers;
}

export async function withTemporaryStore<T>(paths: readonly string[], config: Config, work: (dir: string) => Promise<T>): Promise<T> {
  const { dir, remove } = await temporaryStore(paths, config);
  try {
    return await work(dir);
  } finally {
    remove();
  }
}

/** @throws LeadlineError TEMPORARY_FOLDER_NOT_WRITABLE */
function temporaryFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'leadline-'));
  } catch (error) {
    throw new LeadlineError('TEMPORARY_FOLDER_NOT_WRITABLE', { dir: tmpdir(), systemCode: systemCodeOf(error) ?? String(error) }, { cause: error });
  }
}

/** Reads files into a store in the temporary folder. Whatever ends the process takes it along, short of kill -9. */
async function temporaryStore(paths: readonly string[], { options }: Config): Promise<{ dir: string; remove: () => void }> {
  const dir = temporaryFolder();
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  process.once('exit', remove);
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  const keepAll = { retentionMs: Number.MAX_SAFE_INTEGER, retentionBytesMax: Number.MAX_SAFE_INTEGER };
  const report = await storePaths(paths, { ...options, dataDir: dir, ...keepAll }, quietLog, { durable: false });
  for (const { path, message } of report.problems) process.stderr.write(`leadline: ${printable(message.includes(path) ? message : `${path}: ${message}`)}\n`);
  if (report.bytes === 0 && report.problems.length > 0) throw new LeadlineError('NOTHING_READABLE', { paths: paths.join(' ') });
  return { dir, remove };
}
