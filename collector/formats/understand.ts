import { Reading } from '../fields/reading.ts';
import { notKnownWhen } from '../fields/time.ts';
import { applyPatterns, type ServicePatterns } from '../patterns/patterns.ts';
import { understandAccessLog } from './access-log.ts';
import { understandJson } from './json.ts';
import { understandLogfmt } from './logfmt.ts';
import { understandText } from './text.ts';
import { understoodOf, type Understood } from './understood.ts';

export type { LineFormat, Understood } from './understood.ts';

/**
 * What a line says: its time, level, message, fields and ids. `body` is the application's own line without container framing, or several joined by
 * `\n`; it is only read. Any bytes give an answer: bytes that are not UTF-8 become U+FFFD here (the raw line is the caller's), and what fits no
 * format is text. Linear in the line's length.
 * @param when what is known of the line's time from outside
 * @param patterns those of the user that hold for its service, before all else
 */
export function understandLine(body: Uint8Array, when = notKnownWhen, patterns: ServicePatterns | null = null): Understood {
  const buffer = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  let text = buffer.toString('utf8');
  if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
  const own = patterns === null ? null : applyPatterns(text, patterns, when);
  if (own !== null) return own;
  const first = firstCode(text);
  if (first === openingBrace) {
    const json = understandJson(text.trim(), when);
    if (json !== null) return json;
  } else if (!text.includes('\n')) {
    const line = text.trimEnd();
    const structured = understandAccessLog(line, when) ?? understandLogfmt(line, when);
    if (structured !== null) return structured;
  }
  return understandText(text, when);
}

/** What is left to say of a line where a parser failed. */
export function bareText(body: Uint8Array): Understood {
  return understoodOf('text', new Reading(), Buffer.from(body).toString('utf8').split('\n', 1)[0]!);
}

const openingBrace = 0x7b;

function firstCode(text: string): number {
  let index = 0;
  while (text.charCodeAt(index) === 0x20 || text.charCodeAt(index) === 0x09) index++;
  return text.charCodeAt(index);
}
