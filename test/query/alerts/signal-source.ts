/** A store's signals and streams in memory, as alerting reads them. */
import type { Signal } from '#schemas/alert.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { SignalsPage, StoredStream, StoreReader } from '#schemas/store.ts';

export const nsPerMs = 1_000_000n;

let signalCount = 0;

/** A signal of the rule `errors` for service `payment`, unless told otherwise; one match at each of these times (milliseconds). */
export function signal(timesMs: readonly number[], given: Partial<Signal> = {}): Signal {
  const timesNs = timesMs.map(ms => BigInt(ms) * nsPerMs);
  return {
    signalId: `a:${signalCount++}`,
    rule: 'errors',
    key: ['payment'],
    streamId: 'a',
    timesNs,
    count: timesNs.length,
    lastTimeNs: timesNs.at(-1)!,
    requests: [{ kind: 'trace', name: 'trace_id', value: 'fe3974115b911675d0640788986f80c9' }],
    messages: [{ message: 'card 4711 declined', exceptionType: 'CardError', count: timesNs.length }],
    services: ['payment'],
    watermarkNs: timesNs.reduce((most, time) => (time > most ? time : most)),
    silent: false,
    ...given,
  };
}

/** A stream whose bytes are all stored; `readToEndMs` null means that more is on its way. */
export function stream(streamId: string, watermarkMs: number | null, readToEndMs: number | null, given: { closed?: boolean; source?: string } = {}): StoredStream {
  const source = given.source ?? `source of ${streamId}`;
  return {
    streamId, source, storedRanges: [], lines: 0, events: 0, gapBytes: 0, gaps: [], lastTimeNs: null,
    watermarkNs: watermarkMs === null ? null : BigInt(watermarkMs) * nsPerMs,
    state: {
      streamId, name: streamId, generation: 0, source, sourceId: source, partition: null, inode: null, birthTimeNs: null, head: '', framing: 'plain',
      origin: { service: 'payment', container: null, pod: null, namespace: null, node: null },
      path: null, previous: null, closed: given.closed ?? false, sizeBytes: 100, readBytes: 100, acknowledgedBytes: 100, droppedBytes: {}, gapBytes: 0,
      tailHash: null, bootId: null, readToEndMs, copiesAfterNs: null, readMtimeMs: null, truncatedMs: null,
    },
  };
}

export class SignalSource implements Pick<StoreReader, 'signalsAfter' | 'streams'> {
  signals: Signal[];
  streamList: StoredStream[] = [];
  /** Cursors of another store are refused. */
  storeName: string;

  constructor(signals: Signal[] = [], storeName = 'store') {
    this.signals = signals;
    this.storeName = storeName;
  }

  signalsAfter(cursor: string | null, limit: number): Promise<SignalsPage> {
    const [name, index] = cursor?.split(':') ?? [this.storeName, '0'];
    if (name !== this.storeName) return Promise.reject(new LeadlineError('BAD_CURSOR', { value: cursor }));
    const signals = this.signals.slice(Number(index), Number(index) + limit);
    return Promise.resolve({ signals, cursor: `${this.storeName}:${Number(index) + signals.length}` });
  }

  streams(): Promise<StoredStream[]> {
    return Promise.resolve(this.streamList);
  }
}
