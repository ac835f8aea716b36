/**
 * Who wrote a log file, from its path. Patterns are tried in order and the first match wins; an operator's own come before the built-in ones.
 * A pattern is literal text with `{names}`; it matches whole folder and file names at the end of the path, or, beginning with `/`, the whole path.
 */
import { LeadlineError } from './errors.ts';
import type { Origin } from './event.ts';

/** What may stand in braces, and what each may match. Nothing crosses a `/`. */
const placeholders = {
  namespace: '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?',
  pod: '[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?',
  uid: '[0-9a-f-]{8,64}',
  container: '[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?',
  containerId: '[0-9a-f]{12,64}',
  service: '[^/]+?',
  node: '[^/]+?',
  n: '[0-9]+',
  anything: '[^/]+?',
} as const;
type Placeholder = keyof typeof placeholders;

export interface PathPattern {
  text: string;
  expression: RegExp;
}

/** Compiles a pattern. Throws `BAD_OPTION` for a name in braces that is not known, and for one without any. */
export function parsePathPattern(text: string): PathPattern {
  const seen = new Set<string>();
  const source = text.split(/(\{[^{}]*\})/).map(piece => {
    if (!piece.startsWith('{')) return piece.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    const name = piece.slice(1, -1);
    if (!isPlaceholder(name)) {
      const known = Object.keys(placeholders).map(each => `{${each}}`).join(' ');
      throw new LeadlineError('BAD_OPTION', { option: '--path-pattern', problem: `"${text}" names ${piece}, which is not known`, fix: `Write one of ${known}` });
    }
    if (name === 'anything') return placeholders.anything;
    if (seen.has(name)) return `\\k<${name}>`;
    seen.add(name);
    return `(?<${name}>${placeholders[name]})`;
  });
  if (seen.size === 0) throw new LeadlineError('BAD_OPTION', { option: '--path-pattern', problem: `"${text}" says nothing about who wrote the file`, fix: 'Put at least one name in braces, for instance {service}.log' });
  return { text, expression: new RegExp(`${text.startsWith('/') ? '^' : '(?:^|/)'}${source.join('')}$`) };
}

function isPlaceholder(name: string): name is Placeholder {
  return Object.hasOwn(placeholders, name);
}

/** `/var/log/pods`, `/var/log/containers`, docker's own folder, exported container files, then plain files. */
export const defaultPathPatterns: readonly PathPattern[] = [
  '{namespace}_{pod}_{uid}/{container}/{n}.log',
  '{pod}_{namespace}_{container}-{containerId}.log',
  '{containerId}/{containerId}-json.log',
  '{pod}_{container}-json.log',
  '{service}/{anything}.log',
  '{service}.log',
].map(parsePathPattern);

export interface PathOrigin {
  /** namespace/pod/container as far as known, else the service or container id the pattern gives, else the base name without rotation suffix. */
  source: string;
  origin: Origin;
  podUid: string | null;
  containerId: string | null;
  /** The path without the rotation and compression suffix: equal for all files of one rotation chain. */
  chain: string;
  /** 1 of `.1` (larger is older), the text of a dated suffix, null for the file that is being written. */
  rotation: number | string | null;
}

const compression = /\.(?:gz|zst)$/;
const numbered = /^(.*[^/])\.([0-9]{1,4})$/s;
/** `-20220822`, `.2022-08-22`, `.2016-12-19-18`, `.20220822-051816`, `-20220822-1661145496`, and a number behind any of them. */
const dated = /^(.*[^/])[.-]((?:19|20)[0-9]{2}(?:-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12][0-9]|3[01]))(?:[-_T.]?[0-9]{2}(?:[-:]?[0-9]{2}){0,2}|-[0-9]{10})?(?:\.[0-9]{1,4})?)$/s;

/** Takes the rotation suffix off a path. Both `.1.gz` and `.gz` alone come off; only the number or date is the rotation. */
export function chainOfPath(path: string): { chain: string; rotation: number | string | null } {
  const plain = path.replace(compression, '');
  const byDate = dated.exec(plain);
  if (byDate !== null) return { chain: byDate[1]!, rotation: byDate[2]! };
  const byNumber = numbered.exec(plain);
  if (byNumber !== null) return { chain: byNumber[1]!, rotation: Number(byNumber[2]) };
  return { chain: plain, rotation: null };
}

/**
 * Reads a path: relative to the folder that is read, or the real path (beginning with `/`) of a file that was named itself.
 * `patterns` come before the built-in ones. A file that none matches is a service by its base name: `orders.ndjson` is `orders`.
 */
export function originOfPath(path: string, patterns: readonly PathPattern[] = []): PathOrigin {
  const { chain, rotation } = chainOfPath(path);
  const groups = firstMatch(chain, patterns) ?? firstMatch(chain, defaultPathPatterns);
  const baseName = chain.slice(chain.lastIndexOf('/') + 1);
  const pod = groups?.['pod'] ?? null;
  const namespace = groups?.['namespace'] ?? null;
  const container = groups?.['container'] ?? null;
  const containerId = groups?.['containerId'] ?? null;
  let service = groups?.['service'] ?? (pod === null ? null : workloadOfPod(pod));
  if (groups === null) service = baseName.replace(/(?<=.)\.(?:out|json|ndjson|jsonl|txt|err)$/, '');
  const named = [namespace, pod, container].filter(part => part !== null);
  const source = pod !== null ? named.join('/') : (groups?.['service'] ?? containerId ?? (named.length > 0 ? named.join('/') : baseName));
  return {
    source,
    origin: { service, container, pod, namespace, node: groups?.['node'] ?? null },
    podUid: groups?.['uid'] ?? null,
    containerId,
    chain,
    rotation,
  };
}

function firstMatch(chain: string, patterns: readonly PathPattern[]): Record<string, string | undefined> | null {
  for (const pattern of patterns) {
    const match = pattern.expression.exec(chain);
    if (match !== null) return match.groups ?? {};
  }
  return null;
}

/** Kubernetes makes hashes and random suffixes of these letters only (no vowels and nothing that looks like one). */
const suffixLetters = '[bcdfghjklmnpqrstvwxz2456789]';
const workloadSuffixes = [
  new RegExp(`-${suffixLetters}{6,10}-${suffixLetters}{5}$`), // Deployment: ReplicaSet hash and pod suffix
  new RegExp(`-[0-9]{8,10}-${suffixLetters}{5}$`), // CronJob: minute (or second) it was due and pod suffix
  new RegExp(`-[0-9]{1,5}-${suffixLetters}{5}$`), // indexed Job
  new RegExp(`-${suffixLetters}{5}$`), // DaemonSet, Job, bare ReplicaSet
  /-[0-9]{1,5}$/, // StatefulSet ordinal
];

/** The workload a pod's name was made from: `adservice-5f6585d649-fnmft` is `adservice`, `kafka-0` is `kafka`. A name of another shape stays. */
export function workloadOfPod(pod: string): string {
  for (const suffix of workloadSuffixes) {
    const cut = pod.search(suffix);
    if (cut > 0) return pod.slice(0, cut);
  }
  return pod;
}
