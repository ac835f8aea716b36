/**
 * What Fluent Bit, Vector and Filebeat wrap around a line when they publish it as JSON: the line itself, who wrote it, on which output, and when.
 *
 * A record that holds more than that, as where the publisher took an application's JSON apart, is itself the line: nothing of it is left out. So is a
 * record that is an application's own JSON.
 */
import { isDeepStrictEqual } from 'node:util';
import { LeadlineError } from '#schemas/errors.ts';
import { decodeUtf8, type Origin, type Output } from '#schemas/event.ts';
import { workloadOfPod } from '#schemas/path-pattern.ts';

export interface Envelope {
  /** The application's line. */
  line: string | null;
  output: Output | null;
  /** As it was written; of the container's runtime only where `isContainer`. */
  timeText: string | null;
  isContainer: boolean;
  /** What the record itself says; the service is null where it says none. */
  origin: Origin;
  path: string | null;
}

type Json = Record<string, unknown>;

/** Keys that say nothing of the application; those of `line` are apart. */
const wrapping = new Set([
  '@timestamp', '@metadata', 'timestamp', 'time', 'date', 'stream', 'logtag', '_p', 'kubernetes', 'docker', 'container', 'container_id', 'container_name', 'container_image', 'container_created_at', 'image',
  'host', 'hostname', 'file', 'filename', 'path', 'file_path', 'filepath', 'offset', 'source', 'source_type', 'tag', 'label', 'labels', 'tags', 'input', 'agent', 'ecs', 'cloud', 'event', 'fields', 'orchestrator', 'cluster', 'namespace', 'pod', 'partial', 'service', 'data_stream', 'parent_id',
  'timestamp_end', 'ingest_timestamp', 'node', 'node_name', 'pod_name', 'namespace_name', 'openshift', 'log_type', 'log_source', 'viaq_msg_id', 'viaq_index_name',
  // What people have their publishers add of the place.
  'cluster_name', 'cluster_id', 'env', 'environment', 'region', 'zone', 'availability_zone', 'datacenter',
]);
/** One of these shows that it was wrapped. `message` and a time alone are as well an application's own. */
const wrappers = ['kubernetes', 'stream', 'logtag', 'source_type', 'agent', 'docker', 'container_id', 'container_name', '@metadata'];

/**
 * @returns null for JSON that is no object and no text: it is itself the line
 * @throws LeadlineError BAD_CHUNK for what is no JSON
 */
export function readEnvelope(value: Uint8Array): Envelope | null {
  const decoded = decodeUtf8(value);
  let record: unknown;
  try {
    record = JSON.parse(decoded ?? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8'));
  } catch (error) {
    throw new LeadlineError('BAD_CHUNK', { problem: `the record is not JSON (${(error as Error).message})` }, { cause: error });
  }
  if (typeof record === 'string') return { line: record, output: null, timeText: null, isContainer: false, origin: originOf({}), path: null };
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return null;
  const json = record as Json;
  // Bytes that are no text would be lost in a line taken out: the record is kept as it is.
  const line = decoded === null ? null : lineOf(json);
  const place = placeOf(json, line);
  return { line, ...place, isContainer: place.isContainer && decoded !== null, origin: originOf(json), path: text(json, 'log.file.path', 'file', 'filename', 'file_path', 'filepath', 'path') };
}

function lineOf(json: Json): string | null {
  const key = typeof json['log'] === 'string' ? 'log' : typeof json['message'] === 'string' ? 'message' : null;
  if (key === null) return null;
  const keys = Object.keys(json);
  // Fluent Bit's tail gives `log` and a time, and nothing else that would tell.
  if (key !== 'log' && !keys.some(name => wrappers.includes(name))) return null;
  // Filebeat's own `log` says which file it was.
  const isWrapping = (name: string): boolean => name === key || wrapping.has(name.split('.', 1)[0]!) || (name === 'log' && typeof json['log'] === 'object') || name.startsWith('log.file.') || name === 'log.offset';
  const line = json[key] as string;
  const others = keys.filter(name => !isWrapping(name));
  return others.length === 0 || repeats(line, json, others) ? line : null;
}

/** The line's own JSON, or null where it is none. */
function jsonOf(line: string | null): Json | null {
  if (line === null || !line.startsWith('{')) return null;
  try {
    return JSON.parse(line) as Json;
  } catch {
    return null;
  }
}

/** A publisher that took the application's JSON apart and kept the line, too: whatever else is in the record is also in the line. */
function repeats(line: string, json: Json, others: readonly string[]): boolean {
  const own = jsonOf(line);
  return own !== null && others.every(name => isSame(json[name], own[name]) || isSame(json[name], own));
}

/** Whatever the order of their members. */
function isSame(one: unknown, other: unknown): boolean {
  return other !== undefined && isDeepStrictEqual(one, other);
}

/** @param line null where the record is itself the line: then `time` is the application's, as it is where the line has the same */
function placeOf(json: Json, line: string | null): Pick<Envelope, 'output' | 'timeText' | 'isContainer'> {
  const stream = json['stream'];
  const output = stream === 'stdout' || stream === 'stderr' ? stream : null;
  const { time } = json;
  const isRuntimes = line !== null && !(typeof time === 'string' && line.includes(time) && jsonOf(line)?.['time'] === time);
  const names = isRuntimes ? ['time', '@timestamp', 'timestamp', 'date'] : ['@timestamp', 'timestamp', 'time', 'date'];
  return { output, timeText: names.map(name => timeText(json[name])).find(text => text !== null) ?? null, isContainer: output !== null || 'logtag' in json || 'kubernetes' in json || 'container_id' in json || 'docker' in json };
}

/** RFC 3339 as it is; seconds since the epoch, as Fluent Bit writes them, to the microsecond that a double holds. */
function timeText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || value > 253_402_300_799) return null;
  const microseconds = Math.round(value * 1e6);
  return `${new Date(Math.floor(microseconds / 1000)).toISOString().slice(0, -1)}${String(microseconds % 1000).padStart(3, '0')}Z`;
}

function originOf(json: Json): Origin {
  const pod = text(json, 'kubernetes.pod_name', 'kubernetes.pod.name', 'pod_name', 'pod');
  const container = text(json, 'kubernetes.container_name', 'kubernetes.container.name', 'container.name', 'container_name', 'container', 'docker.container.name')?.replace(/^\//, '') ?? null;
  const namespace = text(json, 'kubernetes.namespace_name', 'kubernetes.pod_namespace', 'kubernetes.namespace', 'namespace_name', 'namespace');
  const node = text(json, 'kubernetes.host', 'kubernetes.pod_node_name', 'kubernetes.node.name', 'node_name', 'host.name', 'host', 'hostname');
  return { service: text(json, 'service.name', 'service', 'fields.service') ?? (pod === null ? container : workloadOfPod(pod)), container, pod, namespace, node };
}

/** The first of these that is a text, nested or with dots in its key. */
function text(json: Json, ...paths: string[]): string | null {
  for (const path of paths) {
    const value = json[path] ?? path.split('.').reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? (at as Json)[key] : undefined), json);
    if (typeof value === 'string' && value !== '') return value;
  }
  return null;
}
