/** Adds up what signals say of their matches: messages, sample requests, services. */
import { signalSamplesMax, type Signal } from '#schemas/alert.ts';
import { messageShape } from '#schemas/rule-match.ts';
import type { MessageCount, Tally } from './episode.ts';

/** Messages kept of one episode; the rarest go first. */
export const tallyMessagesMax = 50;
export const tallyServicesMax = 50;

export function emptyTally(): Tally {
  return { messages: [], requests: [], services: [] };
}

/** Both together. Messages that differ only in numbers and ids are one, under the wording that came first. */
export function addToTally(tally: Tally, added: Pick<Signal, 'messages' | 'requests' | 'services'>): Tally {
  const messages = new Map<string, MessageCount>();
  for (const message of [...tally.messages, ...added.messages]) {
    const shape = `${message.exceptionType ?? ''}\n${messageShape(message.message)}`;
    const known = messages.get(shape);
    if (known === undefined) messages.set(shape, { ...message });
    else known.count += message.count;
  }
  const requests = [...tally.requests];
  for (const request of added.requests) {
    if (requests.length < signalSamplesMax && !requests.some(({ value }) => value === request.value)) requests.push(request);
  }
  return {
    messages: [...messages.values()].sort((a, b) => b.count - a.count).slice(0, tallyMessagesMax),
    requests,
    services: [...new Set([...tally.services, ...added.services])].slice(0, tallyServicesMax),
  };
}
