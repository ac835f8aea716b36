/** `trace`, `search` and `tail`. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Answers } from '../query/cli/answers.ts';
import { EventRenderer, type OutputFormat } from '../query/cli/render/events.ts';
import { printable, printableJson, terminalOf } from '../query/cli/render/terminal.ts';
import { renderTimeline } from '../query/cli/render/timeline.ts';
import type { SearchParameters, TailAnswer } from '../query/queries.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { formatTimeNs } from '#schemas/event.ts';
import { readSpanMs } from '#schemas/options.ts';
import type { Query } from '#schemas/query/ast.ts';
import { readTime } from '#schemas/time-text.ts';
import type { EventBody } from '#schemas/http-api.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import type { Config } from './config.ts';
import { answersFromFiles, openAnswers } from './read-source.ts';

type Flags = Record<string, unknown>;

const found = 0;
const nothingFound = 1;
const pageEventsMax = 1000;
const tailPollMs = 300;
const newline = Buffer.from('\n');

const textFlag = (flags: Flags, name: string): string | undefined => (typeof flags[name] === 'string' ? flags[name] : undefined);

/** NDJSON where it was asked for or a program reads it. */
function formatOf(flags: Flags, { options }: Config): OutputFormat {
  return (textFlag(flags, 'output') as OutputFormat | undefined) ?? (options.json || !process.stdout.isTTY ? 'json' : 'text');
}

function print(line: string | Uint8Array): void {
  if (typeof line === 'string') process.stdout.write(`${line}\n`);
  else process.stdout.write(Buffer.concat([line, newline]));
}

/** The query, read here so that its mistakes are told before anything is opened, with a mark below the place. */
export function checkQuery(text: string): Query {
  try {
    return parseQuery(text);
  } catch (error) {
    const column = error instanceof LeadlineError ? error.details['column'] : undefined;
    if (!(error instanceof LeadlineError) || typeof column !== 'number' || text.includes('\n')) throw error;
    throw new LeadlineError('BAD_QUERY', { ...error.details, message: `${error.message}\n  ${text}\n  ${' '.repeat(column - 1)}^` }, { cause: error });
  }
}

/** A terminal gets it escaped, so that a log line cannot steer it. */
const json = (value: unknown): string => (process.stdout.isTTY ? printableJson(value) : JSON.stringify(value));

async function withAnswers(paths: readonly string[], config: Config, work: (answers: Answers) => Promise<number>): Promise<number> {
  const answers = paths.length > 0 ? await answersFromFiles(paths, config) : await openAnswers(config);
  try {
    return await work(answers);
  } finally {
    await answers.close();
  }
}

export function trace(id: string, paths: readonly string[], flags: Flags, config: Config): Promise<number> {
  return withAnswers(paths, config, async answers => {
    const timeline = await answers.timeline(id, flags['inferred'] !== false);
    if (formatOf({}, config) !== 'json') print(renderTimeline(timeline, terminalOf(process.stdout)));
    else if (timeline.grouping !== null) for (const request of timeline.grouping.requests) print(json(request));
    else for (const event of timeline.events) print(json(event));
    if (timeline.inference !== null && timeline.inference.cutBecause !== null) process.stderr.write(`leadline: ${timeline.inference.cutBecause}\n`);
    if (timeline.truncatedBecause !== null) process.stderr.write(`leadline: not complete: ${timeline.truncatedBecause}\n`);
    return found;
  });
}

export function search(text: string, paths: readonly string[], flags: Flags, config: Config): Promise<number> {
  const query = checkQuery(text);
  const range = timeRange(flags);
  const limitText = textFlag(flags, 'limit') ?? '100';
  const limit = Number(limitText);
  if (!Number.isInteger(limit) || limit < 1) throw new LeadlineError('BAD_OPTION', { option: '--limit', problem: `"${limitText}" is not a whole number above 0`, fix: 'Write, for instance, --limit 1000' });
  const pipeLimit = query.pipes.find(pipe => pipe.type === 'limit');
  const pipeFields = query.pipes.find(pipe => pipe.type === 'fields');
  const fields = pipeFields?.names ?? textFlag(flags, 'fields')?.split(',').map(name => name.trim()) ?? [];
  return withAnswers(paths, config, async answers => {
    const events: EventBody[] = [];
    const wanted = pipeLimit?.count ?? limit;
    let cursor: string | undefined;
    let truncated = false;
    while (events.length < wanted) {
      const parameters: SearchParameters = { query: text, ...range, limit: Math.min(pageEventsMax, wanted - events.length), cursor };
      const page = await answers.events(parameters);
      events.push(...page.events);
      truncated = page.truncated;
      if (page.truncated) process.stderr.write(`leadline: not complete: stopped after looking at ${page.scanned.events} events in ${Math.round(page.scanned.ms)} ms. Narrow it with --since and --until.\n`);
      if (page.cursor === null || page.truncated) break;
      cursor = page.cursor;
    }
    const renderer = new EventRenderer(terminalOf(process.stdout), formatOf(flags, config), fields);
    const head = renderer.head();
    if (head !== null && events.length > 0) print(head);
    // The newest is what one looks for, and the last line is what one sees.
    const oldestFirst = query.pipes.find(pipe => pipe.type === 'sort')?.descending !== true;
    for (const event of oldestFirst ? events.reverse() : events) print(renderer.render(event));
    if (events.length === 0 && !truncated && !config.options.quiet) process.stderr.write(`leadline: nothing in ${printable(answers.name)} matches ${printable(text)}\n`);
    return events.length > 0 ? found : nothingFound;
  });
}

/** `--since` and `--until`, or what `--around` and `--window` come to. @throws LeadlineError BAD_TIME, BAD_OPTION */
export function timeRange(flags: Flags): Pick<SearchParameters, 'since' | 'until'> {
  const [since, until, around, window] = ['since', 'until', 'around', 'window'].map(name => textFlag(flags, name));
  const read = (name: string, text: string): bigint => readTime(`--${name}`, text, Date.now());
  if (around === undefined) {
    if (window !== undefined) throw new LeadlineError('BAD_OPTION', { option: '--window', problem: 'goes with --around', fix: 'Write --around TIME --window 5s' });
    for (const [name, text] of [['since', since], ['until', until]] as const) if (text !== undefined) read(name, text);
    return { since, until };
  }
  if (since !== undefined || until !== undefined) throw new LeadlineError('BAD_OPTION', { option: '--around', problem: 'says the time range already', fix: 'Leave out --since and --until' });
  const middle = read('around', around);
  const half = BigInt(readSpanMs('--window', window ?? '5s')) * 1_000_000n;
  // Both ends belong to it; `until` alone would leave its own moment out.
  return { since: formatTimeNs(middle - half), until: formatTimeNs(middle + half + 1n) };
}

export function tail(text: string, flags: Flags, config: Config): Promise<number> {
  checkQuery(text);
  return withAnswers([], config, async answers => {
    const renderer = new EventRenderer(terminalOf(process.stdout), formatOf(flags, config));
    const stopping = new AbortController();
    process.once('SIGINT', () => stopping.abort());
    process.once('SIGTERM', () => stopping.abort());
    const stopped = new Promise<null>(resolve => stopping.signal.addEventListener('abort', () => resolve(null), { once: true }));
    if (process.stderr.isTTY && !config.options.quiet) process.stderr.write(`tailing ${answers.name}; Ctrl-C ends it\n`);
    let cursor: string | null = null;
    let some = false;
    while (!stopping.signal.aborted) {
      const page: TailAnswer | null = await Promise.race([answers.tail(cursor, text), stopped]);
      if (page === null) break;
      cursor = page.cursor;
      for (const event of page.events) print(renderer.render(event));
      some ||= page.events.length > 0;
      if (page.atEnd) await pause(tailPollMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    process.exit(some ? found : nothingFound);
  });
}
