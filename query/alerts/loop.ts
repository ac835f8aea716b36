/**
 * The loop of alerting: read new signals, judge them, keep what came of it together with its messages, send.
 *
 * Event time decides everything. The wall clock says only when something was found, and whether it is recent enough to tell.
 */
import type { AlertConfig, Rule, Signal } from '#schemas/alert.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { AlertBody } from '#schemas/http-api.ts';
import type { ReadContext, StoreReader } from '#schemas/store.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { AlertStore, waitingMessagesMax } from './alert-store.ts';
import { Detector, detectorTimesMax, type Outcome } from './detector.ts';
import type { Episode } from './episode.ts';
import { alertBody, alertMessage } from './message.ts';
import { Outbox } from './outbox.ts';
import { StreamTimes } from './stream-times.ts';

const lookIntervalMs = 250;
const signalsPerStepMax = 1000;
/** Rule and key pairs watched at once; the one that counted nothing for longest, and is not firing, goes first. */
const detectorsMax = 2000;
const listedMax = 1000;
const retryDelayMs = 1000;

export interface AlertLoopOptions {
  reader: Pick<StoreReader, 'signalsAfter' | 'streams'>;
  alertsDbPath: string;
  config: AlertConfig;
  /** Root of the links in messages: `http://127.0.0.1:4680`. */
  publicUrl: string;
  log: Log;
  clock: Clock;
  sendersFetch?: typeof fetch;
  chance?: () => number;
}

export class AlertLoop {
  /** Called after a change is durable. */
  onChange: ((alert: AlertBody) => void) | null = null;
  private readonly options: AlertLoopOptions;
  private readonly store: AlertStore;
  private readonly outbox: Outbox;
  private readonly rules: ReadonlyMap<string, Rule>;
  private readonly streamTimes = new StreamTimes();
  /** In the order of their last counted event. */
  private detectors = new Map<string, Detector>();
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;
  private woken = false;
  private wakeUp: (() => void) | null = null;

  /** @throws LeadlineError STORE_VERSION where `alerts.db` was written in another layout. */
  constructor(options: AlertLoopOptions) {
    this.options = options;
    this.store = new AlertStore(options.alertsDbPath);
    this.rules = new Map(options.config.rules.map(rule => [rule.name, rule]));
    const { log, clock } = options;
    this.outbox = new Outbox({ store: this.store, targets: options.config.targets, log, clock, send: options.sendersFetch ?? fetch, chance: options.chance ?? Math.random });
  }

  /** Takes up what was left, messages included, and begins to read. */
  start(): void {
    if (this.running !== null) return;
    this.restore();
    this.giveUpUnknownTargets();
    this.outbox.wake();
    this.running = this.run();
  }

  /** There may be new signals. Call it after each commit; it returns at once. */
  wake(): void {
    this.woken = true;
    this.wakeUp?.();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.wakeUp?.();
    await this.running;
    await this.outbox.stop();
    this.store.close();
  }

  /** Newest first, at most `listedMax`. */
  list(): AlertBody[] {
    return this.store.episodes(listedMax).map(episode => alertBody(episode, this.options.publicUrl));
  }

  get(episodeId: string): AlertBody | null {
    const episode = this.store.episode(episodeId);
    return episode === null ? null : alertBody(episode, this.options.publicUrl);
  }

  private async run(): Promise<void> {
    const { log, clock } = this.options;
    const { signal } = this.stopping;
    while (!signal.aborted) {
      this.woken = false;
      try {
        await this.look();
      } catch (error) {
        if (signal.aborted) return;
        log.error({ event: 'alertLookFailed', err: error }, 'reading signals failed; trying again');
        await clock.sleep(retryDelayMs, signal);
      }
      if (!this.woken) await this.waitForWake();
    }
  }

  private async waitForWake(): Promise<void> {
    const woken = new AbortController();
    this.wakeUp = () => woken.abort();
    if (this.woken || this.stopping.signal.aborted) woken.abort();
    await this.options.clock.sleep(lookIntervalMs, woken.signal);
    this.wakeUp = null;
  }

  private async look(): Promise<void> {
    await this.readSignals();
    if (![...this.detectors.values()].some(detector => detector.firing)) return;
    // The streams are asked before the signals that are read to their end: what a watermark promises has then been read.
    const streams = await this.options.reader.streams(this.context());
    await this.readSignals();
    this.streamTimes.look(streams, this.options.clock.nowMs());
    this.settle();
  }

  private async readSignals(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const before = this.store.cursor();
      const page = await this.readPage(before);
      if (page === null) continue;
      if (page.cursor === before && page.signals.length === 0) return;
      this.take(page.signals, page.cursor);
      if (page.signals.length < signalsPerStepMax) return;
    }
  }

  /** @returns null where the cursor is of a store that is gone, and reading begins anew. */
  private async readPage(cursor: string | null): Promise<{ signals: Signal[]; cursor: string } | null> {
    try {
      return await this.options.reader.signalsAfter(cursor, signalsPerStepMax, this.context());
    } catch (error) {
      if (!(error instanceof LeadlineError) || error.code !== 'BAD_CURSOR' || cursor === null) throw error;
      this.options.log.warn({ event: 'signalCursorReset' }, 'the store does not know where alerting had read to; reading its signals from the oldest');
      this.store.transaction(() => this.store.putCursor(null));
      return null;
    }
  }

  /** One step: signals in; episodes, detectors, messages and the cursor out, in one transaction. */
  private take(signals: readonly Signal[], cursor: string): void {
    const nowMs = this.options.clock.nowMs();
    const changes = this.step(() => {
      const fresh = signals.filter(({ signalId, rule }) => this.store.addSeen(signalId) && this.rules.has(rule));
      const outcomes: Outcome[] = [];
      for (const [name, group] of Map.groupBy(fresh, ({ rule, key }) => nameOf(rule, key))) {
        const { rule, key } = group[0]!;
        const detector = this.detectors.get(name) ?? new Detector(this.rules.get(rule)!, key);
        this.detectors.delete(name);
        this.detectors.set(name, detector);
        detector.take(group);
        // Only what the signals themselves say: an episode that a later signal of the same stream is past ends before the next one opens.
        outcomes.push(...this.advance(detector, earliestSignalled(detector), nowMs));
        this.forget(detector);
      }
      this.evict();
      this.store.putCursor(cursor);
      this.store.trim();
      return outcomes;
    });
    this.announce(changes);
  }

  /** Ends what is past by what the streams say. */
  private settle(): void {
    const firing = [...this.detectors.values()].filter(detector => detector.firing);
    const nowMs = this.options.clock.nowMs();
    const changes = this.step(() => firing.flatMap(detector => {
      const outcomes = this.advance(detector, this.streamTimes.earliest(detector.contributors), nowMs);
      if (outcomes.length > 0) this.forget(detector);
      return outcomes;
    }));
    this.announce(changes);
  }

  /** What is known in memory follows what is durable: where the transaction fails, all of it is read back. */
  private step(work: () => Outcome[]): Outcome[] {
    try {
      return this.store.transaction(work);
    } catch (error) {
      this.restore();
      throw error;
    }
  }

  private advance(detector: Detector, watermarkNs: bigint | null, nowMs: number): Outcome[] {
    const recall = (fromNs: bigint, toNs: bigint): Episode[] => this.store.overlapping(detector.rule.name, detector.key, fromNs, toNs);
    const outcomes = detector.advance(watermarkNs, nowMs, recall);
    for (const { episode, tell } of outcomes) {
      this.store.putEpisode(episode);
      if (tell !== null) this.queueMessages(episode, tell);
    }
    return outcomes;
  }

  private queueMessages(episode: Episode, kind: 'open' | 'resolve'): void {
    const { config, publicUrl, log } = this.options;
    const rule = this.rules.get(episode.rule) ?? null;
    const names = rule === null || rule.notify.length === 0 ? config.targets.map(({ name }) => name) : rule.notify;
    const body = JSON.stringify(alertMessage(episode, rule, kind, publicUrl));
    for (const target of config.targets) {
      if (!names.includes(target.name)) continue;
      const fits = this.store.addMessage({ target: target.name, episodeId: episode.episodeId, idempotencyKey: `${episode.episodeId}:${episode.revision}`, body });
      if (!fits) log.error({ event: 'alertOutboxFilled', target: target.name, waitingMessagesMax, episodeId: episode.episodeId }, `alert message given up: ${waitingMessagesMax} messages wait for target ${target.name}`);
    }
  }

  private forget(detector: Detector): void {
    const { episodes, full } = detector.forget();
    for (const episode of episodes) this.store.putEpisode(episode);
    this.store.putDetector({ rule: detector.rule.name, key: detector.key, state: detector.state() });
    if (full) this.options.log.warn({ event: 'detectorFilled', rule: detector.rule.name, detectorTimesMax }, 'more events in one window than are kept: the peak is a lower bound');
  }

  private evict(): void {
    if (this.detectors.size <= detectorsMax) return;
    let over = this.detectors.size - detectorsMax;
    for (const [name, detector] of this.detectors) {
      if (over === 0) break;
      if (detector.firing) continue;
      this.detectors.delete(name);
      this.store.deleteDetector(detector.rule.name, detector.key);
      over--;
    }
    this.options.log.warn({ event: 'detectorsFilled', detectorsMax }, 'more keys are counted than are watched at once: those without events for longest begin anew');
  }

  private announce(changes: readonly Outcome[]): void {
    this.outbox.wake();
    for (const { episode, tell } of changes) {
      const { episodeId, rule, state, revision, told } = episode;
      if (tell === null) this.options.log.debug({ event: 'episodeUpdated', episodeId, rule, state, revision, told }, 'episode updated');
      else this.options.log.info({ event: tell === 'open' ? 'episodeOpened' : 'episodeResolved', episodeId, rule, revision }, tell === 'open' ? 'episode opened' : 'episode resolved');
      this.onChange?.(alertBody(episode, this.options.publicUrl));
    }
  }

  private restore(): void {
    this.detectors = new Map();
    for (const { rule: name, key, state } of this.store.detectors()) {
      const rule = this.rules.get(name);
      if (rule !== undefined && rule.by.length === key.length) this.detectors.set(nameOf(name, key), new Detector(rule, key, state));
      else this.abandon(name, key);
    }
  }

  /** A rule that is no longer watched will not see its episodes end: those that fire end here, and whoever was told of them is told so. */
  private abandon(rule: string, key: (string | null)[]): void {
    this.store.transaction(() => {
      for (const episode of this.store.firingEpisodes()) {
        if (episode.rule !== rule || JSON.stringify(episode.key) !== JSON.stringify(key)) continue;
        const ended: Episode = { ...episode, state: 'resolved', revision: episode.revision + 1, resolvedNs: episode.lastNs };
        this.store.putEpisode(ended);
        if (ended.told) this.queueMessages(ended, 'resolve');
      }
      this.store.deleteDetector(rule, key);
    });
    this.options.log.info({ event: 'detectorAbandoned', rule }, 'a rule was taken away or changed its key; what it watched has ended');
  }

  private giveUpUnknownTargets(): void {
    const { config, log } = this.options;
    const known = new Set(config.targets.map(({ name }) => name));
    for (const rule of config.rules) {
      const missing = rule.notify.filter(name => !known.has(name));
      if (missing.length > 0) log.warn({ event: 'alertTargetMissed', rule: rule.name, targets: missing }, 'a rule notifies targets that are not declared; nobody is told under these names');
    }
    for (const target of this.store.waitingTargets()) {
      if (known.has(target)) continue;
      for (let message = this.store.nextMessage(target); message !== null; message = this.store.nextMessage(target)) this.store.finishMessage(message.messageId, 'givenUp');
      log.warn({ event: 'alertTargetMissed', targets: [target] }, 'messages wait for a target that is no longer declared; they are given up');
    }
  }

  private context(): ReadContext {
    return { signal: this.stopping.signal, budget: { eventsMax: 1_000_000, bytesMax: Infinity, msMax: 10_000 } };
  }
}

function nameOf(rule: string, key: readonly (string | null)[]): string {
  return JSON.stringify([rule, ...key]);
}

/** By signals alone; it never says that nothing can come. */
function earliestSignalled({ contributors }: Detector): bigint {
  return contributors.reduce<bigint | null>((least, { watermarkNs }) => (least === null || watermarkNs < least ? watermarkNs : least), null) ?? -(2n ** 63n);
}
