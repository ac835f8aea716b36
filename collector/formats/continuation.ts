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
 * | blankHeaded   | a blank line behind a line with a time or level      | an exception's head, as Spring Boot sets it apart               |
 * | rubyThread    | a thread of Ruby that ended with an exception        | the head of its trace -> frames                                 |
 * | exception     | an exception's head was the last line                | indented lines, `Caused by:`, traces of Ruby and PHP; one blank line |
 * | message8..0   | an exception's head that its frames surely follow    | as many further lines of its message, blank or indented ones    |
 * | frames        | has indented lines or frames                         | the same, and the bracket that closes an object printed with it |
 * | blankInside   | a blank line behind an exception's head              | an exception's head, `Caused by:`, `Stack backtrace:`, frames   |
 * | blankBehind   | a blank line behind frames                           | `Stack backtrace:`, .NET's further inner exceptions, `Node.js v24` |
 * | nodeSource    | Node's place in the source of an uncaught error      | the line of the source -> nodeExcerpt                           |
 * | nodeExcerpt   | that line                                            | indented lines, a blank line -> nodeError                       |
 * | nodeError     | the blank line behind the excerpt                    | the error, whatever it is called -> message8                    |
 * | rustMessage   | a Rust panic whose message is on the next line       | any line                                                        |
 * | rust          | a Rust panic                                         | indented lines, `note:`, `stack backtrace:`                     |
 * | python        | inside a traceback                                   | indented lines, blank lines, then its last line -> pythonEnd    |
 * | pythonEnd     | a traceback that named its exception                 | blank lines and the sentences that chain tracebacks -> pythonChain |
 * | pythonFields  | the same, of an exception that lists fields          | names that stand alone, indented lines                          |
 * | pythonChain   | between two tracebacks, or announces one             | blank lines, `Traceback` -> python                              |
 * | go            | a panic, a goroutine's stack, a data race            | blank lines, goroutines, calls, indented lines                  |
 * | twoLines      | the first line of two: a time, a class, a method     | the line with the level and the message -> headed               |
 * | brackets      | began with a lone `{` or `[`: JSON over many lines   | indented lines; the bracket at the start of a line -> closed    |
 */
import { levelOfName } from '../fields/level.ts';
import { bufferOf } from '../lines/docker.ts';
import { withoutAnsi } from './ansi.ts';
import { readTextPrefix } from './text-prefix.ts';
import type { Understood } from './understood.ts';

const kinds = ['closed', 'plain', 'headed', 'failed', 'blankHeaded', 'rubyThread', 'exception', 'frames', 'blankInside', 'blankBehind', 'nodeSource', 'nodeExcerpt', 'nodeError', 'rustMessage', 'rust', 'python', 'pythonEnd', 'pythonFields', 'pythonChain', 'go', 'twoLines', 'brackets'] as const;
export type ContinuationKind = (typeof kinds)[number] | `message${number}`;

/** Never changed in place: a transition gives another one. Only its `kind` counts, so it can be saved as that word. */
export interface ContinuationState {
  readonly kind: ContinuationKind;
}

const states = Object.fromEntries(kinds.map(kind => [kind, { kind }])) as Record<ContinuationKind, ContinuationState>;

/** Further lines of an exception's message, where no frame has come. */
const messageLinesMax = 8;
const messageStates: readonly ContinuationState[] = Array.from({ length: messageLinesMax + 1 }, (_, left) => ({ kind: `message${left}` as const }));
const message = messageStates[messageLinesMax]!;

/** An event of a service whose events begin as the user said: anything else goes on with it. */
export const openByRule: ContinuationState = { kind: 'plain' };

/** No rule needs to see more of a line. */
const charsMax = 400;
const exceptionHead = /^(?:Exception in thread "[^"]*" |Unhandled exception\. |Uncaught )?(?:[A-Za-z_$][\w$]*[.\\])*[A-Za-z_$][\w$]*(?:Exception|Error|Throwable|Failure|Fault)(?: \[[\w-]+\])?(?::|$)/;
const causedBy = /^(?:Caused by: |--> |Suppressed: |\[CIRCULAR REFERENCE|\.{3} \d+ (?:more|common frames omitted)|Emitted 'error' event )/;
/** The exception's own words may go on below. */
/** Where whoever carried the lines took the indentation off. */
const bareFrame = /^at [\w$.<>/]+(?:\.[\w$<>]+)\([^()]{0,200}\)/;
const causeWithMessage = /^(?:Caused by|Suppressed): [\w$.\\]+: /;
const javaFrame = /^\s+(?:at |\.{3} \d+ |--- End of )/;
/** Bare, of a group, and in the box that rich draws, whose characters are bytes here. */
const pythonHead = /^(?:\s*(?:\+ Exception Group )?Traceback \(most recent call last\):?$|\s*\xe2\x95\xad.*Traceback \(most recent call last\))/;
const pythonGroup = /^\s*\+ Exception Group Traceback/;
const groupEnd = /^ +\+-{20,}$/;
/** loguru marks where the exception was caught; rich's box. */
const pythonInside = /^(?:> File "|\xe2(?:\x95[\xad\xb0]|\x94[\x82\x83]))/;
const pythonAnnounced = /^(?:Exception in thread [^"\s].{0,200}:$|Exception ignored in: |--- Logging error ---$|Task exception was never retrieved$|(?:[\w.]+\.)?_?RemoteTraceback: ?$)/;
/** What Python's own modules and its database libraries add to an exception. */
const pythonTail = /^(?:Call stack:$|Message: ['"<]|Arguments: [(N]|\[SQL: |\[parameters: |\(Background on this error at: |(?:DETAIL|HINT|CONTEXT): {2}|LINE \d+: )/;
/** What asyncio's and aiohttp's reports name, one a line. */
const asyncioContext = /^(?:future|task|handle|protocol|transport|asyncgen|client_session|connections?|connector): [<[]/;
const pythonLists = /^[\w.]+: \d+ validation errors? for /;
const fieldName = /^[\w.[\]-]{1,100}$/;
const pythonLast = /^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?::|$)/;
const pythonChained = /^(?:During handling of the above exception|The above exception was the direct cause)/;
const goHead = /^(?:(?:panic|fatal error): |WARNING: DATA RACE$|SIG[A-Z]{3,6}: (?:quit|abort|segmentation violation)|Fatal Python error: )/;
const goroutine = /^goroutine \d+ (?:gp=.*)?\[/;
const goStack = /^(?:goroutine |\[signal |\[recovered|created by |exit status \d|runtime: |runtime stack:$|panic\(|PC=0x|r\w{1,5} {2,}0x|\.{3}\d+ frames elided|(?:Previous )?(?:atomic )?(?:[Rr]ead|[Ww]rite) at 0x|Goroutine \d+ \(|={18}$|(?:Current thread|Thread) 0x|[\w./*()[\]{}·%-]+\(.*\)$)/;
/** java.util.logging's `org.acme.Server start`, tinylog's `[main] org.acme.Server.start()`. */
const methodHead = /^(?:[\w$.]{3,200} <?[\w$]{1,100}>?|\[[^\]]{1,100}\] [\w$.]{1,200}\.<?[\w$]{1,100}>?\(\))$/;
const julLevel = /^([A-Z]{3,9}): /;
/** A frame of Ruby, where a logger prints the backtrace without indenting it. */
const rubyFrame = /^\S+\.(?:rb|erb|rake|ru):\d+:in [`'][^']*'$/;
/** Its head, and what announces the death of a thread. */
const rubyHead = /^\S+\.(?:rb|erb|rake|ru):\d+:in [`'][^']*': .{0,300}\((?:\w+::)*\w+\)$/;
const rubyAnnounced = /^#<Thread:0x.{1,200} terminated with exception \(report_on_exception is true\):$/;
/** How PHP's traces begin, bare and as Laravel and nginx have them, and what stands inside. */
const phpBegins = /^(?:Stack trace:$|\[stacktrace\]$|PHP message: |#0 (?:\{main\}|\[internal function\]|\S+\(\d+\): ))/;
const phpInside = /^(?:\[previous exception\]|#\d+ (?:\{main\}|\[internal function\]|\S+\(\d+\): )|Next (?:\w+\\)*\w+: |"\}(?: [[{].*)?\s*$)/;
const phpUncaught = /^(?:PHP message: )?(?:PHP )?Fatal error: {1,2}Uncaught /;

/** A function of Go by its package: one of the few without a path, or one with a path. */
const goFunction = /^(?:(?:main|runtime|testing|reflect|sync|syscall)|(?:[\w.~-]+\/)+[\w.~-]+)\.[\w.()*[\]\u00b7-]+$/;
const goOwnFunction = /^(?:main|runtime)\.[\w.()*[\]\u00b7-]+$/;
/** The message stands on the lines below. */
const emptyHead = /^[A-Za-z_$][\w$.]*(?:Exception|Error): ?$/;
/** Node's plainest error, and anyhow's: a word that sentences begin with, too. */
const plainError = /^(?:Uncaught )?Error(?: \[[\w-]+\])?: /;
const phpHead = /^(?:PHP )?(?:Fatal|Parse|Recoverable fatal) error: /;
/** A crash is an event of its own, whatever stands above it. */
const crash = /^(?:Exception in thread|Unhandled exception|Uncaught )/;
/** These always print their frames. */
const uncaught = /^(?:Exception in thread "|Unhandled exception\. )/;
/** As Rails logs one, with its words in parentheses. */
const railsHead = /^(?:[A-Z]\w*::)*[A-Z]\w*(?:Error|Exception|NotFound|Invalid) \(.*\):?$/;
const elixirHead = /^\*\* \([\w.]+\) /;
const rustHead = /^thread '[^']*' (?:\(\d+\) )?panicked at /;
const rustRest = /^(?:note: |stack backtrace:$)/;
const nodeSource = /^(?:node:\S+|(?:file:\/\/)?\/\S+\.[cm]?[jt]sx?):\d+$/;
const nodeVersion = /^Node\.js v\d/;
const behindFrames = /^(?:Stack backtrace:$|\[previous exception\]|Next (?:\w+\\)*\w+: |Location:$|\s---> \(Inner Exception #\d)/;
const causeBehindBlank = /^(?:Caused by:|Stack backtrace:|Location:$|Traceback)/;
const closingBracket = /^[}\])][,;]?$/;

/** The text of the line as far as rules look, one character per byte. */
function headOf(body: Uint8Array): string {
  let end = Math.min(body.length, charsMax);
  if (end === body.length && end > 0 && body[end - 1] === 0x0d) end--;
  return withoutAnsi(bufferOf(body).toString('latin1', 0, end));
}

/** The state after the first line of an event. */
export function beginsOpen(body: Uint8Array, understood: Understood): ContinuationState {
  if (understood.complete) return states.closed;
  const text = headOf(body);
  if (text === '{' || text === '[') return states.brackets;
  if (text.trim() === '') return states.closed;
  if (text.endsWith('Traceback (most recent call last):')) return states.python;
  const first = text.charCodeAt(0);
  // Most lines begin with a time, and no trace does.
  const trace = first === 0x5b || (first >= 0x30 && first <= 0x39) ? null : beginsTrace(text);
  if (trace !== null) return trace;
  if (understood.message.includes('Uncaught ') && phpUncaught.test(understood.message)) return message;
  if (understood.level === null && understood.timeNs !== null && methodHead.test(understood.message) && beginsTwoLines(understood)) return states.twoLines;
  if (understood.level === 'error' || understood.level === 'fatal') return states.failed;
  return understood.level !== null || understood.fields['time'] !== undefined ? states.headed : states.plain;
}

function beginsTrace(text: string): ContinuationState | null {
  if (text.includes('Traceback') && pythonHead.test(text)) return states.python;
  if (pythonAnnounced.test(text)) return states.pythonChain;
  if (goHead.test(text) || goroutine.test(text)) return states.go;
  if (uncaught.test(text) || emptyHead.test(text) || phpUncaught.test(text)) return message;
  if (rubyAnnounced.test(text)) return states.rubyThread;
  // `Error: boom` has a level by its word alone, yet it is an exception's head.
  if (exceptionHead.test(text) || plainError.test(text) || elixirHead.test(text) || phpHead.test(text)) return states.exception;
  if (rustHead.test(text)) return text.endsWith(':') ? states.rustMessage : states.rust;
  return nodeSource.test(text) ? states.nodeSource : null;
}

/** java.util.logging names the month; without that `Server started` behind a time would be a class and its method. */
function beginsTwoLines({ message: text, fields: { time } }: Understood): boolean {
  return text.startsWith('[') || (typeof time === 'string' && /^[A-Z]/.test(time));
}

/** The state after `body` joined the open event, or null where `body` begins another event. */
export function continues(state: ContinuationState, body: Uint8Array): ContinuationState | null {
  const { kind } = state;
  if (kind === 'closed') return null;
  // Most lines are not indented and most open events are no trace: those are told apart by one byte.
  if (body.length > 0 && (kind === 'plain' || kind === 'headed' || kind === 'failed') && !isTraceLetter(body[0]!)) return null;
  const text = headOf(body);
  const first = text.charCodeAt(0);
  const isIndented = first === 0x20 || first === 0x09;
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
  if (kind === 'python' && isIndented ? beginsEventInCode(trimmed) : beginsEvent(trimmed, isIndented)) return null;
  if (isIndented) return indented(kind, state, text);
  if (causedBy.test(text)) return causeWithMessage.test(text) ? message : states.frames;
  return unindented(kind, state, text);
}

function indented(kind: ContinuationKind, state: ContinuationState, text: string): ContinuationState | null {
  if (text.includes('Traceback') && pythonHead.test(text)) return pythonGroup.test(text) && (kind === 'plain' || kind === 'pythonEnd' || kind === 'frames') ? null : states.python;
  if (kind === 'blankInside' || kind === 'blankBehind') return behindFrames.test(text) ? states.frames : null;
  if (kind === 'python' && groupEnd.test(text)) return states.pythonEnd;
  if (kind === 'nodeSource') return states.nodeExcerpt;
  if (kind === 'nodeError') return message;
  if (kind === 'blankHeaded') return null;
  if (isMessage(kind)) return javaFrame.test(text) ? states.frames : state;
  return kind === 'python' || kind === 'go' || kind === 'nodeExcerpt' || kind === 'rust' || kind === 'pythonFields' ? state : states.frames;
}

const isMessage = (kind: ContinuationKind): boolean => kind.startsWith('message');
const messageLinesLeft = (kind: ContinuationKind): number => Number(kind.slice('message'.length));

function unindented(kind: ContinuationKind, state: ContinuationState, text: string): ContinuationState | null {
  switch (kind) {
    case 'headed':
    case 'failed':
      if (pythonHead.test(text)) return states.python;
      if (goroutine.test(text)) return states.go;
      if (exceptionHead.test(text)) return crash.test(text) ? null : stateOfHead(text);
      if (elixirHead.test(text) || railsHead.test(text) || (kind === 'failed' && plainError.test(text))) return states.exception;
      if (asyncioContext.test(text)) return state;
      return beginsFrames(text) || (kind === 'failed' ? goFunction : goOwnFunction).test(text) ? states.frames : null;
    case 'exception':
      return beginsFrames(text) ? states.frames : null;
    case 'rubyThread':
      return rubyHead.test(text) ? states.frames : null;
    case 'blankHeaded':
      if (railsHead.test(text)) return states.exception;
      return exceptionHead.test(text) && !crash.test(text) ? stateOfHead(text) : null;
    case 'frames':
      return closingBracket.test(text) || beginsFrames(text) || phpInside.test(text) || goFunction.test(text) || pythonTail.test(text) ? state : null;
    case 'blankInside':
      if (beginsFrames(text)) return states.frames;
      if (pythonHead.test(text)) return states.python;
      return exceptionHead.test(text) || plainError.test(text) || causeBehindBlank.test(text) ? states.exception : null;
    case 'blankBehind':
      if (nodeVersion.test(text)) return states.closed;
      return behindFrames.test(text) ? states.frames : null;
    case 'nodeSource':
      return states.nodeExcerpt;
    case 'nodeError':
      return message;
    case 'rust':
      return rustRest.test(text) ? state : null;
    case 'python':
      if (pythonInside.test(text)) return state;
      if (pythonLists.test(text)) return states.pythonFields;
      return pythonLast.test(text) ? states.pythonEnd : null;
    case 'pythonFields':
      return fieldName.test(text) ? state : null;
    case 'pythonEnd':
    case 'pythonChain':
      if (pythonChained.test(text) || text === '"""' || asyncioContext.test(text)) return states.pythonChain;
      if (pythonTail.test(text)) return states.frames;
      return kind === 'pythonChain' && pythonHead.test(text) ? states.python : null;
    case 'go':
      return goStack.test(text) ? state : null;
    default:
      return isMessage(kind) ? messageGoesOn(kind, text) : null;
  }
}

/** A head without a word of its own is often all there is. */
const stateOfHead = (text: string): ContinuationState => (text.includes(': ') ? message : states.exception);

function messageGoesOn(kind: ContinuationKind, text: string): ContinuationState | null {
  if (beginsFrames(text) || goFunction.test(text)) return states.frames;
  if (pythonHead.test(text)) return states.python;
  if (nodeVersion.test(text)) return states.closed;
  if (exceptionHead.test(text)) return crash.test(text) ? null : stateOfHead(text);
  return messageStates[messageLinesLeft(kind) - 1] ?? null;
}

function beginsFrames(text: string): boolean {
  return rubyFrame.test(text) || phpBegins.test(text) || bareFrame.test(text);
}

/** Blank lines lie inside some traces; anywhere else one that is not even indented is a line of its own. */
function blank(kind: ContinuationKind, state: ContinuationState, isIndented: boolean): ContinuationState | null {
  if (kind === 'go' || kind === 'python' || kind === 'pythonChain') return state;
  if (kind === 'pythonEnd') return states.pythonChain;
  if (kind === 'exception') return states.blankInside;
  if (kind === 'headed' || kind === 'failed') return isIndented ? state : states.blankHeaded;
  if (kind === 'nodeExcerpt') return states.nodeError;
  if (isMessage(kind)) return messageStates[messageLinesLeft(kind) - 1] ?? null;
  if (isIndented) return kind === 'plain' ? null : state;
  return kind === 'frames' ? states.blankBehind : null;
}

/** First bytes of what may follow a line: a blank, a terminal's colour, and without being indented exception names, `Caused by`, `goroutine`, `[CIRCULAR`, `... 3 more`, `#0 `, `/app/x.rb`, `** (`, `"}`, `--> `. */
function isTraceLetter(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x1b || byte === 0xe2 || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x2e || byte === 0x5b || byte === 0x5f || byte === 0x24 || byte === 0x0d || byte === 0x23 || byte === 0x2f || byte === 0x2a || byte === 0x22 || byte === 0x2d;
}

/** The same of a line among the source of a traceback: code begins with brackets and with names like levels. */
function beginsEventInCode(trimmed: string): boolean {
  if (levelColumn.test(trimmed)) return levelOfName(levelColumn.exec(trimmed)![1]!) !== null;
  return readTextPrefix(trimmed).timeText !== null;
}

const levelColumn = /^([A-Z]{4,8}) +[^\s=]/;

/** True where the line, its indentation aside, begins with `{`, a time or a level. Indented, `{` alone is a part of something printed. */
function beginsEvent(trimmed: string, isIndented: boolean): boolean {
  const first = trimmed.charCodeAt(0);
  if (first === 0x7b) return !isIndented || trimmed.charCodeAt(1) === 0x22;
  const isDigit = first >= 0x30 && first <= 0x39;
  const isBracket = first === 0x5b || first === 0x28 || first === 0x3c;
  const isUpper = first >= 0x41 && first <= 0x5a;
  if (!isDigit && !isBracket && !isUpper) return (first === 0xe2 && sign.test(trimmed)) || ((first === 0x2d || first === 0x78) && koaLine.test(trimmed)) || (lowerLevel.test(trimmed) && levelOfName(lowerLevel.exec(trimmed)![1]!) !== null && !goHead.test(trimmed));
  if (exceptionHead.test(trimmed)) return false;
  if (headsOfTheirOwn.test(trimmed)) return true;
  const prefix = readTextPrefix(trimmed);
  // A level found further inside does not make a prefix, and `Error: x` is not taken off either: `end` stays 0.
  return prefix.end > 0 && (prefix.timeText !== null || prefix.level !== null);
}

/** A tick, a cross or a warning sign, whose characters are bytes here: Next.js and others indent them. */
const sign = /^\xe2(?:[\x96-\x98\x9a-\x9d\xa8].|\x84\xb9)(?:\xef\xb8\x8f)? /;
/** Koa's requests and responses, which it indents. */
const koaLine = /^(?:-->|xxx) [A-Z]{3,7} \S/;
const lowerLevel = /^(trace|trce|debug|dbug|info|warn|warning|error|fail|fatal|crit|critical): /;
/** glog, Ruby, a syslog priority, Redis. */
const headsOfTheirOwn = /^(?:[IWEFDC]\d{4,8} \d\d:|[DIWEFA], \[\d{4}|<\d{1,3}>|\d{1,10}:[XCSM] \d\d |<-- [A-Z]{3,7} \S)/;

/** Without a state at hand: whether `body` would go on a text event that began with a time or level, or one whose last lines were stack frames. */
export function isContinuation(body: Uint8Array, openIsException: boolean): boolean {
  return continues(openIsException ? states.frames : states.headed, body) !== null;
}
