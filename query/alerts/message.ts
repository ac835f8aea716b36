/** What people and programs are told of an episode: the API's body, and a webhook's. */
import type { Rule } from '#schemas/alert.ts';
import { formatTimeNs } from '#schemas/event.ts';
import type { AlertBody } from '#schemas/http-api.ts';
import type { Episode, MessageKind } from './episode.ts';

export interface AlertMessage extends AlertBody {
  /** `open` or `resolve`. */
  kind: MessageKind;
  windowMs: number | null;
  /** Rule's `count`: what opens an episode. Null where the rule is not known any more. */
  threshold: number | null;
  /** The whole message as one paragraph. */
  text: string;
}

const textMessageCharactersMax = 300;

export function alertBody(episode: Episode, publicUrl: string): AlertBody {
  const root = publicUrl.replace(/\/+$/, '');
  const top = episode.tally.messages[0];
  const timeOf = (timeNs: bigint): string => formatTimeNs(timeNs);
  return {
    episodeId: episode.episodeId,
    revision: episode.revision,
    rule: episode.rule,
    key: Object.fromEntries(episode.key.flatMap((value, index) => (value === null ? [] : [[episode.by[index] ?? `key${index + 1}`, value]]))),
    state: episode.state,
    openedAt: timeOf(episode.openedNs),
    firstAt: timeOf(episode.firstNs),
    lastAt: timeOf(episode.lastNs),
    resolvedAt: episode.resolvedNs === null ? null : timeOf(episode.resolvedNs),
    foundAt: new Date(episode.foundAtMs).toISOString(),
    count: episode.count,
    peak: episode.peak,
    told: episode.told,
    topError: top === undefined ? null : { message: top.message, count: Math.min(top.count, episode.count), exceptionType: top.exceptionType },
    services: episode.tally.services,
    requests: episode.tally.requests.map(({ value }) => ({ id: value, url: `${root}/timeline/${encodeURIComponent(value)}` })),
    url: `${root}/alerts/${encodeURIComponent(episode.episodeId)}`,
  };
}

export function alertMessage(episode: Episode, rule: Pick<Rule, 'count' | 'windowMs'> | null, kind: MessageKind, publicUrl: string): AlertMessage {
  const body = alertBody(episode, publicUrl);
  return { ...body, kind, windowMs: rule?.windowMs ?? null, threshold: rule?.count ?? null, text: textOf(body, kind, rule) };
}

function textOf(body: AlertBody, kind: MessageKind, rule: Pick<Rule, 'count' | 'windowMs'> | null): string {
  const key = Object.entries(body.key).map(([name, value]) => `${name} ${value}`).join(', ');
  const subject = key === '' ? body.rule : `${body.rule} for ${key}`;
  const events = body.count === 1 ? '1 event' : `${body.count} events`;
  const windowText = rule === null ? 'one window' : spanText(rule.windowMs);
  const sentences = kind === 'open'
    ? [`FIRING: ${subject}: ${events} since ${body.firstAt}, at most ${body.peak} within ${windowText}${rule === null ? '' : ` (opens at ${rule.count})`}.`]
    : [`RESOLVED: ${subject}: ${events} from ${body.firstAt} to ${body.lastAt}, at most ${body.peak} within ${windowText}.`];
  if (body.topError !== null) {
    const { exceptionType, message, count } = body.topError;
    const type = exceptionType === null || message.includes(exceptionType) ? '' : `${exceptionType}: `;
    sentences.push(`Most frequent (${count}): ${type}${shorten(message)}.`);
  }
  if (body.services.length > 0) sentences.push(`Services: ${body.services.join(', ')}.`);
  if (body.requests.length > 0) sentences.push(`Sample requests: ${body.requests.map(({ url }) => url).join(' , ')} .`);
  sentences.push(`Alert: ${body.url}`);
  return sentences.join(' ');
}

function shorten(message: string): string {
  const line = message.replace(/\s+/g, ' ').trim().replace(/\.$/, '');
  return line.length <= textMessageCharactersMax ? line : `${line.slice(0, textMessageCharactersMax)}…`;
}

/** 60000 -> `1 min`, 10000 -> `10 s`, 1500 -> `1500 ms`. */
function spanText(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`;
  if (ms % 60_000 === 0) return `${ms / 60_000} min`;
  return ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`;
}
