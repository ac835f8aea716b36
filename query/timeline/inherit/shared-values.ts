/**
 * What the values of a window say of its requests as a whole: which of them many requests share, and which requests are only the two halves of one, known
 * under a trace in some services and under a request id in others, without a line that proves it.
 */
import { idRank } from '#schemas/alias.ts';
import { isRareShape } from './content-keys.ts';
import type { WindowLine } from './window-line.ts';

/** Kinds of ids that many requests of one person or wire have. */
const sharedKinds: ReadonlySet<string> = new Set(['session', 'user', 'connection']);
/** Of the values of one name; where so many are had by several requests, all are taken to be such. */
const sharedPart = 0.02;

/** The session or user that a line names: somebody who makes one request after the other, as a rule. */
export function sharedIdOf({ event }: WindowLine): string | null {
  for (const { kind, value } of event.ids) if (sharedKinds.has(kind)) return value;
  return null;
}

/** Requests by a value, in lower case. */
type Having = Map<string, Map<string, WindowLine>>;

function havingOf(lines: readonly WindowLine[]): Having {
  const having: Having = new Map();
  for (const line of lines) {
    if (line.request === null) continue;
    for (const { value } of line.keys) {
      const requests = having.get(value);
      if (requests === undefined) having.set(value, new Map([[line.request, line]]));
      else if (!requests.has(line.request)) requests.set(line.request, line);
    }
  }
  return having;
}

/**
 * Values that several requests have one after the other, as a session has them: by the kind of id that some line calls it, and all values of a name of
 * which some are had by several requests. A trace and a request id are not several, they may be one.
 */
export function sharedValues(lines: readonly WindowLine[]): Set<string> {
  const shared = new Set<string>();
  for (const { event } of lines) for (const { kind, value } of event.ids) if (sharedKinds.has(kind)) shared.add(value.toLowerCase());
  const having = havingOf(lines);
  const names = new Map<string, { values: Set<string>; several: Set<string> }>();
  for (const line of lines) {
    for (const { value, name } of line.keys) {
      const requests = having.get(value);
      if (requests === undefined) continue;
      let of = names.get(name);
      if (of === undefined) names.set(name, (of = { values: new Set(), several: new Set() }));
      of.values.add(value);
      if (requests.size > 1 && hasTwoOfAKind(requests.values())) of.several.add(value);
    }
  }
  for (const { values, several } of names.values()) if (several.size > 0 && several.size >= sharedPart * values.size) for (const value of values) shared.add(value);
  return shared;
}

function hasTwoOfAKind(lines: Iterable<WindowLine>): boolean {
  const kinds = new Set<string | null>();
  for (const { requestKind } of lines) {
    if (kinds.has(requestKind)) return true;
    kinds.add(requestKind);
  }
  return false;
}

/**
 * Requests that are most likely the halves of one: ids of different kinds with a rare value in common, which no other request of those kinds has. Only for
 * finding out whose a line without an id is; no id is joined to another by it.
 * @returns request -> the strongest half of its whole; itself where it is whole
 */
export function wholes(lines: readonly WindowLine[], shared: ReadonlySet<string>): (request: string) => string {
  const above = new Map<string, Set<string>>();
  for (const [value, requests] of havingOf(lines)) {
    if (requests.size < 2 || requests.size > 4 || shared.has(value) || hasTwoOfAKind(requests.values())) continue;
    const carriers = [...requests].map(([request, line]) => ({ request, rank: idRank(line.requestKind ?? 'span') ?? 9, key: line.keys.find(key => key.value === value)! }));
    if (!isRareShape(carriers[0]!.key.shape)) continue;
    carriers.sort((a, b) => a.rank - b.rank || (a.request < b.request ? -1 : 1));
    for (const { request } of carriers.slice(1)) {
      const owners = above.get(request);
      if (owners === undefined) above.set(request, new Set([carriers[0]!.request]));
      else owners.add(carriers[0]!.request);
    }
  }
  return request => {
    let at = request;
    for (let depth = 0; depth < 4; depth++) {
      const owners = above.get(at);
      if (owners?.size !== 1) break;
      at = [...owners][0]!;
    }
    return at;
  };
}
