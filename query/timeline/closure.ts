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
   *
   * What owns it counts before what owns its peers, and those before its peers themselves: two that are one to one are one request, and whichever a line
   * names first stands for both. Owners are stronger than what they own, so this ends; ids that own each other are left alone. Reads what it needs.
   */
  async rootOf(canonical: string): Promise<string | null> {
    const before = this.roots.get(canonical);
    if (before !== undefined) return before;
    const root = await this.rootNow(canonical);
    this.roots.set(canonical, root);
    return root;
  }

  private async rootNow(canonical: string): Promise<string | null> {
    const own = await this.ownersRoots(canonical);
    if (own.size > 0) return own.size > 1 ? null : [...own][0]!;
    const peers = this.peersOf(canonical);
    if (peers.length === 0) return canonical;
    await this.read(peers);
    const beside = new Set<string>();
    for (const peer of peers) for (const root of await this.ownersRoots(peer)) beside.add(root);
    if (beside.size > 0) return beside.size > 1 ? null : [...beside][0]!;
    // Requests apart, as far as is known, with one id: it groups them.
    if (peers.length > 1) return null;
    // Peers are one to one: one that has several is a grouping id itself and owns nothing.
    const peer = peers[0]!;
    return this.peersOf(peer).length > 1 || this.standsFor(canonical, peer) ? canonical : peer;
  }

  /** Roots of the ids that own one and are stronger. */
  private async ownersRoots(canonical: string): Promise<Set<string>> {
    await this.read([canonical]);
    const known = this.known.get(canonical);
    const roots = new Set<string>();
    if (known === undefined || known === null || this.rising.has(canonical)) return roots;
    const owners = this.ownersOf(known).map(edge => edge.higher.canonical);
    await this.read(owners);
    this.rising.add(canonical);
    for (const owner of owners) {
      const root = this.rising.has(owner) ? null : await this.rootOf(owner);
      if (root !== null && root !== canonical) roots.add(root);
    }
    this.rising.delete(canonical);
    return roots;
  }

  /** An id under several of the kinds that join belongs to none of them: each ties what else it has, and that one would tie them together. */
  private ownersOf(known: Known): AliasEdge[] {
    const owners = [...known.owners.values()].filter(edge => !edge.peers);
    const joining = owners.filter(({ higher }) => this.limits.joinKinds.includes(higher.kind));
    return joining.length > 1 && !this.limits.joinKinds.includes(known.id.kind) ? owners.filter(edge => !joining.includes(edge)) : owners;
  }

  private peersOf(canonical: string): string[] {
    const known = this.known.get(canonical);
    if (known === undefined || known === null) return [];
    const peers = new Set<string>();
    for (const edge of known.owned.values()) if (edge.peers) peers.add(edge.lower.canonical);
    for (const edge of known.owners.values()) if (edge.peers) peers.add(edge.higher.canonical);
    return [...peers];
  }

  /** Of two peers the one that lines name first; where they name either, the first by its text. */
  private standsFor(canonical: string, peer: string): boolean {
    const known = this.known.get(canonical)!;
    const [isFirst, isSecond] = [known.owned.has(peer), known.owners.has(peer)];
    return isFirst === isSecond ? canonical < peer : isFirst;
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
      const edges = level.flatMap(known => [...[...known.owned.values()], ...[...known.owners.values()].filter(edge => edge.peers).map(turned)]).filter(edge => !ids.has(edge.lower.canonical));
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

/** Of peers either may be the other's owner. */
const turned = ({ lower, higher, ...edge }: AliasEdge): AliasEdge => ({ ...edge, lower: higher, higher: lower });

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
