/** Plain text, of one line or of several that were joined. */
import { exceptionTypeOf } from '../fields/exception.ts';
import { Reading } from '../fields/reading.ts';
import { addIdsOfText } from '../ids/extract.ts';
import { withoutAnsi } from './ansi.ts';
import { understandJson } from './json.ts';
import { understandLogfmt } from './logfmt.ts';
import { readTextPrefix, type TextPrefix } from './text-prefix.ts';
import { textCharsMax, understoodOf, type Understood } from './understood.ts';

export function understandText(text: string): Understood {
  const plain = withoutAnsi(text);
  const newline = plain.indexOf('\n');
  const line = (newline < 0 ? plain : plain.slice(0, newline)).replace(/\r$/, '');
  const prefix = readTextPrefix(line);
  const message = prefix.timeText === null && prefix.level === null ? line : line.slice(prefix.end);
  const inner = newline < 0 && prefix.timeText !== null ? understandInner(message, prefix) : null;
  if (inner !== null) return inner;
  const reading = new Reading();
  if (prefix.timeText !== null) reading.fields['time'] = prefix.timeText;
  reading.timeNs = prefix.timeNs;
  reading.level = prefix.level;
  const head = plain.length > textCharsMax ? plain.slice(0, textCharsMax) : plain;
  if (newline >= 0) reading.exceptionType = exceptionTypeOf(head);
  addIdsOfText(reading.ids, head);
  return understoodOf('text', reading, message);
}

/** A structured line behind a time, as `docker logs -t`, `kubectl logs --timestamps` and log routers write it. What the line says itself comes first. */
function understandInner(message: string, prefix: TextPrefix): Understood | null {
  const inner = understandJson(message.trimEnd()) ?? (/^(?:time|ts|t|level|lvl|severity|msg)=/.test(message) ? understandLogfmt(message) : null);
  if (inner === null) return null;
  inner.timeNs ??= prefix.timeNs;
  inner.level ??= prefix.level;
  return inner;
}
