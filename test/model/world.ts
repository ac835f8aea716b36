/** A folder of logs, a shipper over it whose clock and turns the history moves, the topic behind it, and the collector behind that. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { addRanges, coverage, lowWaterMark, type ByteRange } from '#lib/byte-ranges.ts';
import { quietLog } from '#lib/log.ts';
import { defaultOptions } from '#schemas/options.ts';
import type { StreamState } from '#schemas/transport.ts';
import { balanceCloses } from '../../shipper/balance.ts';
import { Shipper, type ShipperOptions } from '../../shipper/shipper.ts';
import { HandClock } from '../helpers/tailed-folder.ts';
import { Collecting } from './collecting.ts';
import { firstOpenPiece, isFinishedAt } from './framed-lines.ts';
import { shown, wrongLines, type Life } from './lives.ts';
import { FaultyTransport, Topic, type Fuse } from './topic.ts';
import { Writer } from './writer.ts';

/** `broker`: a topic that tells stream states only. `store`: the collector's store in the same process, which knows what is stored. */
export type Behind = 'broker' | 'store';
/** `resting`: every source comes to rest as soon as it can; for that one file is open at most. */
export type Pace = 'usual' | 'resting';
/** What a start finds of what was known. One of the two is always whole: no rule can do without both. */
export type Memory = 'whole' | 'checkpointLost' | 'checkpointOld' | 'checkpointDamaged' | 'checkpointOfOtherVersion' | 'statesLost' | 'statesOld';

const headBytesMax = 1024;
const lineBytesMax = 128 * 1024;
const inFlightBytesMax = 64 * 1024;
const openEventBytesMax = 8 * 1024;
/** Turns without anything new after which a history is over. */
const quietTurns = 8;
const turnsMax = 2000;

export class World {
  readonly writer: Writer;
  readonly topic = new Topic();
  readonly clock = new HandClock();
  readonly collecting: Collecting;
  readonly behind: Behind;
  readonly #pace: Pace;
  readonly #root = mkdtempSync(join(tmpdir(), 'leadline-test-'));
  readonly #checkpointPath: string;
  readonly #options: ShipperOptions;
  transport: FaultyTransport;
  #shipper: Shipper;
  #onCall: () => void = () => undefined;
  #olderCheckpoint: Buffer | null = null;
  #wasCheckpointLost = false;

  constructor(behind: Behind, pace: Pace) {
    this.behind = behind;
    this.#pace = pace;
    this.writer = new Writer(this.#root, pace !== 'resting');
    this.#checkpointPath = join(this.#root, 'state', 'checkpoint.json');
    this.#options = { ...defaultOptions(), dataDir: dirname(this.#checkpointPath), sourceId: 'test', watch: false, pollIntervalMs: 5, idlePollIntervalMs: 50, checkpointIntervalMs: 10, stateIntervalMs: 1000, chunkBytesMax: 4096, lineBytesMax, inFlightBytesMax, openFilesMax: pace === 'resting' ? 1 : 16 };
    this.collecting = new Collecting(this.topic, this.clock, { lineBytesMax, openEventBytesMax });
    [this.transport, this.#shipper] = this.#fresh(null);
  }

  #fresh(fuse: Fuse | null): [FaultyTransport, Shipper] {
    const transport = new FaultyTransport({ topic: this.topic, storeStates: this.behind === 'store' ? sources => this.collecting.statesOf(sources) : null, takeStates: this.behind === 'store' ? states => this.collecting.takeStates(states) : null, isInCheckpoint: streamId => this.#checkpointed().some(state => state.streamId === streamId), fuse, onCall: () => this.#onCall() });
    this.collecting.onAcknowledged = acknowledgements => {
      if (this.behind === 'store' && !transport.isDead) transport.acknowledged(acknowledgements);
    };
    return [transport, new Shipper({ paths: [this.writer.logs], options: this.#options, transport, checkpointPath: this.#checkpointPath, log: quietLog, clock: this.clock, ...(this.#pace === 'resting' ? { activeMs: 0 } : {}) })];
  }

  async open(): Promise<void> {
    await this.#orKilled(this.#shipper.open());
  }

  /** @returns null where the process was killed meanwhile */
  async #orKilled<T>(work: Promise<T>): Promise<T | null> {
    const result = await Promise.race([work, this.transport.killed.then(() => null)]);
    if (this.transport.isDead) await this.restart({ memory: 'whole', arrived: 0, fuse: null });
    return result;
  }

  /** One turn, after the clock moved on by `ms`. @returns whether there is more to do at once */
  async turn(ms: number): Promise<boolean> {
    this.clock.advance(ms);
    const more = await this.#orKilled(this.#shipper.turn());
    this.#check();
    return more ?? true;
  }

  /** What happens while the shipper waits for the answer to its nth call from now on. */
  meanwhile(what: { call: number; run: () => void } | null): void {
    let calls = 0;
    this.#onCall = () => {
      calls += 1;
      if (calls === what?.call) what.run();
    };
  }

  /** Kill -9, and a start from what is left on the disk and outside. */
  async restart({ memory, arrived, fuse }: { memory: Memory; arrived: number; fuse: Fuse | null }): Promise<void> {
    this.transport.crash(arrived);
    this.#shipper.abandon();
    this.writer.readerDied();
    // In one process both die.
    if (this.behind === 'store') this.collecting.crash('inFlightLost');
    const checkpoint = this.#checkpointBytes();
    this.#forget(memory);
    [this.transport, this.#shipper] = this.#fresh(fuse);
    this.#allowTwice();
    this.#olderCheckpoint = checkpoint;
    await this.open();
    // Copied while it started: nobody had seen the original in this run.
    this.#allowTwice();
  }

  /** In one process it would be the shipper's crash as well. */
  crashCollector(positionIsLost: boolean): void {
    if (this.behind === 'broker') this.collecting.crash(positionIsLost ? 'positionLost' : 'positionKept');
  }

  /** SIGTERM, and a start. */
  async stopAndStart(): Promise<void> {
    await this.#orKilled(this.#shipper.stop());
    await this.restart({ memory: 'whole', arrived: 0, fuse: null });
  }

  #checkpointBytes(): Buffer | null {
    return existsSync(this.#checkpointPath) ? readFileSync(this.#checkpointPath) : null;
  }

  #forget(memory: Memory): void {
    const path = this.#checkpointPath;
    const bytes = this.#checkpointBytes();
    this.#wasCheckpointLost ||= memory.startsWith('checkpoint');
    switch (memory) {
      case 'whole':
        return;
      case 'checkpointLost':
        rmSync(path, { force: true });
        return;
      case 'checkpointOld':
        if (this.#olderCheckpoint === null) rmSync(path, { force: true });
        else writeFileSync(path, this.#olderCheckpoint);
        return;
      case 'checkpointDamaged':
        if (bytes !== null) writeFileSync(path, bytes.map((byte, index) => (index === bytes.length >> 1 ? byte ^ 1 : byte)));
        return;
      case 'checkpointOfOtherVersion':
        if (bytes !== null) writeFileSync(path, bytes.toString('latin1').replace(/"version":\d+/, '"version":0'), 'latin1');
        return;
      case 'statesLost':
      case 'statesOld':
        // A store's are as safe as what it stores; and a closed stream's end is nowhere else.
        if (this.behind === 'store') return;
        for (const [streamId, states] of this.topic.history) {
          if (this.topic.states.get(streamId)?.closed !== false || !this.#checkpointed().some(state => state.streamId === streamId)) continue;
          if (memory === 'statesLost') this.topic.states.delete(streamId);
          else this.topic.states.set(streamId, states.findLast((state, index) => index <= states.length >> 1 && !state.closed) ?? states[0]!);
        }
    }
  }

  #checkpointed(): StreamState[] {
    const text = this.#checkpointBytes()?.toString('utf8').split('\n')[1];
    try {
      return text === undefined ? [] : (JSON.parse(text) as { streams: StreamState[] }).streams;
    } catch {
      return []; // damaged by us
    }
  }

  /**
   * Whether something behind its first line is on record as acknowledged. Before that nothing but the first line proves what a file is: a known
   * limitation.
   */
  isOnRecord(life: Life): boolean {
    const known = [...this.#checkpointed(), ...this.transport.known([...new Set([...this.topic.states.values()].map(state => state.source))])];
    const acknowledged = known.filter(state => this.#lifeOf(state.streamId) === life).map(state => state.acknowledgedBytes);
    return Math.max(0, ...acknowledged) > Math.min(headBytesMax, (life.lines[0]?.text.length ?? 0) + 1);
  }

  /** A copy of what is not on record proves nothing after a crash. */
  #allowTwice(): void {
    for (const life of this.writer.lives.all) if (life.isCopied && !this.isOnRecord(life)) for (const line of life.lines) line.mayBeTwice = true;
  }

  #lifeOf(streamId: string): Life | null {
    const bytes = this.topic.published.get(streamId);
    if (bytes === undefined) return null;
    for (const line of bytes.toString('latin1').split('\n')) {
      const life = this.writer.lives.lifeOf(line);
      if (life !== null) return life;
    }
    return null;
  }

  /** Whether anything of the life was sent. */
  isKnown(life: Life): boolean {
    return [...this.topic.published.keys()].some(streamId => this.#lifeOf(streamId) === life);
  }

  /** The rules that hold at every moment. */
  #check(): void {
    for (const state of this.#checkpointed()) {
      const acknowledged = lowWaterMark(this.topic.acknowledged.get(state.streamId) ?? []);
      if (state.acknowledgedBytes > acknowledged) this.topic.broken.push(`the checkpoint has stream ${state.streamId} at ${state.acknowledgedBytes}, acknowledged are ${acknowledged}`);
      const bytes = this.topic.published.get(state.streamId);
      if (bytes === undefined || state.closed || this.topic.closed.has(state.streamId)) continue;
      if (this.topic.ends.has(`${state.streamId}:${state.acknowledgedBytes}`) || this.topic.closedAt.get(state.streamId) === state.acknowledgedBytes) continue;
      if (!isFinishedAt(bytes, state.acknowledgedBytes, 'plain')) this.topic.broken.push(`the checkpoint has stream ${state.streamId} at ${state.acknowledgedBytes}, inside a line`);
      if (state.acknowledgedBytes > firstOpenPiece(bytes, Math.min(acknowledged, bytes.length), state.framing)) this.topic.broken.push(`the checkpoint has stream ${state.streamId} at ${state.acknowledgedBytes}, behind an open piece`);
    }
    for (const balance of this.#shipper.status()) if (!balanceCloses(balance)) this.topic.broken.push(`the balance does not close: ${JSON.stringify(balance)}`);
  }

  /** Turns, acknowledges and collects until nothing moves any more, several idle and closing spans long. */
  async settle(): Promise<void> {
    this.writer.finish();
    let turns = 0;
    for (let quiet = 0; quiet < quietTurns && turns < turnsMax; turns += 1) {
      const before = this.topic.records.length + this.transport.pending.length;
      const more = await this.turn(1100);
      this.transport.acknowledgeAll();
      this.collecting.consumeAll();
      quiet = more || this.topic.records.length !== before ? 0 : quiet + 1;
    }
    if (turns === turnsMax) this.topic.broken.push('the shipper never came to rest');
  }

  /** What is wrong in the end, in words. */
  faults(): string[] {
    const { stored, wrong } = this.collecting.lines();
    const mixed = [...stored].flatMap(([streamId, lines]) => {
      const lives = [...new Set(lines.map(line => this.writer.lives.lifeOf(line)).filter(life => life !== null))];
      return lives.length > 1 ? [`stream ${streamId} holds lines of ${lives.length} files, as ${lives.map(life => shown(life.lines.at(-1)!.text)).join(' and ')}`] : [];
    });
    const disordered = [...stored].flatMap(([streamId, lines]) => (this.writer.lives.areInOrder(lines) ? [] : [`stream ${streamId} is not in order`]));
    const madeUp = this.topic.gaps.flatMap(({ streamId, from, to }) => {
      const bytes = this.#lifeOf(streamId)?.bytes ?? Infinity;
      return to > bytes ? [`stream ${streamId} has a gap from ${from} to ${to}, and only ${bytes} bytes were written`] : [];
    });
    const unaccounted = this.collecting.store.streams().flatMap(({ streamId, storedRanges, gaps, state }) => {
      // Only a checkpoint remembers sources of which no file is there: a known limitation.
      if (this.#wasCheckpointLost && storedRanges.length === 0) return [];
      const known: ByteRange[] = addRanges(storedRanges, gaps);
      const told = this.topic.states.get(streamId) ?? state;
      return told !== null && coverage({ from: 0, to: told.sizeBytes }, known) !== 'all' ? [`stream ${streamId}: of ${told.sizeBytes} bytes only ${JSON.stringify(known)} are stored or a gap`] : [];
    });
    return [...this.topic.broken, ...wrongLines(this.writer.lives, [...stored.values()].flat()), ...wrong, ...mixed, ...disordered, ...madeUp, ...unaccounted];
  }

  dispose(): void {
    this.transport.crash(0);
    this.#shipper.abandon();
    rmSync(this.#root, { recursive: true, force: true });
  }
}
