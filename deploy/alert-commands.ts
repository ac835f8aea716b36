/** `leadline alerts ...`. */
import { readRulesFile } from '#schemas/rules.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { AlertBody } from '#schemas/http-api.ts';
import { readTime } from '#schemas/time-text.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import { alertBody } from '../query/alerts/message.ts';
import { replayRules } from '../query/alerts/replay.ts';
import { renderAlert, renderAlerts } from '../query/cli/render/alerts.ts';
import { terminalOf } from '../query/cli/render/terminal.ts';
import { EmbeddedReader } from '../query/store/embedded-reader.ts';
import type { StoreReader } from '#schemas/store.ts';
import type { Config } from './config.ts';
import { openAnswers, storedDirOf, withTemporaryStore } from './read-source.ts';

const found = 0;
const nothingFound = 1;
const pageEvents = 2000;

function show(alerts: readonly AlertBody[], { options }: Config): number {
  if (options.json || !process.stdout.isTTY) for (const alert of alerts) process.stdout.write(`${JSON.stringify(alert)}\n`);
  else process.stdout.write(`${renderAlerts(alerts, terminalOf(process.stdout))}\n`);
  return alerts.length > 0 ? found : nothingFound;
}

export async function listAlerts(config: Config): Promise<number> {
  const answers = await openAnswers(config);
  try {
    return show(await answers.alerts(), config);
  } finally {
    await answers.close();
  }
}

export async function showAlert(id: string, config: Config): Promise<number> {
  const answers = await openAnswers(config);
  try {
    const alert = (await answers.alerts()).find(({ episodeId }) => episodeId === id);
    if (alert === undefined) throw new LeadlineError('ALERT_NOT_FOUND', { id });
    process.stdout.write(config.options.json || !process.stdout.isTTY ? `${JSON.stringify(alert)}\n` : `${renderAlert(alert, terminalOf(process.stdout))}\n`);
    return found;
  } finally {
    await answers.close();
  }
}

export async function testAlerts(paths: readonly string[], flags: Record<string, unknown>, config: Config): Promise<number> {
  const rules = typeof flags['rules'] === 'string' ? (await readRulesFile(flags['rules'])).rules : config.alerts.rules;
  const time = (name: string): bigint | null => (typeof flags[name] === 'string' ? readTime(`--${name}`, flags[name], Date.now()) : null);
  const replay = async (dir: string): Promise<number> => {
    const reader = new EmbeddedReader(dir);
    try {
      const episodes = await replayRules(rules, eventsInOrder(reader, time('since'), time('until')));
      return show(episodes.map(episode => alertBody(episode, '')), config);
    } finally {
      await reader.close();
    }
  };
  return paths.length > 0 ? withTemporaryStore(paths, config, replay) : replay(storedDirOf(config));
}

/** All events by event time, oldest first. The store reads newest first, so spans of time are read, each turned around. */
async function* eventsInOrder(reader: StoreReader, fromNs: bigint | null, toNs: bigint | null): AsyncGenerator<LogEvent> {
  const context = { signal: new AbortController().signal, budget: { eventsMax: Number.MAX_SAFE_INTEGER, bytesMax: Infinity, msMax: Number.MAX_SAFE_INTEGER } };
  const { oldestNs, newestNs } = await reader.stats(context);
  if (oldestNs === null || newestNs === null) return;
  const query = parseQuery('');
  const start = fromNs ?? oldestNs;
  const end = toNs ?? newestNs + 1n;
  const spans: { from: bigint; to: bigint }[] = [{ from: start, to: end }];
  for (let span = spans.pop(); span !== undefined; span = spans.pop()) {
    if (span.to <= span.from) continue;
    const page = await reader.events({ query, fromNs: span.from, toNs: span.to, limit: pageEvents, cursor: null }, context);
    if (page.cursor === null || span.to - span.from === 1n) {
      const events = [...page.events];
      let { cursor } = page;
      while (cursor !== null) {
        const next = await reader.events({ query, fromNs: span.from, toNs: span.to, limit: pageEvents, cursor }, context);
        events.push(...next.events);
        cursor = next.cursor;
      }
      yield* events.reverse();
      continue;
    }
    const middle = span.from + (span.to - span.from) / 2n;
    spans.push({ from: middle, to: span.to }, { from: span.from, to: middle });
  }
}

export async function checkRules(file: string): Promise<number> {
  const { rules, targets } = await readRulesFile(file);
  process.stdout.write(`${file}: ${rules.length} ${rules.length === 1 ? 'rule' : 'rules'}, ${targets.length} ${targets.length === 1 ? 'target' : 'targets'}, nothing wrong\n`);
  return found;
}
