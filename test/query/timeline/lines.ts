/** Lines with ids, in a store in memory. */
import type { EventId, IdKind, LogEvent } from '#schemas/event.ts';
import { MemoryReader, MemoryStore } from '../../helpers/memory-store.ts';
import { madeEvent, noon } from '../../contract/made-up.ts';

/** `T:abc` is a trace, `R:` a request, `C:` a correlation id, `S:` a span, `U:` a session. */
const kinds: Record<string, IdKind> = { T: 'trace', R: 'request', C: 'correlation', S: 'span', U: 'session' };

export const idsOf = (text: string): EventId[] => text.split(' ').filter(id => id !== '').map(id => ({ kind: kinds[id[0]!]!, name: 'id', value: id.slice(2) }));

/** One line per text, a second apart, each by a service of its own. @returns a reader over them */
export function storeOf(...lines: (string | [string, Partial<LogEvent>])[]): MemoryReader {
  const store = new MemoryStore();
  const events = lines.map((line, index) => {
    const [ids, given] = typeof line === 'string' ? [line, {}] : line;
    return madeEvent('a', 10 * index, 10 * index + 10, { ids: idsOf(ids), message: `line ${index}`, service: `service ${index}`, timeNs: noon + BigInt(index) * 1_000_000_000n, ...given });
  });
  store.append({ events, states: [] }, [], []);
  return new MemoryReader(store);
}

export const limits = { joinEventsMax: 10_000, joinSpanMsMax: 600_000, timelineEventsMax: 100_000, inferenceEventsMax: 100_000, inferenceMsMax: 10_000, inferenceConfidenceMin: 90, joinKinds: [] as readonly string[] };
