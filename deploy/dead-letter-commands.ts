/** `leadline dead-letters list`, `show` and `replay`: what the collector could not take in, and the way back. */
import { readFileSync } from 'node:fs';
import { plainBytes } from '../collector/chunk-bytes.ts';
import type { Letter, LetterContent } from '../collector/dead-letter-box.ts';
import { follows, idleBehind, leavesOpen, replaysOf, type Mending, type Replay } from '../collector/dead-letter-replay.ts';
import { recordFormats } from '../collector/records/record-stream.ts';
import { bytesText, counted, fit, printable, printableJson, shortTime, table, terminalOf } from '../query/cli/render/terminal.ts';
import { systemClock } from '#lib/clock.ts';
import type { KafkaClient } from '#lib/kafka/kafka-client.ts';
import { KafkaError, type OutgoingRecord } from '#lib/kafka/types.ts';
import { chunkOf, chunkVersion } from '#schemas/chunk.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import { kafkaTrouble } from '#schemas/kafka-trouble.ts';
import { parsePathPattern } from '#schemas/path-pattern.ts';
import { topicName } from '#schemas/topics.ts';
import type { Config } from './config.ts';
import { contentRow, letterNamed, rowOf, timeText, withBox } from './dead-letter-rows.ts';

type Flags = Record<string, unknown>;

const done = 0;
const nothingFound = 1;
const unfit = 2;
/** Of a value, as hex and as text. */
const shownBytesMax = 4096;
const hexColumns = 16;
/** In a list; `show` has all of it. */
const reasonWidthMax = 80;

const forPrograms = ({ options }: Config): boolean => options.json || !process.stdout.isTTY;
const printRow = (row: unknown): boolean => process.stdout.write(`${process.stdout.isTTY ? printableJson(row) : JSON.stringify(row)}\n`);

/** @returns 1 where there is none. @throws LeadlineError of Kafka */
export function listLetters(flags: Flags, config: Config): Promise<number> {
  return withBox(config.options, async ({ box }) => {
    const letters = (await box.letters()).filter(letter => (flags['all'] === true || letter.state !== 'replayed') && hasReason(letter, flags['reason']));
    if (forPrograms(config)) for (const letter of letters) printRow(rowOf(letter));
    else if (letters.length > 0) process.stdout.write(`${renderLetters(letters)}\n`);
    else if (!config.options.quiet) process.stderr.write('leadline: there are no dead letters that wait.\n');
    return letters.length > 0 ? done : nothingFound;
  });
}

/** @throws LeadlineError LETTER_NOT_FOUND and of Kafka */
export function showLetter(id: string, config: Config): Promise<number> {
  return withBox(config.options, async ({ box }) => {
    const letter = letterNamed(await box.letters(), id);
    const content = await box.content(letter);
    if (forPrograms(config)) printRow({ ...rowOf(letter), ...contentRow(content) });
    else process.stdout.write(`${renderLetter(letter, content)}\n`);
    return done;
  });
}

/**
 * Puts records back where they came from. Sent again after a crash they are trimmed: nothing is stored twice.
 * @returns 1 where there was nothing to replay, 2 where some could not be. @throws LeadlineError LETTER_NOT_FOUND, LETTER_UNFIT, BAD_OPTION and of Kafka
 */
export function replayLetters(ids: readonly string[], flags: Flags, config: Config): Promise<number> {
  const isAll = flags['all'] === true || flags['reason'] !== undefined;
  const isDry = flags['dryRun'] === true;
  const mending = mendingOf(flags);
  const format = recordFormats.find(known => known === flags['format']);
  if (format !== undefined) mending.format = format;
  mending.pathPatterns = config.options.pathPattern.map(parsePathPattern);
  if (isAll === ids.length > 0) throw new LeadlineError('BAD_OPTION', { option: 'replay', problem: isAll ? 'names letters and asks for all' : 'no letter is named', fix: 'Write leadline dead-letters replay ID..., or --all, or --reason TEXT' });
  if ((mending.headers !== undefined || mending.value !== undefined) && ids.length !== 1) throw new LeadlineError('BAD_OPTION', { option: '--header', problem: 'mends one letter at a time', fix: 'Name that letter' });
  return withBox(config.options, async ({ box, kafka }) => {
    const letters = await box.letters();
    const chunksTopic = await kafka.topic(topicName(config.options.topicPrefix, 'chunks'));
    const chosen = isAll ? letters.filter(letter => (letter.state === 'waiting' || (letter.state === 'returned' && flags['again'] === true)) && hasReason(letter, flags['reason'])) : letters.filter(letter => ids.some(id => letterNamed(letters, id) === letter));
    let refused = 0;
    const sent: { letter: Letter; replays: Replay[] }[] = [];
    let isOpen = false;
    const produce = (partition: number, record: OutgoingRecord): Promise<void> => produceAgain(kafka, chunksTopic.name, partition, record, config);
    const endRun = async (): Promise<void> => {
      const last = sent.at(-1)?.replays.at(-1);
      if (isOpen && last !== undefined && !isDry) await produce(last.partition, idleBehind(last, systemClock.nowMs()));
      isOpen = false;
    };
    for (const letter of chosen) {
      let replays: Replay[];
      try {
        replays = replaysOf(letter, await box.content(letter), chunksTopic, mending);
      } catch (error) {
        if (!(error instanceof LeadlineError) || error.code !== 'LETTER_UNFIT' || !isAll) throw error;
        refused += 1;
        if (forPrograms(config)) printRow({ ...rowOf(letter), replayed: false, problem: error.message });
        else process.stderr.write(`leadline: ${printable(error.message)}\n`);
        continue;
      }
      const before = sent.at(-1)?.replays.at(-1);
      if (before !== undefined && !follows(before, replays[0]!)) await endRun();
      for (const { partition, record } of isDry ? [] : replays) await produce(partition, record);
      sent.push({ letter, replays });
      isOpen = leavesOpen(replays.at(-1)!);
      sayReplayed(letter, replays, isDry, config);
    }
    await endRun();
    // Only now: a letter that is marked is complete in its topic, its idle record included.
    if (!isDry) for (const { letter } of sent) await box.markReplayed(letter);
    if (!config.options.quiet && !forPrograms(config)) process.stderr.write(`leadline: ${counted(sent.length, 'letter')} ${isDry ? 'would be replayed' : 'replayed'}${refused === 0 ? '' : `, ${refused} not`}.\n`);
    return refused > 0 ? unfit : sent.length > 0 ? done : nothingFound;
  });
}

function sayReplayed(letter: Letter, replays: readonly Replay[], isDry: boolean, config: Config): void {
  const { streamId, offset } = replays[0]!.chunk;
  const { end } = replays.at(-1)!.chunk;
  if (forPrograms(config)) printRow({ ...rowOf(letter), replayed: !isDry, stream: streamId, streamOffset: offset, streamOffsetEnd: end });
  else if (!config.options.quiet) {
    const what = letter.lines === null ? `bytes ${offset} to ${end} of ${printable(streamId)}` : `records ${offset} to ${end - 1}`;
    process.stdout.write(`${letter.id}  ${isDry ? 'would go' : 'went'} back into its hole in ${printable(letter.topic)} partition ${letter.partition}: ${what}\n`);
  }
}

const attemptsMax = 20;
const retryDelayMs = 250;

/** In doubt it is sent twice: whatever is known is trimmed. */
async function produceAgain(kafka: KafkaClient, topic: string, partition: number, record: OutgoingRecord, { options }: Config): Promise<void> {
  for (let attempts = 1; ; attempts++) {
    try {
      await kafka.produce(topic, partition, [record], 'none');
      return;
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      if (attempts === attemptsMax || /AUTHORIZATION|LOGIN|TLS|TOO_LARGE|UNKNOWN_TOPIC/.test(error.code)) throw kafkaTrouble(error, { brokers: options.kafka, topic, partition, operation: 'write' });
      await systemClock.sleep(retryDelayMs);
    }
  }
}

function hasReason({ reason }: Letter, wanted: unknown): boolean {
  return typeof wanted !== 'string' || reason.toLowerCase().includes(wanted.toLowerCase());
}

/** @throws LeadlineError BAD_OPTION, PATH_NOT_FOUND, PATH_NOT_READABLE */
function mendingOf(flags: Flags): Mending {
  const given = (flags['header'] as string[] | undefined) ?? [];
  const headers = given.map(text => {
    const at = text.indexOf('=');
    if (at < 1) throw new LeadlineError('BAD_OPTION', { option: '--header', problem: `"${text}" is no header`, fix: 'Write --header NAME=VALUE, such as ll-v=1' });
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  const path = flags['value'];
  return { ...(headers.length === 0 ? {} : { headers: Object.fromEntries(headers) }), ...(typeof path === 'string' ? { value: readValue(path) } : {}) };
}

function readValue(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const systemCode = systemCodeOf(error);
    throw new LeadlineError(systemCode === 'ENOENT' ? 'PATH_NOT_FOUND' : 'PATH_NOT_READABLE', { path, systemCode }, { cause: error });
  }
}

function renderLetters(letters: readonly Letter[]): string {
  const { width } = terminalOf(process.stdout);
  const rows = letters.map(letter => [letter.id, letter.state, shortTime(timeText(letter.deadMs)), `${letter.topic} ${letter.partition}:${letter.from}`, bytesText(letter.bytes), fit(letter.reason.replace(/^chunk refused: /, ''), reasonWidthMax), letter.source ?? '-']);
  return table(['letter', 'state', 'since', 'record', 'size', 'reason', 'source'], rows).split('\n').map(line => fit(line, width)).join('\n');
}

function renderLetter(letter: Letter, content: LetterContent | null): string {
  const head = Object.entries(rowOf(letter)).map(([name, value]) => `${name.padEnd(14)}${value === null ? '-' : printable(String(value))}`);
  if (content === null) return [...head, '', 'Its record is not in Kafka any more.'].join('\n');
  const headers = Object.entries(content.headers).map(([name, value]) => `  ${printable(name).padEnd(14)}${printable(value)}`);
  const value = Buffer.from(content.value ?? new Uint8Array(0));
  const shown = value.subarray(0, shownBytesMax);
  const more = value.length > shown.length ? [`... and ${bytesText(value.length - shown.length)} more; --json gives all of it`] : [];
  const unpacked = unpackedText(letter, content);
  return [...head, '', 'headers', ...headers, '', 'value', ...hexLines(shown), ...more, ...(unpacked === null ? [] : ['', 'unpacked', ...unpacked])].join('\n');
}

/** Of a compressed value that can be unpacked. */
function unpackedText({ source }: Letter, { headers, value }: LetterContent): string[] | null {
  if (headers['ll-codec'] !== 'zstd' || value === null) return null;
  try {
    const bytes = Buffer.from(plainBytes(chunkOf({ ...headers, 'll-v': String(chunkVersion), ...(source === null ? {} : { 'll-source': source }) }, value)));
    const lines = bytes.subarray(0, shownBytesMax).toString('utf8').split('\n').map(line => `  ${printable(line)}`);
    return bytes.length > shownBytesMax ? [...lines, `... and ${bytesText(bytes.length - shownBytesMax)} more`] : lines;
  } catch {
    // Why it cannot be is the letter's reason.
    return null;
  }
}

/** `00000010  6c 69 6e 65 ...  line...`. */
function hexLines(bytes: Buffer): string[] {
  return Array.from({ length: Math.ceil(bytes.length / hexColumns) }, (_, row) => {
    const part = bytes.subarray(row * hexColumns, (row + 1) * hexColumns);
    const hex = part.toString('hex').replace(/../g, '$& ').padEnd(3 * hexColumns);
    return `${(row * hexColumns).toString(16).padStart(8, '0')}  ${hex} ${part.toString('latin1').replace(/[^\x20-\x7e]/g, '.')}`;
  });
}
