/** A line as inference sees it: whose it is, what it says, and who wrote it. */
import type { IdKind, LogEvent } from '#schemas/event.ts';
import { contentKeysOf, type ContentKey } from './content-keys.ts';
import { remembered } from './remembered.ts';

/** A line that is looked at closely. What it says is worked out when it is wanted. */
export class WindowLine {
  readonly event: LogEvent;
  /** Since the epoch. */
  readonly ms: number;
  /** Number of who wrote it, and nobody else writes there: the source. */
  readonly lane: number;
  /** Canonical id of the request that the line's own ids name, or null. */
  request: string | null;
  /** Kind of that id. */
  readonly requestKind: IdKind | null;
  /** Number of what it says without what differs from line to line: a line that lost its id has that of one with it. */
  readonly wording: number;
  /** Which stretch of its lane it stands in, of those of which every line is looked at; -1 where it was only found by what it names. */
  stretch = -1;
  /** As `stretch`, where only the line's place counts. */
  placedStretch = -1;
  private ownTag: string | null | undefined;
  private ownKeys: ContentKey[] | null = null;

  constructor(event: LogEvent, ms: number, lane: number, wording: number, request: string | null, requestKind: IdKind | null) {
    this.event = event;
    this.ms = ms;
    this.lane = lane;
    this.wording = wording;
    this.request = request;
    this.requestKind = requestKind;
  }

  /** Worker, thread or connection that the line names, or null. */
  get tag(): string | null {
    return this.ownTag === undefined ? (this.ownTag = tagOf(this.event)) : this.ownTag;
  }

  get keys(): ContentKey[] {
    return (this.ownKeys ??= contentKeysOf(this.event, this.ms));
  }
}

const wordingCharsMax = 240;
/** Ids, times, amounts; what a template has in their place; and what stands where one is missing. */
const isVariable = /\d|<\*>|^[-?]$/;

/** @param text a message or its template. The template alone will not do: it says where an id was. */
export function wordingOf(text: string): string {
  return text.slice(0, wordingCharsMax).split(/\s+/).filter(word => word !== '' && !isVariable.test(word)).join(' ');
}

/** Field names that say which of several workers wrote a line. A process id does not: it is the same in all lines of most. */
const tagField = /(?:^|[._])(?:thread(?:[._]?(?:name|id))?|tid|worker(?:[._]?(?:name|id))?|goroutine(?:[._]?id)?|fiber(?:[._]?id)?|conn(?:ection)?(?:[._]?id)?)$/i;
/** `[http-nio-8080-exec-3]`, `(pool-1-thread-2)`, nginx' `31#31: *1234`. A number must be in it, or there is only one. */
const tagInText = /^(?:\[([^\]\s]{1,63}\d)\]|\(([^)\s]{1,63}\d)\)|(?:\d+#\d+: )?\*(\d{1,18}) )/;
const longHex = /^[0-9a-f-]{16,}$/i;
/** Workers that take turns with many requests by their nature. */
const sharedWorker = /event-?loop|\bnio-|dispatcher|tokio|reactor|^main(?:thread)?$/i;

const isTag = remembered(name => tagField.test(name));

export function tagOf({ fields, message }: LogEvent): string | null {
  for (const name in fields) {
    if (!isTag(name)) continue;
    const value = fields[name];
    if ((typeof value === 'string' && value !== '' && value.length <= 100) || typeof value === 'number') return usable(String(value));
  }
  const match = tagInText.exec(message);
  return match === null ? null : usable((match[1] ?? match[2] ?? match[3])!);
}

function usable(tag: string): string | null {
  return sharedWorker.test(tag) && !/exec-\d+$/.test(tag) ? null : longHex.test(tag) && !/^\d+$/.test(tag) ? null : tag;
}
