/**
 * The address of every view, both ways. What a view shows is in its address, so that a link, a reload and the back button all show the same.
 */

export type StreamSort = 'lag' | 'service' | 'size' | 'dropped';
const streamSorts: readonly StreamSort[] = ['lag', 'service', 'size', 'dropped'];

export type Route =
  | { view: 'requests'; errorsOnly: boolean; paused: boolean; cursor: string | null }
  | { view: 'timeline'; id: string; eventId: string | null; folded: boolean }
  | { view: 'search'; query: string; since: string; until: string }
  | { view: 'tail'; query: string }
  | { view: 'alerts' }
  | { view: 'alert'; id: string }
  | { view: 'streams'; sort: StreamSort }
  | { view: 'unknown'; path: string };

/** A path segment as it was typed where it is not valid percent-encoding: a pasted id must never break the page. */
function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Ids are percent-encoded whole, so that one with a slash stays one segment; an address typed by hand may hold bare slashes all the same. */
function idAfter(prefix: string, path: string): string | null {
  if (!path.startsWith(prefix) || path.length === prefix.length) return null;
  return decodeSegment(path.slice(prefix.length));
}

export function parseRoute(path: string, search: string): Route {
  const params = new URLSearchParams(search);
  if (path === '/' || path === '/index.html') {
    return { view: 'requests', errorsOnly: params.has('errors'), paused: params.has('paused'), cursor: params.get('cursor') };
  }
  const timelineId = idAfter('/timeline/', path);
  if (timelineId !== null) return { view: 'timeline', id: timelineId, eventId: params.get('event'), folded: params.get('gaps') !== 'shown' };
  const alertId = idAfter('/alerts/', path);
  if (alertId !== null) return { view: 'alert', id: alertId };
  switch (path.replace(/\/$/, '')) {
    case '/search': return { view: 'search', query: params.get('query') ?? '', since: params.get('since') ?? '', until: params.get('until') ?? '' };
    case '/tail': return { view: 'tail', query: params.get('query') ?? '' };
    case '/alerts': return { view: 'alerts' };
    case '/streams': return { view: 'streams', sort: streamSorts.find(sort => sort === params.get('sort')) ?? 'lag' };
    default: return { view: 'unknown', path };
  }
}

/** Keys whose value is null or empty are left out: the plain view has the plain address. */
function withParams(path: string, params: Record<string, string | null>): string {
  const given = Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== null && entry[1] !== '');
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}

export function formatRoute(route: Route): string {
  switch (route.view) {
    case 'requests': return withParams('/', { errors: route.errorsOnly ? 'only' : null, paused: route.paused ? 'yes' : null, cursor: route.cursor });
    case 'timeline': return withParams(`/timeline/${encodeURIComponent(route.id)}`, { event: route.eventId, gaps: route.folded ? null : 'shown' });
    case 'search': return withParams('/search', { query: route.query, since: route.since, until: route.until });
    case 'tail': return withParams('/tail', { query: route.query });
    case 'alerts': return '/alerts';
    case 'alert': return `/alerts/${encodeURIComponent(route.id)}`;
    case 'streams': return withParams('/streams', { sort: route.sort === 'lag' ? null : route.sort });
    case 'unknown': return route.path;
  }
}

export function timelineAddress(id: string, eventId: string | null = null): string {
  return formatRoute({ view: 'timeline', id, eventId, folded: true });
}
