/**
 * Which lines belong to the text event above them: stack traces of Java, Node, Python, Go, .NET, Ruby, PHP, Rust and Elixir, and indented lines. Decided by the bytes
 * of the line and what the open event holds so far, so that a replay decides the same. A line that begins with a time, a level or `{` always
 * begins an event of its own.
 *
 * | state         | the open event                                       | goes on with                                                    |
 * | closed        | JSON, logfmt, access log, an empty line              | nothing                                                         |
 * | plain         | text without time and level                          | indented lines, `Caused by:`                                    |
 * | headed        | text that began with a time or level                 | also an exception's head, a Python, Go, Ruby or PHP trace       |
 * | failed        | the same, at error or fatal                          | also functions of Go without their goroutine, as zap prints them |
 * | exception     | an exception's head was the last line                | indented lines, `Caused by:`, traces of Ruby and PHP; one blank line |
 * | frames        | has indented lines or frames                         | the same, and the bracket that closes an object printed with it |
 * | blankInside   | a blank line behind an exception's head or Node's excerpt | an exception's head, `Caused by:`, `Stack backtrace:`      |
 * | nodeSource    | Node's excerpt of the source above an uncaught error | indented lines, a blank line                                    |
 * | rustMessage   | a Rust panic whose message is on the next line       | any line                                                        |
 * | rust          | a Rust panic                                         | indented lines, `note:`, `stack backtrace:`                     |
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

const kinds = ['closed', 'plain', 'headed', 'failed', 'exception', 'frames', 'blankInside', 'nodeSource', 'rustMessage', 'rust', 'python', 'pythonEnd', 'pythonChain', 'go', 'twoLines', 'brackets'] as const;
export type ContinuationKind = (typeof kinds)[number];

/** Never changed in place: a transition gives another one. Only its `kind` counts, so it can be saved as that word. */
export interface ContinuationState {
  readonly kind: ContinuationKind;
}

const states = Object.fromEntries(kinds.map(kind => [kind, { kind }])) as Record<ContinuationKind, ContinuationState>;

/** An event of a service whose events begin as the user said: anything else goes on with it. */
export const openByRule: ContinuationState = { kind: 'plain' };

/** No rule needs to see more of a line. */
const charsMax = 400;
const exceptionHead = /^(?:Exception in thread "[^"]*" |Unhandled exception\. |Uncaught )?(?:[A-Za-z_$][\w$]*[.\\])*[A-Za-z_$][\w$]*(?:Exception|Error|Throwable|Failure|Fault)(?: \[[\w-]+\])?(?::|$)/;
const causedBy = /^(?:Caused by: |--> |Suppressed: |\[CIRCULAR REFERENCE|\.{3} \d+ (?:more|common frames omitted))/;
const pythonHead = /^\s*Traceback \(most recent call last\):?$/;
const pythonLast = /^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?::|$)/;
const pythonChained = /^(?:During handling of the above exception|The above exception was the direct cause)/;
const goHead = /^(?:panic|fatal error): /;
const goStack = /^(?:goroutine \d+ |\[signal |\[recovered|created by |exit status \d|runtime: |runtime stack:$|panic\(|[\w./*()[\]{}·%-]+\(.*\)$)/;
const julHead = /^[\w$.]{3,200} <?[\w$]{1,100}>?$/;
const julLevel = /^([A-Z]{3,9}): /;
/** A frame of Ruby, where a logger prints the backtrace without indenting it. */
const rubyFrame = /^\S+\.(?:rb|erb|rake|ru):\d+:in [`'][^']*'$/;
/** How PHP's traces begin, bare and as Laravel and nginx have them, and what stands inside. */
const phpBegins = /^(?:Stack trace:$|\[stacktrace\]$|PHP message: |#0 (?:\{main\}|\[internal function\]|\S+\(\d+\): ))/;
const phpInside = /^(?:\[previous exception\]|#\d+ (?:\{main\}|\[internal function\]|\S+\(\d+\): )|Next (?:\w+\\)*\w+: |"\}\s*$)/;
/** A function of Go by its package: one of the few without a path, or one with a path. */
const goFunction = /^(?:(?:main|runtime|testing|reflect|sync|syscall)|(?:[\w.~-]+\/)+[\w.~-]+)\.[\w.()*[\]\u00b7-]+$/;
/** Node's plainest error, and anyhow's: a word that sentences begin with, too. */
const plainError = /^(?:Uncaught )?Error(?: \[[\w-]+\])?: /;
const phpHead = /^(?:PHP )?(?:Fatal|Parse|Recoverable fatal) error: /;
/** A crash is an event of its own, whatever stands above it. */
const crash = /^(?:Exception in thread|Unhandled exception|Uncaught )/;
const elixirHead = /^\*\* \([\w.]+\) /;
const rustHead = /^thread '[^']*' (?:\(\d+\) )?panicked at /;
const rustRest = /^(?:note: |stack backtrace:$)/;
const nodeSource = /^(?:file:\/\/|node:internal\/|\/)\S+:\d+$/;
const causeBehindBlank = /^(?:Caused by:|Stack backtrace:|Location:$|Traceback)/;
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
  if (exceptionHead.test(text) || plainError.test(text) || elixirHead.test(text) || phpHead.test(text)) return states.exception;
  if (rustHead.test(text)) return text.endsWith(':') ? states.rustMessage : states.rust;
  if (nodeSource.test(text)) return states.nodeSource;
  if (understood.level === null && understood.timeNs !== null && julHead.test(understood.message)) return states.twoLines;
  if (understood.level === 'error' || understood.level === 'fatal') return states.failed;
  return understood.level !== null || understood.fields['time'] !== undefined ? states.headed : states.plain;
}

/** The state after `body` joined the open event, or null where `body` begins another event. */
export function continues(state: ContinuationState, body: Uint8Array): ContinuationState | null {
  const { kind } = state;
  if (kind === 'closed') return null;
  const first = body[0];
  const isIndented = first === 0x20 || first === 0x09;
  // Most lines are not indented and most open events are no trace: those are told apart by one byte.
  if (!isIndented && first !== undefined && (kind === 'plain' || kind === 'headed' || kind === 'failed') && !isTraceLetter(first)) return null;
  const text = headOf(body);
  switch (kind) {
    case 'twoLines': {
      const level = julLevel.exec(text);
      return level !== null && levelOfName(level[1]!) !== null ? states.headed : null;
    }
    case 'brackets':
      if (closingBracket.test(text)) return states.closed;
      return isIndented ? state : null;
    case 'rustMessage':
      return states.rust;
  }
  const trimmed = text.trimStart();
  if (trimmed === '') return blank(kind, state, isIndented);
  if (beginsEvent(trimmed)) return null;
  if (isIndented) return indented(kind, state, text);
  if (causedBy.test(text)) return states.frames;
  return unindented(kind, state, text);
}

function indented(kind: ContinuationKind, state: ContinuationState, text: string): ContinuationState | null {
  if (pythonHead.test(text)) return states.python;
  if (kind === 'blankInside') return null;
  return kind === 'python' || kind === 'go' || kind === 'nodeSource' || kind === 'rust' ? state : states.frames;
}

function unindented(kind: ContinuationKind, state: ContinuationState, text: string): ContinuationState | null {
  switch (kind) {
    case 'headed':
    case 'failed':
      if (pythonHead.test(text)) return states.python;
      if (/^goroutine \d+ \[/.test(text)) return states.go;
      if (exceptionHead.test(text) ? !crash.test(text) : elixirHead.test(text) || (kind === 'failed' && plainError.test(text))) return states.exception;
      return beginsFrames(text) || (kind === 'failed' && goFunction.test(text)) ? states.frames : null;
    case 'exception':
      return beginsFrames(text) ? states.frames : null;
    case 'frames':
      return closingBracket.test(text) || beginsFrames(text) || phpInside.test(text) || goFunction.test(text) ? state : null;
    case 'blankInside':
      if (pythonHead.test(text)) return states.python;
      return exceptionHead.test(text) || plainError.test(text) || causeBehindBlank.test(text) ? states.exception : null;
    case 'rust':
      return rustRest.test(text) ? state : null;
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

function beginsFrames(text: string): boolean {
  return rubyFrame.test(text) || phpBegins.test(text);
}

/** Blank lines lie inside some traces; anywhere else one that is not even indented is a line of its own. */
function blank(kind: ContinuationKind, state: ContinuationState, isIndented: boolean): ContinuationState | null {
  if (kind === 'go' || kind === 'python' || kind === 'pythonChain') return state;
  if (kind === 'pythonEnd') return states.pythonChain;
  if (kind === 'exception' || kind === 'nodeSource') return states.blankInside;
  return isIndented && kind !== 'plain' ? state : null;
}

/** First letters of what may follow a line without being indented: exception names, `Caused by`, `goroutine`, `[CIRCULAR`, `... 3 more`, `#0 `, `/app/x.rb`, `** (`, `"}`, `--> `. */
function isTraceLetter(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x2e || byte === 0x5b || byte === 0x5f || byte === 0x24 || byte === 0x0d || byte === 0x23 || byte === 0x2f || byte === 0x2a || byte === 0x22 || byte === 0x2d;
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
