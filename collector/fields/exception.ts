/** What a stack trace reports: the class or error name, of Java and its relatives, Node, Python, .NET, Ruby, PHP, Elixir, Rust and Go. */

/** Only this much of a trace is looked at. Python names its exception in the last line, so the end counts as well. */
const linesMax = 400;

const frame = /^at [\w$.<>/]+\(|^\s+(?:at |---> |eval at |File "|\.{3} \d+ |from \S+:\d+|\([\w.]+ [\d.]+\) )|^\s*--- End of |^goroutine \d+ \[|^\S+\.rb:\d+:in [`'][^']*'$|^#\d+ |^(?:main|runtime)\.\w+$/;
const typeName = /(?:^|[\s:("'[])((?:[A-Za-z_$][\w$]*(?:[.\\+]|::)){0,12}(?:[A-Za-z_$][\w$]*)?(?:Exception|Error|Throwable|Failure|Fault|Interrupt|Exit|Warning|Timeout))(?=[:\s)("'\]]|$)/g;
/** A class in a package needs no telling ending: `org.acme.QuotaExceeded: 12 of 10`. */
const qualifiedName = /^(?:Caused by: |Exception in thread "[^"]*" |Unhandled exception\. |Uncaught )?((?:[A-Za-z_$][\w$]*[.\\]){1,12}[A-Z][\w$]*)(?::|$)/;
/** Behind the JVM's own words any class is one; alone above its frames one of several words is: `QuotaExceeded: 12 of 10`. */
const namedByRuntime = /^Exception in thread "[^"]*" ([A-Za-z_$][\w$]*)(?::|$)/;
const camelName = /^([A-Z][a-z0-9]+(?:[A-Z$][A-Za-z0-9]+)+)(?::|$)/;
const framePlace = /\(.*\)|:\d+$/;
const pythonHead = 'Traceback (most recent call last)';
const pythonLast = /^((?:[A-Za-z_]\w*\.){0,12}[A-Za-z_]\w*)(?::|$)/;
/** Indented, marked by loguru, or in rich's box. */
const insidePython = /^(?:\s|> File |[\u256d\u2570\u2502\u2503])/;
const phpUncaught = /Uncaught (?:PHP Exception )?((?:\w+\\){0,12}\w+)(?::|\()/;
const rustPanic = /^thread '[^']*' (?:\(\d+\) )?panicked at /;
const pythonGroup = /^\s*\+ Exception Group Traceback|^\s*\| +[\w.]*ExceptionGroup: /;
const groupName = /^\s*\| ([\w.]+):/;
const goPanic = /^(panic|fatal error): /;
const dataRace = 'WARNING: DATA RACE';
const lineCharsMax = 1024;

/** The exception's name, or null where the text holds no stack trace, or one that does not say. `text` has its lines joined by `\n`. */
export function exceptionTypeOf(text: string): string | null {
  if (!text.includes('\n')) return null;
  const lines = text.split('\n', linesMax).map(line => line.slice(0, lineCharsMax).trimEnd());
  const python = lines.findIndex(line => line.includes(pythonHead));
  if (python >= 0) return pythonType(lines, python);
  const panic = goPanic.exec(lines[0]!);
  if (panic !== null && lines.some(line => line.startsWith('goroutine '))) return panic[1]!;
  if (rustPanic.test(lines[0]!)) return 'panic';
  if (lines[0] === dataRace) return 'DATA RACE';
  const firstFrame = lines.findIndex(line => frame.test(line));
  for (let index = firstFrame - 1; index >= 0 && index >= firstFrame - 20; index--) {
    const name = nameIn(lines[index]!);
    if (name !== null) return name;
  }
  // `at` begins words of a list, too.
  return firstFrame < 1 || !framePlace.test(lines[firstFrame]!) ? null : (camelName.exec(lines[firstFrame - 1]!)?.[1] ?? null);
}

/** Of several names on a line (`MakeLog: RuntimeException: Run from this`), the first one counts: it wraps the rest. */
function nameIn(line: string): string | null {
  const uncaught = line.includes('Uncaught ') ? phpUncaught.exec(line) : null;
  if (uncaught !== null) return uncaught[1]!;
  const qualified = qualifiedName.exec(line) ?? namedByRuntime.exec(line);
  if (qualified !== null) return qualified[1]!;
  typeName.lastIndex = 0;
  return typeName.exec(line)?.[1] ?? null;
}

/** The last exception of a chain is the one that got away. */
function pythonType(lines: readonly string[], head: number): string | null {
  let type: string | null = null;
  let inTrace = false;
  let inGroup = false;
  for (let index = head; index < lines.length; index++) {
    const line = lines[index]!;
    if (pythonGroup.test(line)) {
      // Its members stand below it.
      type = groupName.exec(line)?.[1] ?? type;
      inGroup = type === null;
      inTrace = false;
    } else if (inGroup) {
      type = groupName.exec(line)?.[1] ?? null;
      inGroup = type === null;
    } else if (line.includes(pythonHead)) {
      inTrace = true;
    } else if (inTrace && line !== '' && !insidePython.test(line)) {
      type = pythonLast.exec(line)?.[1] ?? type;
      inTrace = false;
    }
  }
  return type;
}
