/**
 * Reads finished files once, to their end, and says of each what was stored of it. What a file is is decided by its bytes and its source's name,
 * never by machine, folder or inode, so that a file downloaded again, unpacked or copied elsewhere stores nothing twice.
 */
import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { systemClock, type Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Codec } from '#schemas/chunk.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import { parsePathPattern } from '#schemas/path-pattern.ts';
import type { Transport } from '#schemas/transport.ts';
import type { StreamProblem } from './balance.ts';
import { openByteSource, PipeSource, type ByteSource } from './byte-source.ts';
import { checkPaths, discover, type FoundFile } from './discovery.ts';
import { BirthTimeProbe } from './file-identity.ts';
import { compareAge, ingestedSource, originWith, type FileSource } from './file-source.ts';
import { IngestSession, type IngestedFile } from './ingest-session.ts';

export type { IngestedFile } from './ingest-session.ts';

export type IngestOptions = Pick<
  Options,
  'sourceId' | 'service' | 'container' | 'pod' | 'namespace' | 'node' | 'include' | 'exclude' | 'includeBinary' | 'pathPattern' | 'dataDir' | 'chunkBytesMax' | 'lineBytesMax' | 'inFlightBytesMax' | 'stateIntervalMs'
>;

export interface IngestProgress {
  filesDone: number;
  files: number;
  /** As the files lie on disk. */
  bytesDone: number;
  /** Null with standard input, whose size nobody knows. */
  bytesTotal: number | null;
}

export interface IngestInput {
  /** Files, folders, globs; `-` is standard input. */
  paths: readonly string[];
  options: IngestOptions;
  transport: Transport;
  log: Log;
  stdin?: Readable;
  onProgress?: (progress: IngestProgress) => void;
  /** How chunks are compressed; `none` in process. */
  codec?: Codec;
  clock?: Clock;
}

export interface IngestReport {
  files: IngestedFile[];
  /** Of all files, and of paths that gave none. */
  problems: StreamProblem[];
  /** Decompressed. */
  bytes: number;
  lines: number;
  bytesNew: number;
}

/** Sources read side by side; the files of one follow each other. */
const sourcesAtOnce = 4;

interface Planned extends FileSource {
  path: string;
  mtimeMs: number;
  diskBytes: number | null;
  open: () => ByteSource;
  /** The file behind it, which is looked at again at the end; null for a pipe. */
  file: FoundFile | null;
}

/**
 * Resolves when everything read is acknowledged, however long that takes; what it waits for is logged.
 * @throws LeadlineError PATH_NOT_FOUND, or NO_LOGS_IN_FOLDER where the PATHs hold no file at all; and what the transport cannot mend.
 */
export async function ingestPaths(input: IngestInput): Promise<IngestReport> {
  const { options, log } = input;
  const filePaths = input.paths.filter(path => path !== '-');
  checkPaths(filePaths);
  const found = discover(filePaths, { include: options.include, exclude: options.exclude, skipFolders: [options.dataDir], compressed: true }, new BirthTimeProbe());
  const patterns = options.pathPattern.map(parsePathPattern);
  const planned: Planned[] = found.files.map(file => ({ ...ingestedSource(file, options, patterns), path: file.path, mtimeMs: file.mtimeMs, diskBytes: file.sizeBytes, open: () => openByteSource(file.path), file }));
  if (planned.length === 0 && filePaths.length > 0 && filePaths.length === input.paths.length) {
    const problem = found.problems[0];
    const path = problem?.path ?? filePaths[0]!;
    if (problem?.code === 'PATH_NOT_READABLE') throw new LeadlineError('PATH_NOT_READABLE', { path, systemCode: systemCodeOf(tryStat(path)) ?? 'EACCES' });
    throw problem === undefined ? new LeadlineError('PATH_NOT_FOUND', { path }) : new LeadlineError('NO_LOGS_IN_FOLDER', { path, include: options.include.join(', ') });
  }
  const problems = [...found.problems];
  for (const { path, code, message } of problems) log.warn({ event: 'pathSkipped', path, code }, message);

  const session = new IngestSession({ transport: input.transport, options, log, codec: input.codec ?? 'none', clock: input.clock ?? systemClock });
  let spool: string | null = null;
  if (input.paths.includes('-')) {
    const piped = await plannedPipe(input, session);
    spool = piped.spool;
    planned.push(piped.planned);
  }

  const bySource = new Map<string, Planned[]>();
  for (const file of planned.sort(compareAge)) bySource.set(file.source, [...(bySource.get(file.source) ?? []), file]);
  const waiting = [...bySource.values()];
  const done: IngestedFile[] = [];
  const bytesTotal = planned.reduce<number | null>((sum, file) => (sum === null || file.diskBytes === null ? null : sum + file.diskBytes), 0);
  let bytesBefore = 0;
  const report = (): void => input.onProgress?.({ filesDone: done.length, files: planned.length, bytesDone: bytesBefore + session.diskBytesInWork(), bytesTotal });
  const worker = async (): Promise<void> => {
    for (let files = waiting.shift(); files !== undefined; files = waiting.shift()) {
      for (const file of files) {
        done.push(await session.ingest(file, report));
        bytesBefore += file.diskBytes ?? 0;
        report();
      }
    }
  };
  try {
    // One that fails must not leave the others reading into a transport that its caller closes.
    const outcomes = await Promise.allSettled(Array.from({ length: sourcesAtOnce }, () => worker().catch((error: unknown) => {
      waiting.length = 0;
      session.fail();
      throw error;
    })));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  } finally {
    if (spool !== null) rmSync(spool, { recursive: true, force: true });
  }
  const files = done.sort((a, b) => (a.path < b.path ? -1 : 1));
  const sum = (pick: (file: IngestedFile) => number): number => files.reduce((total, file) => total + pick(file), 0);
  return { files, problems: [...problems, ...files.flatMap(file => file.problems)], bytes: sum(file => file.bytes), lines: sum(file => file.lines), bytesNew: sum(file => file.bytesNew) };
}

function tryStat(path: string): unknown {
  try {
    statSync(path);
    return null;
  } catch (error) {
    return error;
  }
}

/**
 * Standard input. It can be read only once, and whether it was stored before shows only behind its stored length: where its source is known
 * already, it is laid down in a temporary file first and then read like one.
 */
async function plannedPipe(input: IngestInput, session: IngestSession): Promise<{ planned: Planned; spool: string | null }> {
  const source = input.options.sourceId ?? 'stdin';
  const pipe = input.stdin ?? process.stdin;
  const common = { source, sourceId: source, origin: originWith({ service: source, container: null, pod: null, namespace: null, node: null }, input.options), chain: '-', rotation: null, path: '-', mtimeMs: 0, file: null };
  if (!(await session.knows(source))) return { planned: { ...common, diskBytes: null, open: () => new PipeSource(pipe) }, spool: null };
  const spool = mkdtempSync(join(tmpdir(), 'leadline-'));
  const path = join(spool, 'stdin');
  await pipeline(pipe, createWriteStream(path, { mode: 0o600 }));
  return { planned: { ...common, diskBytes: statSync(path).size, open: () => openByteSource(path) }, spool };
}
