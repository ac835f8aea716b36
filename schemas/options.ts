/**
 * Every option, declared once as plain data: its flag, its environment variable, its key in `leadline.yaml`, its check and its help derive from
 * here. No library is imported, so that the shipper can read its options without loading one.
 *
 * `pollIntervalMs` of section `ship` is `--poll-interval-ms`, `LEADLINE_POLL_INTERVAL_MS` and `ship.pollIntervalMs`.
 */

import { nearestName } from '#lib/nearest-name.ts';
import { isCorrelationList, readCorrelationList } from './correlation.ts';
import { LeadlineError } from './errors.ts';

export type OptionSection = 'common' | 'kafka' | 'elasticsearch' | 'ship' | 'collect' | 'correlation' | 'serve';

interface OptionBase {
  section: OptionSection;
  doc: string;
  /** May hold a secret: shown as `***`. */
  secret?: true;
}
export interface IntegerOption extends OptionBase {
  type: 'integer';
  default: number;
  min: number;
  max: number;
}
export interface TextOption extends OptionBase {
  type: 'text';
  default: string | null;
  placeholder: string;
  /** The only values there are, in small letters; read in any case. */
  choices?: readonly string[];
}
export interface ListOption extends OptionBase {
  type: 'list';
  default: readonly string[];
  placeholder: string;
  /** Members never hold a comma, so that `--kafka a:9092,b:9092` is two of them. */
  commas?: true;
  /** Members are expressions, which hold commas: text is one, or several with newlines between them. */
  expressions?: true;
}
export interface FlagOption extends OptionBase {
  type: 'flag';
  default: boolean;
}
export type OptionSpec = IntegerOption | TextOption | ListOption | FlagOption;

const integer = (section: OptionSection, value: number, min: number, max: number, doc: string): IntegerOption => ({ type: 'integer', section, default: value, min, max, doc });
const text = <D extends string | null>(section: OptionSection, value: D, placeholder: string, doc: string, secret = false): TextOption & { default: D } => ({ type: 'text', section, default: value, placeholder, doc, ...(secret ? { secret: true as const } : {}) });
const choice = <D extends string | null>(section: OptionSection, value: D, choices: readonly string[], placeholder: string, doc: string): TextOption & { default: D } => ({ ...text(section, value, placeholder, doc), choices });
const list = (section: OptionSection, value: readonly string[], placeholder: string, doc: string): ListOption => ({ type: 'list', section, default: value, placeholder, doc });
const flag = (section: OptionSection, doc: string, value = false): FlagOption => ({ type: 'flag', section, default: value, doc });

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

export const options = {
  // common
  dataDir: text<string>('common', './leadline-data', 'DIR', 'Where the store, the checkpoint and the alert state live.'),
  server: text<string | null>('common', null, 'URL', 'Ask this running server instead of a data directory.'),
  pathPattern: list('common', [], 'PATTERN', 'Who wrote a line, from its path, tried before the built-in patterns: "/srv/{service}/{anything}.log".'),
  verbose: flag('common', "Show Leadline's own log on standard error, debug lines included."),
  quiet: flag('common', 'Print results only.'),
  json: flag('common', 'Print NDJSON, also on a terminal.'),

  // kafka
  kafka: { ...list('kafka', [], 'HOST:PORT', 'Kafka brokers to begin with, separated by commas; the others are learned from them.'), commas: true },
  topicPrefix: text<string>('kafka', 'leadline', 'PREFIX', 'Topics are named PREFIX.chunks, PREFIX.streams and so on.'),
  kafkaTls: flag('kafka', 'Speak TLS with the brokers; implied by the certificate options.'),
  kafkaTlsCa: text<string | null>('kafka', null, 'FILE', "Certificate authority of the brokers, PEM; default: the system's. Read again when it changes."),
  kafkaTlsCert: text<string | null>('kafka', null, 'FILE', 'Certificate to show to the brokers, PEM. Read again when it changes.'),
  kafkaTlsKey: text<string | null>('kafka', null, 'FILE', 'Private key of that certificate, PEM. Read again when it changes.'),
  kafkaSasl: choice<string | null>('kafka', null, ['plain', 'scram-sha-256', 'scram-sha-512'], 'MECHANISM', 'How to log in: plain, scram-sha-256 or scram-sha-512.'),
  kafkaUsername: text<string | null>('kafka', null, 'NAME', 'User to log in as.'),
  kafkaPassword: text<string | null>('kafka', null, 'PASSWORD', 'Password to log in with.', true),
  kafkaRequestTimeoutMs: integer('kafka', 30 * secondMs, secondMs, 10 * minuteMs, 'A broker that has not answered for this long is given up and asked again.'),

  // elasticsearch
  elasticsearch: { ...list('elasticsearch', [], 'URL', 'Elasticsearch or OpenSearch nodes to store in, separated by commas, in place of the embedded store: the same as --store elasticsearch=URL,URL.'), commas: true },
  elasticsearchApiKey: text<string | null>('elasticsearch', null, 'KEY', 'API key to log in with, as the server gave it (base64).', true),
  elasticsearchUsername: text<string | null>('elasticsearch', null, 'NAME', 'User to log in as, in place of an API key.'),
  elasticsearchPassword: text<string | null>('elasticsearch', null, 'PASSWORD', 'Password to log in with.', true),
  elasticsearchTlsCa: text<string | null>('elasticsearch', null, 'FILE', "Certificate authority of the nodes, PEM; default: the system's."),
  elasticsearchNamespace: text<string>('elasticsearch', 'default', 'NAME', 'Several installations may share a cluster: events are in the data stream logs-leadline-NAME.'),
  elasticsearchRequestTimeoutMs: integer('elasticsearch', 30 * secondMs, secondMs, 10 * minuteMs, 'A request without an answer is given up after this long; what it held is looked for before it is sent again.'),

  // ship
  to: text<string | null>('ship', null, 'URL', "Publish to a collector's HTTP intake instead of Kafka."),
  compression: choice<string>('ship', 'zstd', ['zstd', 'none', 'kafka-gzip', 'kafka-zstd', 'kafka-lz4', 'kafka-snappy'], 'CODEC', 'zstd compresses each chunk in the shipper; none, kafka-gzip, kafka-zstd, kafka-lz4, kafka-snappy leave it to the Kafka format, for consumers that are not Leadline.'),
  from: choice<string>('ship', 'beginning', ['beginning', 'end'], 'POSITION', 'Where a file that was there before the first start is read from: beginning or end.'),
  redact: list('ship', [], 'WHAT', 'Replace before anything leaves: secrets, cards, emails, or /regular expression/; equal values stay equal.'),
  redactKey: text<string | null>('ship', null, 'KEY', 'Key of the hashes that stand for redacted values; the same key on all shippers keeps them joinable.', true),
  heartbeatIntervalMs: integer('ship', 5 * secondMs, 0, hourMs, "Pause between two heartbeats to the brokers' clock; 0 sends none."),
  pollIntervalMs: integer('ship', 25, 5, minuteMs, 'Pause between two looks at an active file; one that grew at each of the last looks is looked at half as often.'),
  idlePollIntervalMs: integer('ship', 2000, 50, 10 * minuteMs, 'Pause between two looks at a file that has not grown for a minute, and at folders for new files.'),
  watch: flag('ship', 'Be told by the system (inotify) when a quiet file gets a line or a folder a file; without it (--no-watch) the next look finds them.', true),
  chunkBytesMax: integer('ship', 900_000, 4 * KiB, 16 * MiB, 'Largest chunk before compression; a longer line travels in pieces.'),
  lineBytesMax: integer('ship', 16 * MiB, 1 * KiB, 64 * MiB, 'Longest line that stays one event; beyond it a line is several events with part numbers.'),
  inFlightBytesMax: integer('ship', 8 * MiB, 64 * KiB, GiB, 'Bytes handed over and not yet acknowledged, over all streams; at the limit reading pauses.'),
  idleAfterMs: integer('ship', 2000, 100, hourMs, 'A stream that has not grown for this long is said to be idle, which closes its open event.'),
  openFilesMax: integer('ship', 512, 16, 100_000, 'Files held open at once; the least recently active is closed first.'),
  stateIntervalMs: integer('ship', 5000, 100, hourMs, 'How often a changed stream state is published.'),
  checkpointIntervalMs: integer('ship', 200, 10, minuteMs, 'Pause between two writes of the checkpoint while acknowledgements arrive.'),
  drainTimeoutMs: integer('ship', 4000, 0, hourMs, 'On SIGTERM: how long to wait for what is read to be acknowledged.'),
  ignoreOlderMs: integer('ship', 0, 0, 3650 * dayMs, 'Leave out files not modified for this long; 0 takes all.'),
  include: list('ship', ['*.log', '*.log.*', '*.out', '*.json', '*.ndjson'], 'GLOB', 'File names taken from a folder; names without a suffix are taken too.'),
  exclude: list('ship', [], 'GLOB', 'File names left out of a folder.'),
  includeBinary: flag('ship', 'Also read files that look binary.'),
  sourceId: text<string | null>('ship', null, 'ID', 'Stands for this machine in the identity of its streams; default: the machine id.'),
  service: text<string | null>('ship', null, 'NAME', 'Service of all lines, before what the path says.'),
  container: text<string | null>('ship', null, 'NAME', 'Container of all lines, before what the path says.'),
  pod: text<string | null>('ship', null, 'NAME', 'Pod of all lines, before what the path says.'),
  namespace: text<string | null>('ship', null, 'NAME', 'Namespace of all lines, before what the path says.'),
  node: text<string | null>('ship', null, 'NAME', 'Node of all lines.'),

  // collect
  patterns: { ...list('collect', [], '[GLOB =>] PATTERN', 'How your own lines look, tried before the built-in formats: grok (%{LOGLEVEL:level} %{GREEDYDATA:message}) or a regular expression with named groups, for every service or those before "=>"; NAME := PATTERN names a part of others.'), expressions: true },
  store: text<string>('collect', 'embedded', 'STORE', 'Where events are stored: embedded, or elasticsearch=URL,URL.'),
  topic: list('collect', [], 'TOPIC', 'Also read this Kafka topic, which others fill with one record per line: Fluent Bit, Vector, Filebeat.'),
  format: choice<string>('collect', 'lines', ['lines', 'json'], 'FORMAT', 'What the records of --topic are: lines, or json, of which the line and who wrote it are taken; what is no JSON then is a dead letter.'),
  publishEvents: flag('collect', 'Publish every event to PREFIX.events, also while nobody tails it.'),
  publishBytesMax: integer('collect', 16 * MiB, MiB, GiB, 'Bytes of events that may wait to be published; beyond it they are left out of the live tail and counted, or, with --publish-events, waited for.'),
  group: text<string>('collect', 'leadline-collect', 'NAME', 'Consumer group of the collectors that share a store in Elasticsearch: they divide the partitions.'),
  sessionTimeoutMs: integer('collect', 10 * secondMs, 6 * secondMs, 5 * minuteMs, 'A collector of such a group that was not heard of for this long counts as dead, and others take over.'),
  parseThreads: integer('collect', 2, 1, 16, 'Threads that parse at most, the one that stores among them; another one is started when those there are have too much to do.'),
  fetchBytesMax: integer('collect', 4 * MiB, 64 * KiB, 256 * MiB, 'Bytes fetched from Kafka at once, over all partitions.'),
  commitIntervalMs: integer('collect', 50, 1, 10 * secondMs, 'Longest wait of a parsed event for its commit.'),
  commitEventsMax: integer('collect', 4096, 1, 100_000, 'Events of one commit at most.'),
  commitBytesMax: integer('collect', 512 * KiB, 4 * KiB, 64 * MiB, 'Raw bytes of one commit, after which it closes.'),
  openEventLinesMax: integer('collect', 1000, 1, 100_000, 'Lines joined into one event at most (a stack trace); more begin the next event.'),
  openEventBytesMax: integer('collect', MiB, KiB, 64 * MiB, 'Bytes joined into one event at most.'),
  openEventMsMax: integer('collect', minuteMs, secondMs, dayMs, 'A record of the same stream read this much later closes what is open.'),
  timeZone: text<string>('collect', 'auto', 'ZONE', 'Zone of times in lines that name none: UTC, an offset such as +02:00, a name such as Europe/Berlin; auto is UTC unless a line that was read as it was written shows another.'),
  multilineStart: { ...list('collect', [], '[SERVICE=]REGEX', 'How an event of several lines begins, for logs whose lines nothing else tells apart: lines that do not match go on with the one above. Tried on each line of text, of every service or of the one named before "=".'), expressions: true },
  storedRangesMax: integer('collect', 10_000, 10, 1_000_000, 'Separate stored byte ranges of one stream at most; beyond it its chunks are refused, not dropped.'),
  intakeBytesMax: integer('collect', 16 * MiB, MiB, GiB, 'Largest body of one intake request.'),
  templatesPerServiceMax: integer('collect', 20_000, 1, 1_000_000, 'Different templates of messages of one service; beyond it new ones are <overflow>.'),
  templatesMax: integer('collect', 200_000, 1, 10_000_000, 'Different templates of messages over all services.'),
  retentionMs: integer('collect', 7 * dayMs, minuteMs, 3650 * dayMs, 'How long stored events are kept, by the day they arrived.'),
  retentionBytesMax: integer('collect', 5 * GiB, MiB, 1024 * GiB, 'Largest size of the store; the oldest file goes first.'),
  fileBytesMax: integer('collect', GiB, 256 * KiB, 64 * GiB, 'A store file is followed by the next at midnight UTC or at this size.'),

  // correlation
  idFields: list('correlation', [], 'NAME=KIND', "Fields, headers and labels that hold an id, besides the usual ones: X-Order-Request=request, cart_id=session. Kinds: trace, request, correlation, span; session, user, job and connection group requests."),
  idPatterns: list('correlation', [], 'PATTERN', 'Regular expressions (RE2 syntax) for ids in text, each named group a kind: order (?<request>ORD-[0-9]+).'),
  joinKinds: list('correlation', [], 'KIND', 'Kinds of ids that tie several traces into one request: correlation, job.'),

  // serve
  host: text<string>('serve', '127.0.0.1', 'ADDRESS', 'Address to listen on; any other than this machine needs a key.'),
  port: integer('serve', 4680, 0, 65_535, 'Port to listen on; 0 takes any free one.'),
  apiKey: text<string | null>('serve', null, 'KEY', 'Key that every request must carry as "Authorization: Bearer KEY".', true),
  publicUrl: text<string | null>('serve', null, 'URL', 'Address under which people reach the page, for links in messages.'),
  queryMsMax: integer('serve', 10 * secondMs, 10, 10 * minuteMs, 'Longest work on one query; the answer then says that it is cut.'),
  queryBytesMax: integer('serve', 8 * GiB, MiB, 64 * 1024 * GiB, 'Most bytes of lines looked at for one query; the answer then says that it is cut.'),
  queryEventsMax: integer('serve', 5_000_000, 1000, 1_000_000_000, 'Most events looked at for one query; the answer then says that it is cut.'),
  timelineEventsMax: integer('serve', 100_000, 10, 1_000_000, 'Most lines of one timeline; the answer then says that it is cut.'),
  joinEventsMax: integer('serve', 10_000, 10, 1_000_000, 'A request of more lines takes in no further ids.'),
  inferenceEventsMax: integer('serve', 50_000, 100, 1_000_000, 'Most lines looked at to find those of a request that carry no id; beyond it they are left out and the answer says so.'),
  inferenceMsMax: integer('serve', 300, 1, minuteMs, 'Longest reading for the lines of a request that carry no id; to decide comes on top, some 20 ms.'),
  inferenceConfidenceMin: integer('serve', 90, 50, 100, 'Lines that carry no id are shown from this confidence on, in percent.'),
  joinSpanMsMax: integer('serve', 10 * minuteMs, secondMs, dayMs, 'A request that lasts longer takes in no further ids.'),
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof options;
type ValueOf<S extends OptionSpec> = S extends IntegerOption ? number : S extends FlagOption ? boolean : S extends ListOption ? string[] : S extends { type: 'text'; default: infer D } ? (null extends D ? string | null : string) : never;
/** The values in force, one per option. */
export type Options = { [N in OptionName]: ValueOf<(typeof options)[N]> };

export const optionNames = Object.keys(options) as OptionName[];

/** `pollIntervalMs` -> `--poll-interval-ms`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
}

/** `pollIntervalMs` -> `LEADLINE_POLL_INTERVAL_MS`. */
export function environmentNameOf(name: string): string {
  return `LEADLINE_${name.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`;
}

/** The default as a person writes it: `900kB`, `7d`; null where there is none to speak of. */
export function defaultText(name: OptionName): string | null {
  const spec: OptionSpec = options[name];
  if (spec.type === 'flag' || spec.default === null || (Array.isArray(spec.default) && spec.default.length === 0)) return null;
  if (typeof spec.default !== 'number') return String(spec.default).replaceAll(',', ', ');
  return quantityText(name, spec.default);
}

/** A number with the largest unit that leaves it whole: `7d`, `900kB`; without one where the option is a plain number. */
export function quantityText(name: OptionName, value: number): string {
  let text = String(value);
  let largest = 0;
  for (const unit of shownUnits(name)) {
    const factor = unitsOf(name)[unit]!;
    if (factor <= largest || (value === 0 ? factor > 1 : value % factor !== 0)) continue;
    largest = factor;
    text = `${value / factor}${unit}`;
  }
  return text;
}

/** What its value is called in help: a span such as `15m`, a size such as `5GB`, or a number. */
export function quantityKind(name: OptionName): 'SPAN' | 'SIZE' | 'N' {
  const units = unitsOf(name);
  return units === spanUnits ? 'SPAN' : units === sizeUnits ? 'SIZE' : 'N';
}

function shownUnits(name: OptionName): string[] {
  const units = unitsOf(name);
  return units === spanUnits ? ['ms', 's', 'm', 'h', 'd'] : units === sizeUnits ? ['B', 'kB', 'KiB', 'MB', 'MiB', 'GB', 'GiB'] : [];
}

function unitsOf(name: string): Record<string, number> {
  return /Ms(?:Max)?$/.test(name) ? spanUnits : /Bytes/.test(name) ? sizeUnits : plainUnits;
}

export function defaultOptions(): Options {
  const copyOf = (value: OptionSpec['default']): OptionSpec['default'] => (typeof value === 'object' && value !== null ? [...value] : value);
  return Object.fromEntries(optionNames.map(name => [name, copyOf(options[name].default)])) as Options;
}

/** Read in any case. */
const sizeUnits: Record<string, number> = { '': 1, B: 1, k: 1000, kB: 1000, KiB, M: 1e6, MB: 1e6, MiB, G: 1e9, GB: 1e9, GiB };
const plainUnits: Record<string, number> = { '': 1 };
const spanUnits: Record<string, number> = { '': 1, ms: 1, s: secondMs, m: minuteMs, h: hourMs, d: dayMs };

/** The text's number times its unit, or null where it is not one. */
function readQuantity(text: string, units: Record<string, number>): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = match?.[2]!.toLowerCase();
  const factor = Object.entries(units).find(([known]) => known.toLowerCase() === unit)?.[1];
  return match === null || factor === undefined ? null : Number(match[1]) * factor;
}

/**
 * A span such as `30s`, or a number of milliseconds.
 * @throws LeadlineError BAD_OPTION naming the flag.
 */
export function readSpanMs(flag: string, text: string): number {
  const ms = readQuantity(text, spanUnits);
  if (ms === null) throw new LeadlineError('BAD_OPTION', { option: flag, problem: `"${text}" is not a number`, fix: 'Write a span such as 30s, 5m' });
  return Math.round(ms);
}

/**
 * The value of an option from text (a flag, the environment) or from YAML.
 * Numbers of names in `...Ms` may be written `15m`, those in `Bytes...` as `5GB`.
 * @returns the value, or `{ problem, fix }` for a person.
 */
export function readOption(name: OptionName, given: unknown): { value: Options[OptionName] } | { problem: string; fix: string } {
  const spec: OptionSpec = options[name];
  switch (spec.type) {
    case 'integer': {
      const units = unitsOf(name);
      const quantity = readQuantity(String(given), units);
      const known = units === spanUnits ? ' or a span such as 500ms, 15m, 7d' : units === sizeUnits ? ' or a size such as 900kB, 5GB' : '';
      const range = `Write a whole number from ${spec.min} to ${spec.max}${known}`;
      if (quantity === null) return { problem: `"${String(given)}" is not a number`, fix: range };
      if (units === plainUnits && !Number.isInteger(quantity)) return { problem: `"${String(given)}" is not a whole number`, fix: range };
      const value = Math.round(quantity);
      if (value < spec.min || value > spec.max) return { problem: `${String(given)} is out of range`, fix: range };
      return { value };
    }
    case 'flag':
      if (given === true || given === 'true' || given === '1') return { value: true };
      if (given === false || given === 'false' || given === '0') return { value: false };
      return { problem: `"${String(given)}" is neither true nor false`, fix: 'Write true or false' };
    case 'list':
      if (isCorrelationList(name)) return readCorrelationList(name, given);
      if (Array.isArray(given) && given.every(member => typeof member === 'string')) return { value: spec.commas === true ? given.flatMap(splitAtCommas) : given };
      if (typeof given === 'string') return { value: spec.expressions === true ? given.split('\n').filter(member => member !== '') : splitAtCommas(given) };
      return { problem: 'is not a list of texts', fix: 'Write a list, one entry per line with a leading dash' };
    case 'text':
      if (given === null) return { value: null };
      if (spec.choices !== undefined && typeof given === 'string') {
        const value = given.toLowerCase();
        const nearest = nearestName(value, spec.choices);
        return spec.choices.includes(value) ? { value } : { problem: `"${given}" is not one of its values`, fix: nearest === null ? `Write one of ${spec.choices.join(', ')}` : `Did you mean ${nearest}? Its values are ${spec.choices.join(', ')}` };
      }
      if (typeof given === 'string' || typeof given === 'number') return { value: String(given) };
      return { problem: 'is not a text', fix: `Write ${name}: ${spec.placeholder}` };
  }
}

function splitAtCommas(text: string): string[] {
  return text.split(',').map(member => member.trim()).filter(member => member !== '');
}
