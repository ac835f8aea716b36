/** Which names in a folder are logs. Asked for every name of every folder, so that simple globs are compiled once. */
import { matchesGlob } from 'node:path';
import { chainOfPath } from '#schemas/path-pattern.ts';

export interface NameOptions {
  include: readonly string[];
  exclude: readonly string[];
}

type NameTest = (name: string) => boolean;

/** `app.log.gz` is taken where `app.log` is; a name without suffix (`syslog`, `syslog.1`) is taken unless it is hidden. */
export function logNameTest({ include, exclude }: NameOptions): NameTest {
  const included = include.map(globTest);
  const excluded = exclude.map(globTest);
  return name => {
    if (name.startsWith('.')) return false;
    if (excluded.some(test => test(name))) return false;
    const plainName = chainOfPath(name).chain;
    return !plainName.includes('.') || included.some(test => test(name) || test(plainName));
  };
}

/** A name of literals, `*` and `?` is an expression of the same; all else is left to Node, which takes 10 us a name. */
function globTest(glob: string): NameTest {
  if (!/^[\w.*?-]+$/.test(glob) || glob.includes('**')) return name => matchesGlob(name, glob);
  const expression = new RegExp(`^${glob.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
  return name => expression.test(name);
}

export function isCompressedName(name: string): boolean {
  return name.endsWith('.gz') || name.endsWith('.zst');
}
