/** A hash as Ruby prints it behind a message, as Logstash's log and many others have it: `{:status=>500, :path=>"/x", "took"=>1.5}`. */
import type { FieldValue } from '#schemas/event.ts';
import { rolesOfName } from '../fields/roles.ts';
import type { Reading } from '../fields/reading.ts';
import { closingBracket, code, matchAt, skipBlanks } from './scan.ts';

const membersMax = 200;
const depthMax = 5;
const key = /(?::([A-Za-z_]\w{0,127}[?!]?)|:?"((?:[^"\\]|\\.){1,128})")=>/y;
const text = /"((?:[^"\\]|\\.)*)"/y;
const plain = /-?\d{1,15}(?:\.\d{1,15})?(?![\w.])|nil|true|false|:[A-Za-z_]\w{0,127}/y;
/** Of an object only its inspected form is there. */
const objectCharsMax = 1024;

interface Cursor {
  line: string;
  at: number;
  members: number;
}

/** Adds the members of the hash that ends the message as fields; what was read before something that is no hash stays. */
export function addRubyHash(reading: Reading, message: string): void {
  const open = message.search(/\{(?::[A-Za-z_]\w*|"[^"\\]{1,128}")=>/);
  if (open < 0) return;
  readHash({ line: message, at: open, members: 0 }, (name, value) => {
    // A member may be called like what the head has said; and none of them is the line's time, level or message.
    if (Object.hasOwn(reading.fields, name)) return;
    if (rolesOfName(name).id !== null) reading.add(name, value);
    else reading.put(name, value);
  }, '', 1);
}

/** False where the text is no hash to its end. */
function readHash(cursor: Cursor, add: (name: string, value: FieldValue) => void, above: string, depth: number): boolean {
  const { line } = cursor;
  cursor.at++;
  for (;;) {
    cursor.at = skipBlanks(line, cursor.at);
    if (line.charCodeAt(cursor.at) === code.closeBrace) break;
    const found = matchAt(key, line, cursor.at);
    if (found === null || ++cursor.members > membersMax) return false;
    cursor.at += found[0].length;
    const name = `${above}${found[1] ?? unescaped(found[2]!)}`;
    if (line.charCodeAt(cursor.at) === code.openBrace && depth < depthMax) {
      if (!readHash(cursor, add, `${name}.`, depth + 1)) return false;
    } else {
      const value = readValue(cursor, depth);
      if (value === undefined) return false;
      add(name, value);
    }
    cursor.at = skipBlanks(line, cursor.at);
    if (line.charCodeAt(cursor.at) === code.comma) cursor.at++;
    else if (line.charCodeAt(cursor.at) !== code.closeBrace) return false;
  }
  cursor.at++;
  return true;
}

function readValue(cursor: Cursor, depth: number): FieldValue | undefined {
  const { line } = cursor;
  const first = line.charCodeAt(cursor.at);
  if (first === code.quote) {
    const found = matchAt(text, line, cursor.at);
    if (found === null) return undefined;
    cursor.at += found[0].length;
    return unescaped(found[1]!);
  }
  if (first === code.openBracket) return depth < depthMax ? readArray(cursor, depth) : undefined;
  if (first === code.hash && line.charCodeAt(cursor.at + 1) === code.less) {
    const close = closingBracket(line, cursor.at + 1, objectCharsMax);
    if (close < 0) return undefined;
    const shown = line.slice(cursor.at, close + 1);
    cursor.at = close + 1;
    return shown;
  }
  const found = matchAt(plain, line, cursor.at)?.[0];
  if (found === undefined) return undefined;
  cursor.at += found.length;
  if (found === 'nil') return null;
  if (found === 'true' || found === 'false') return found === 'true';
  return found.charCodeAt(0) === code.colon ? found.slice(1) : Number(found);
}

function readArray(cursor: Cursor, depth: number): FieldValue | undefined {
  const { line } = cursor;
  const values: FieldValue[] = [];
  cursor.at++;
  for (;;) {
    cursor.at = skipBlanks(line, cursor.at);
    if (line.charCodeAt(cursor.at) === code.closeBracket) break;
    const value = values.length >= membersMax ? undefined : readValue(cursor, depth + 1);
    if (value === undefined) return undefined;
    values.push(value);
    cursor.at = skipBlanks(line, cursor.at);
    if (line.charCodeAt(cursor.at) === code.comma) cursor.at++;
    else if (line.charCodeAt(cursor.at) !== code.closeBracket) return undefined;
  }
  cursor.at++;
  return values;
}

const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', e: '\u001b', 0: '\0' };

function unescaped(quoted: string): string {
  return quoted.includes('\\') ? quoted.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, hex: string | undefined, char: string | undefined) => (hex === undefined ? (escapes[char!] ?? char!) : String.fromCharCode(parseInt(hex, 16)))) : quoted;
}
