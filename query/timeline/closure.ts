/**
 * Which lines are one request: from any id up to the strongest that owns it, and from there down to everything that owns.
 *
 * A lower id has one owner. One that is seen with owners of different requests is a grouping id: its edges are withdrawn, and asking for it lists
 * its requests. Ids are compared in canonical form.
 */
import { canonicalIdsOf, edgesOf, type AliasEdge, type CanonicalEventId } from '#schemas/alias.ts';
import { canonicalId } from '#schemas/canonical-id.ts';
import { groupingIdKinds, linkingIdKinds, type LogEvent } from '#schemas/event.ts';
import { eventIdOfGenerated, generatedIdOf } from '#schemas/generated-id.ts';
import type { ReadContext, StoreReader } from '#schemas/store.ts';

export interface ClosureLimits {
  joinEventsMax: number;
  joinSpanMsMax: number;
  timelineEventsMax: number;
  /** Kinds of ids that tie several traces into one request. */
  joinKinds: readonly string[];
}

export interface Join {
  lower: CanonicalEventId;
  higher: CanonicalEventId;
  proofEventId: string;
}

export type Closure =
  /** No stored line carries the id. */
  | { kind: 'unknown' }
  /** One request. `root` is its strongest id. */
  | { kind: 'request'; root: CanonicalEventId; ids: CanonicalEventId[]; joins: Join[]; events: LogEvent[]; truncated: string | null }
  /** An id of several requests; `roots` newest first. */
  | { kind: 'grouping'; idKind: string; roots: CanonicalEventId[]; truncated: string | null };

/** Walks up at most this many owners: trace over request over span, and one more for chains of equal rank. */
const ownersDepthMax = 4;
const groupingRequestsMax = 500;

export async function closureOf(reader: StoreReader, asked: string, limits: ClosureLimits, context: ReadContext): Promise<Closure> {
  const canonical = canonicalId(asked);
  if (canonical === null) return { kind: 'unknown' };
  return new ClosureWalk(reader, limits, context).from(canonical);
}

/** The events of one id as far as they were read, and the edges they prove. */
interface Known {
  id: CanonicalEventId;
  events: LogEvent[];
  /** Edges in which it is the lower end, by owner. */
  owners: Map<string, AliasEdge>;
  /** Edges in which it is the higher end, by lower id. */
  owned: Map<string, AliasEdge>;
}

export class ClosureWalk {
  private readonly reader: StoreReader;
  private readonly limits: ClosureLimits;
  private readonly context: ReadContext;
  private readonly known = new Map<string, Known | null>();
  private readonly roots = new Map<string, string | null>();
  /** Ids whose owners are being looked for. */
  private readonly rising = new Set<string>();
  private truncated: string | null = null;

  constructor(reader: StoreReader, limits: ClosureLimits, context: ReadContext) {
    this.reader = reader;
    this.limits = limits;
    this.context = context;
  }

  async from(canonical: string): Promise<Closure> {
    await this.read([canonical]);
    const asked = this.known.get(canonical) ?? null;
    if (asked === null) return { kind: 'unknown' };
    if ((groupingIdKinds as readonly string[]).includes(asked.id.kind) && !this.limits.joinKinds.includes(asked.id.kind)) return this.grouping(asked);
    const root = await this.rootOf(canonical);
    if (root === null) return this.grouping(asked);
    return this.request(root);
  }

  /**
   * The strongest id above one, itself where nothing owns it, or null where it has owners of different requests.
   * Reads what it needs.
   */
  async rootOf(canonical: string, depth = 0): Promise<string | null> {
    const before = this.roots.get(canonical);
    if (before !== undefined) return before;
    this.rising.add(canonical);
    await this.read([canonical]);
    const known = this.known.get(canonical);
    let root: string | null = canonical;
    if (known !== undefined && known !== null && known.owners.size > 0 && depth < ownersDepthMax) {
      const owners = this.ownersOf(known);
      await this.read(owners.map(edge => edge.higher.canonical));
      const above = new Set<string>();
      for (const edge of owners) {
        const higher = edge.higher.canonical;
        // Peers are one to one: an owner of equal rank that has several is a grouping id itself and owns nothing.
        if (edge.peers && this.peersOf(higher) > 1) continue;
        // Two ids may own each other, by lines that name them in different order. The way back up says nothing of other owners.
        const owner = this.rising.has(higher) ? higher : await this.rootOf(higher, depth + 1);
        if (owner !== null) above.add(owner);
      }
      above.delete(canonical);
      const apart = [...above].filter(owner => !this.rising.has(owner));
      root = apart.length > 1 ? null : (apart[0] ?? [...above][0] ?? canonical);
    }
    this.rising.delete(canonical);
    // What hangs on an id that is still being looked at is not known for good.
    if (root === null || !this.rising.has(root)) this.roots.set(canonical, root);
    return root;
  }

  /** An id under several of the kinds that join belongs to none of them: each ties what else it has, and that one would tie them together. */
  private ownersOf(known: Known): AliasEdge[] {
    const owners = [...known.owners.values()];
    const joining = owners.filter(({ higher }) => this.limits.joinKinds.includes(higher.kind));
    return joining.length > 1 && !this.limits.joinKinds.includes(known.id.kind) ? owners.filter(edge => !joining.includes(edge)) : owners;
  }

  private peersOf(canonical: string): number {
    const known = this.known.get(canonical);
    return known === undefined || known === null ? 0 : [...known.owned.values()].filter(edge => edge.peers).length;
  }

  private async request(rootCanonical: string): Promise<Closure> {
    await this.read([rootCanonical]);
    const root = this.known.get(rootCanonical)!;
    const events = new Map<string, LogEvent>();
    const ids = new Map<string, CanonicalEventId>([[rootCanonical, root.id]]);
    const joins: Join[] = [];
    const add = (more: readonly LogEvent[]): void => {
      for (const event of more) events.set(event.eventId, event);
    };
    add(root.events);
    let level: Known[] = [root];
    while (level.length > 0) {
      const edges = level.flatMap(known => [...known.owned.values()]).filter(edge => !ids.has(edge.lower.canonical));
      if (edges.length === 0) break;
      if (!this.mayJoin(events)) break;
      await this.read(edges.map(edge => edge.lower.canonical));
      const next: Known[] = [];
      for (const edge of edges) {
        if (ids.has(edge.lower.canonical) || (await this.rootOf(edge.lower.canonical)) !== rootCanonical) continue;
        const lower = this.known.get(edge.lower.canonical);
        ids.set(edge.lower.canonical, edge.lower);
        joins.push({ lower: edge.lower, higher: edge.higher, proofEventId: edge.proofEventId });
        if (lower === undefined || lower === null) continue;
        add(lower.events);
        next.push(lower);
      }
      level = next;
    }
    const all = [...events.values()];
    if (all.length > this.limits.timelineEventsMax) this.truncated ??= `more than ${this.limits.timelineEventsMax} lines`;
    return { kind: 'request', root: root.id, ids: [...ids.values()], joins, events: all.slice(0, this.limits.timelineEventsMax), truncated: this.truncated };
  }

  /** The second guard: a request that is long or large already takes in nothing more. What is there is still shown. */
  private mayJoin(events: ReadonlyMap<string, LogEvent>): boolean {
    if (events.size > this.limits.joinEventsMax) {
      this.truncated = `the request has more than ${this.limits.joinEventsMax} lines, so lines known under its other ids only are left out`;
      return false;
    }
    let from: bigint | null = null;
    let to: bigint | null = null;
    for (const { timeNs } of events.values()) {
      if (from === null || timeNs < from) from = timeNs;
      if (to === null || timeNs > to) to = timeNs;
    }
    if (from !== null && to !== null && to - from > BigInt(this.limits.joinSpanMsMax) * 1_000_000n) {
      this.truncated = `the request lasts longer than ${this.limits.joinSpanMsMax / 1000} s, so lines known under its other ids only are left out`;
      return false;
    }
    return true;
  }

  private async grouping(asked: Known): Promise<Closure> {
    const newestFirst = [...asked.events].sort((a, b) => (a.timeNs > b.timeNs ? -1 : a.timeNs < b.timeNs ? 1 : 0));
    const strongest = new Map<string, CanonicalEventId>();
    for (const event of newestFirst) {
      const id = strongestIdOf(event);
      if (id !== null && id.canonical !== asked.id.canonical && !strongest.has(id.canonical)) strongest.set(id.canonical, id);
    }
    // A job that runs without any request's id is one itself, and so are the lines of a session of which nothing more is known.
    if (strongest.size === 0) return { kind: 'request', root: asked.id, ids: [asked.id], joins: [], events: asked.events.slice(0, this.limits.timelineEventsMax), truncated: asked.events.length > this.limits.timelineEventsMax ? `more than ${this.limits.timelineEventsMax} lines` : this.truncated };
    const candidates = [...strongest.values()].slice(0, groupingRequestsMax);
    if (strongest.size > candidates.length) this.truncated ??= `more than ${groupingRequestsMax} requests`;
    await this.read(candidates.map(id => id.canonical));
    const roots = new Map<string, CanonicalEventId>();
    for (const id of candidates) {
      const root = await this.rootOf(id.canonical);
      const known = root === null ? null : (this.known.get(root) ?? null);
      if (known !== null && !roots.has(known.id.canonical)) roots.set(known.id.canonical, known.id);
    }
    return { kind: 'grouping', idKind: asked.id.kind, roots: [...roots.values()], truncated: this.truncated };
  }

  /** Reads the events of ids not read before, all of them in one go. */
  private async read(canonicalIds: readonly string[]): Promise<void> {
    const missing = [...new Set(canonicalIds)].filter(canonical => !this.known.has(canonical));
    if (missing.length === 0) return;
    const { events, truncated } = await this.reader.ids(missing, this.context);
    for (const canonical of missing) {
      const eventId = eventIdOfGenerated(canonical);
      const found = eventId === null ? null : await this.reader.around(eventId, 0, 0, this.context);
      events.push(...(found?.events.filter(event => generatedIdOf(event) === canonical) ?? []));
    }
    if (truncated) this.truncated ??= 'the limit of work for one query was reached';
    const byId = new Map<string, LogEvent[]>(missing.map(canonical => [canonical, []]));
    const names = new Map<string, CanonicalEventId>();
    for (const event of events) {
      for (const id of canonicalIdsOf(event)) {
        const list = byId.get(id.canonical);
        if (list === undefined) continue;
        if (list.at(-1) !== event) list.push(event);
        const named = names.get(id.canonical);
        if (named === undefined || rankOf(id) < rankOf(named)) names.set(id.canonical, id);
      }
    }
    for (const [canonical, list] of byId) {
      const id = names.get(canonical);
      if (id === undefined) {
        this.known.set(canonical, null);
        continue;
      }
      const owners = new Map<string, AliasEdge>();
      const owned = new Map<string, AliasEdge>();
      for (const event of list) {
        for (const edge of edgesOf(event, this.limits.joinKinds)) {
          if (edge.lower.canonical === canonical && !owners.has(edge.higher.canonical)) owners.set(edge.higher.canonical, edge);
          if (edge.higher.canonical === canonical && !owned.has(edge.lower.canonical)) owned.set(edge.lower.canonical, edge);
        }
      }
      this.known.set(canonical, { id, events: list, owners, owned });
    }
  }
}

const kinds: readonly string[] = [...linkingIdKinds, ...groupingIdKinds];
const rankOf = (id: CanonicalEventId): number => kinds.indexOf(id.kind);

/** The strongest linking id of an event, or null. */
export function strongestIdOf(event: LogEvent): CanonicalEventId | null {
  let strongest: CanonicalEventId | null = null;
  for (const id of canonicalIdsOf(event)) {
    if (!(linkingIdKinds as readonly string[]).includes(id.kind)) continue;
    if (strongest === null || rankOf(id) < rankOf(strongest)) strongest = id;
  }
  return strongest;
}
