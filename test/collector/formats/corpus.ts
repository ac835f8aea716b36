/** Real logs, written by others, that are not part of the repository. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import { corpusFolder } from '../../helpers/corpus-folder.ts';
import { skipHere } from '../../helpers/skipped.ts';

/** The path of a corpus file or folder. Null, with a passing assertion and a line in the log, where it is absent; in CI that is a failure. */
export function corpusPath(t: ExecutionContext, name: string): string | null {
  const path = resolve(corpusFolder, name);
  if (existsSync(path)) return path;
  if (process.env['CI'] === 'true') t.fail(`${path} is missing; set LEADLINE_CORPUS`);
  else skipHere(t, `no ${name} in the corpus; set LEADLINE_CORPUS`);
  return null;
}

/** A corpus file as bytes, unpacked; null as above. */
export function corpusBytes(t: ExecutionContext, name: string): Buffer | null {
  const path = corpusPath(t, name);
  if (path === null) return null;
  const bytes = readFileSync(path);
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

export function corpusText(t: ExecutionContext, name: string): string | null {
  return corpusBytes(t, name)?.toString() ?? null;
}

/** Its lines as bytes, without newlines. */
export function corpusLines(t: ExecutionContext, name: string): Buffer[] | null {
  const bytes = corpusBytes(t, name);
  return bytes === null ? null : linesOf(bytes);
}

export function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  if (start < bytes.length) lines.push(bytes.subarray(start));
  return lines;
}
