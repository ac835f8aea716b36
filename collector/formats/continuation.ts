/**
 * Which lines belong to the text event above them: stack traces of Java, Node, Python, Go, .NET and Ruby, and indented lines. Decided by the bytes
 * of the line and what the open event holds so far, so that a replay decides the same. A line that begins with a time, a level or `{` always
 * begins an event of its own.
 *
 * | state         | the open event                                       | goes on with                                                    |
 * | closed        | JSON, logfmt, access log, an empty line              | nothing                                                         |
 * | plain         | text without time and level                          | indented lines, `Caused by:`                                    |
 * | headed        | text that began with a time or level                 | also an exception's head line, a Python or Go trace             |
 * | exception     | an exception's head was the last line                | indented lines, `Caused by:`                                    |
 * | frames        | has indented lines                                   | the same, and the bracket that closes an object printed with it |
 * | python        | inside a traceback                                   | indented lines, blank lines, then its last line -> pythonEnd    |
 * | pythonEnd     | a traceback that named its exception                 | blank lines and the sentences that chain tracebacks -> pythonChain |
 * | pythonChain   | between two tracebacks                               | blank lines, `Traceback` -> python                              |
 * | go            | a panic or a goroutine's stack                       | blank lines, goroutines, calls, indented lines                  |
 * | twoLines      | java.util.logging's first line: a time, a class, a method | the line with the level and the message -> headed            |
 * | brackets      | began with a lone `{` or `[`: JSON over many lines   | indented lines; the bracket at the start of a line -> closed    |
 */
import { levelOfName } from '../fields/level.ts';
import { bufferOf } from '../lines/docker.ts';
import { readTextPrefix } from './text-prefix.ts';
import type { Understood } from './understood.ts';

export type ContinuationKind = 'closed' | 'plain' | 'headed' | 'exception' | 'frames' | 'python' | 'pythonEnd' | 'pythonChain' | 'go' | 'twoLines' | 'brackets';

/** Never changed in place: a transition gives another one. Only its `kind` counts, so it can be saved as that word. */
export interface ContinuationState {
  readonly kind: ContinuationKind;
}

const states = Object.fromEntries(
  (['closed', 'plain', 'headed', 'exception', 'frames', 'python', 'pythonEnd', 'pythonChain', 'go', 'twoLines', 'brackets'] as const).map(kind => [kind, { kind }]),
) as Record<ContinuationKind, ContinuationState>;

/** An event of a service whose events begin as the user said: anything else goes on with it. */
export const openByRule: ContinuationState = { kind: 'plain' };

/** No rule needs to see more of a line. */
const charsMax = 400;
const exceptionHead = /^(?:Exception in thread "[^"]*" |Unhandled exception\. |Uncaught )?(?:[A-Za-z_$][\w$]*\.)*[A-Za-z_$][\w$]*(?:Exception|Error|Throwable|Failure|Fault)(?: \[[\w-]+\])?(?::|$)/;
const causedBy = /^(?:Caused by: |Suppressed: |\[CIRCULAR REFERENCE|\.{3} \d+ (?:more|common frames omitted))/;
const pythonHead = /^\s*Traceback \(most recent call last\):?$/;
const pythonLast = /^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?::|$)/;
const pythonChained = /^(?:During handling of the above exception|The above exception was the direct cause)/;
const goHead = /^(?:panic|fatal error): /;
const goStack = /^(?:goroutine \d+ |\[signal |\[recovered|created by |exit status \d|runtime: |panic\(|[\w./*()[\]{}·%-]+\(.*\)$)/;
const julHead = /^[\w$.]{3,200} <?[\w$]{1,100}>?$/;
const julLevel = /^([A-Z]{3,9}): /;
const closingBracket = /^[}\])][,;]?$/;

/** The text of the line as far as rules look, one character per byte. */
function headOf(body: Uint8Array): string {
  let end = Math.min(body.length, charsMax);
  if (end === body.length && end > 0 && body[end - 1] === 0x0d) end--;
  return bufferOf(body).toString('latin1', 0, end);
}

/** The state after the first line of an event. */
export function beginsOpen(body: Uint8Array, understood: Understood): ContinuationState {
  if (understood.complete) return states.closed;
  const text = headOf(body);
  if (text === '{' || text === '[') return states.brackets;
  if (text.trim() === '') return states.closed;
  if (pythonHead.test(text) || text.endsWith('Traceback (most recent call last):')) return states.python;
  if (goHead.test(text) || /^goroutine \d+ \[/.test(text)) return states.go;
  // `Error: boom` has a level by its word alone, yet it is an exception's head.
  if (exceptionHead.test(text)) return states.exception;
  if (understood.level === null && understood.timeNs !== null && julHead.test(understood.message)) return states.twoLines;
  return understood.level !== null || understood.fields['time'] !== undefined ? states.headed : states.plain;
}

/** The state after `body` joined the open event, or null where `body` begins another event. */
export function continues(state: ContinuationState, body: Uint8Array): ContinuationState | null {
  const { kind } = state;
  if (kind === 'closed') return null;
  const first = body[0];
  const isIndented = first === 0x20 || first === 0x09;
  // Most lines are not indented and most open events are no trace: those are told apart by one byte.
  if (!isIndented && first !== undefined && (kind === 'plain' || kind === 'headed') && !isTraceLetter(first)) return null;
  const text = headOf(body);
  if (kind === 'twoLines') {
    const level = julLevel.exec(text);
    return level !== null && levelOfName(level[1]!) !== null ? states.headed : null;
  }
  const trimmed = text.trimStart();
  if (kind === 'brackets') {
    if (closingBracket.test(text)) return states.closed;
    return isIndented ? state : null;
  }
  if (trimmed === '') return blank(kind, state, isIndented);
  if (beginsEvent(trimmed)) return null;
  if (isIndented) {
    if (pythonHead.test(text)) return states.python;
    return kind === 'python' || kind === 'go' ? state : states.frames;
  }
  if (causedBy.test(text)) return states.frames;
  switch (kind) {
    case 'headed':
      if (pythonHead.test(text)) return states.python;
      if (/^goroutine \d+ \[/.test(text)) return states.go;
      return exceptionHead.test(text) && !text.startsWith('Exception in thread') ? states.exception : null;
    case 'frames':
      return closingBracket.test(text) ? state : null;
    case 'python':
      return pythonLast.test(text) ? states.pythonEnd : null;
    case 'pythonEnd':
    case 'pythonChain':
      if (pythonChained.test(text)) return states.pythonChain;
      return kind === 'pythonChain' && pythonHead.test(text) ? states.python : null;
    case 'go':
      return goStack.test(text) ? state : null;
    default:
      return null;
  }
}

/** Blank lines lie inside Go and Python traces; anywhere else one that is not even indented is a line of its own. */
function blank(kind: ContinuationKind, state: ContinuationState, isIndented: boolean): ContinuationState | null {
  if (kind === 'go' || kind === 'python' || kind === 'pythonChain') return state;
  if (kind === 'pythonEnd') return states.pythonChain;
  return isIndented && kind !== 'plain' ? state : null;
}

/** First letters of what may follow a line without being indented: exception names, `Caused by`, `goroutine`, `[CIRCULAR`, `... 3 more`. */
function isTraceLetter(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x2e || byte === 0x5b || byte === 0x5f || byte === 0x24 || byte === 0x0d;
}

/** True where the line, its indentation aside, begins with `{`, a time or a level. */
function beginsEvent(trimmed: string): boolean {
  const first = trimmed.charCodeAt(0);
  if (first === 0x7b) return true;
  const isDigit = first >= 0x30 && first <= 0x39;
  const isBracket = first === 0x5b || first === 0x28 || first === 0x3c;
  const isUpper = first >= 0x41 && first <= 0x5a;
  if (!isDigit && !isBracket && !isUpper) return lowerLevel.test(trimmed) && levelOfName(lowerLevel.exec(trimmed)![1]!) !== null && !goHead.test(trimmed);
  if (exceptionHead.test(trimmed)) return false;
  if (headsOfTheirOwn.test(trimmed)) return true;
  const prefix = readTextPrefix(trimmed);
  // A level found further inside does not make a prefix, and `Error: x` is not taken off either: `end` stays 0.
  return prefix.end > 0 && (prefix.timeText !== null || prefix.level !== null);
}

const lowerLevel = /^(trace|trce|debug|dbug|info|warn|warning|error|fail|fatal|crit|critical): /;
/** glog, Ruby, a syslog priority, Redis. */
const headsOfTheirOwn = /^(?:[IWEFDC]\d{4,8} \d\d:|[DIWEFA], \[\d{4}|<\d{1,3}>|\d{1,10}:[XCSM] \d\d )/;

/** Without a state at hand: whether `body` would go on a text event that began with a time or level, or one whose last lines were stack frames. */
export function isContinuation(body: Uint8Array, openIsException: boolean): boolean {
  return continues(openIsException ? states.frames : states.headed, body) !== null;
}
