/** Times of error lines in the logs of the corpus, read without our own parsers so that a mistake there cannot hide here. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { corpusFolder } from '../../helpers/corpus-folder.ts';

const nsPerMs = 1_000_000n;

interface ExpectedEpisode {
  first_error: string;
  trigger: string;
  last: string;
  peak: number;
}

interface ExpectedBursts {
  files: Record<string, { error_lines: number; rules: Record<string, { alerts: number; episodes: ExpectedEpisode[] }> }>;
}

export function expectedBursts(): ExpectedBursts {
  return JSON.parse(readFileSync(`${corpusFolder}/error-bursts/expected.json`, 'utf8')) as ExpectedBursts;
}

const isoErrors = /^\[?(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d),(\d{3})\]?(?: -)? (?:ERROR|FATAL)\b/;
const apacheErrors = /^\[\w+ (\w+ \d+) ([\d:]+) (\d+)\] \[error\]/;

/** Nanoseconds, sorted; read as UTC. `name` as in the expected file. */
export function errorTimesNs(name: string): bigint[] {
  const [group, log] = name.split('/');
  const path = group === 'loghub' ? `${corpusFolder}/loghub/${log!}/${log!}_2k.log.gz` : `${corpusFolder}/${name}.gz`;
  const times: number[] = [];
  for (const line of gunzipSync(readFileSync(path)).toString('latin1').split('\n')) {
    const iso = isoErrors.exec(line);
    if (iso !== null) times.push(Date.parse(`${iso[1]!}T${iso[2]!}.${iso[3]!}Z`));
    const apache = apacheErrors.exec(line);
    if (apache !== null) times.push(Date.parse(`${apache[1]!} ${apache[3]!} ${apache[2]!} UTC`));
  }
  return times.sort((a, b) => a - b).map(ms => BigInt(ms) * nsPerMs);
}

/** `5 in 60s` -> a threshold of 5 in 60,000 ms. */
export function thresholdOf(rule: string): { count: number; windowMs: number } {
  const [, count, seconds] = /^(\d+) in (\d+)s$/.exec(rule)!;
  return { count: Number(count), windowMs: Number(seconds) * 1000 };
}

export function describe({ firstNs, openedNs, lastNs, peak }: { firstNs: bigint; openedNs: bigint; lastNs: bigint; peak: number }): ExpectedEpisode {
  const iso = (timeNs: bigint): string => new Date(Number(timeNs / nsPerMs)).toISOString();
  return { first_error: iso(firstNs), trigger: iso(openedNs), last: iso(lastNs), peak };
}
