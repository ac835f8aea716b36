/** Search over all lines, newest first. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ConnectionLost, getEvents, recoveries, type Answer } from '../api.ts';
import type { ErrorBody, EventBody, EventsAnswer } from '#schemas/http-api.ts';
import { LogList } from '../parts/log-list.tsx';
import { QueryBox, QueryMistakeNote } from '../parts/query-box.tsx';
import { Refusal } from '../parts/refusal.tsx';
import { EmptyState, Loading, Notice, zoneOf } from '../parts/show.tsx';
import { formatRoute, type Route } from '../route.ts';
import { openRoute } from '../router.ts';
import { formatBytes, formatCount, formatDuration } from '../time-format.ts';

type SearchRoute = Extract<Route, { view: 'search' }>;

interface Found {
  events: readonly EventBody[];
  last: EventsAnswer;
  scanned: EventsAnswer['scanned'];
}

/** The last few searches with all their loaded pages, by address: going back shows them at once, at the same place. */
const foundBefore = new Map<string, Found>();
const foundMax = 8;

function remember(address: string, found: Found): void {
  foundBefore.delete(address);
  foundBefore.set(address, found);
  const oldest = foundBefore.keys().next();
  if (foundBefore.size > foundMax && oldest.done !== true) foundBefore.delete(oldest.value);
}

function addPage(found: Found | null, page: EventsAnswer): Found {
  const { events, bytes, blocks, passedOver, ms } = found?.scanned ?? { events: 0, bytes: 0, blocks: 0, passedOver: 0, ms: 0 };
  return {
    events: [...(found?.events ?? []), ...page.events],
    last: page,
    scanned: { events: events + page.scanned.events, bytes: bytes + page.scanned.bytes, blocks: blocks + page.scanned.blocks, passedOver: passedOver + page.scanned.passedOver, ms: ms + page.scanned.ms },
  };
}

const spans = ['15m', '1h', '24h', '7d'];

/** A mistake in the query text itself, which is shown at its place; everything else is a refusal as such. */
const mistakeCodes = ['BAD_QUERY'];

export function SearchView({ route }: { route: SearchRoute }) {
  const address = formatRoute(route);
  const [found, setFound] = useState<Found | null>(foundBefore.get(address) ?? null);
  const [refusal, setRefusal] = useState<ErrorBody | null>(null);
  const [loading, setLoading] = useState(false);
  const abort = useRef<AbortController | null>(null);
  const since = useRef<HTMLInputElement>(null);
  const until = useRef<HTMLInputElement>(null);
  const recovered = recoveries.value;

  const load = async (before: Found | null): Promise<void> => {
    abort.current?.abort();
    const asking = new AbortController();
    abort.current = asking;
    setLoading(true);
    setRefusal(null);
    let answer: Answer<EventsAnswer>;
    try {
      answer = await getEvents({ query: route.query, since: route.since, until: route.until, cursor: before?.last.cursor ?? null }, asking.signal);
    } catch (error) {
      // A newer question took over, or the connection strip says what happened and this view asks again when it is back.
      if (error instanceof ConnectionLost) setLoading(false);
      return;
    }
    setLoading(false);
    if (!answer.ok) {
      setRefusal(answer.error);
      return;
    }
    const next = addPage(before, answer.body);
    remember(address, next);
    setFound(next);
  };

  useEffect(() => {
    const before = foundBefore.get(address) ?? null;
    setFound(before);
    setRefusal(null);
    if (before === null) void load(null);
    return () => abort.current?.abort();
  }, [address]);
  useEffect(() => {
    if (found === null && refusal === null && recovered > 0) void load(null);
  }, [recovered]);

  const search = (query: string): void => {
    const next: SearchRoute = { view: 'search', query, since: since.current?.value.trim() ?? '', until: until.current?.value.trim() ?? '' };
    if (formatRoute(next) !== address) {
      openRoute(next);
    } else {
      foundBefore.delete(address);
      setFound(null);
      void load(null);
    }
  };
  const searchForm = (form: HTMLFormElement): void => search((form.elements.namedItem('query') as HTMLInputElement).value.trim());

  const mistaken = refusal !== null && mistakeCodes.includes(refusal.code);
  return (
    <>
      <h1 class="hidden">Search</h1>
      <form class="search-form" role="search" onSubmit={event => { event.preventDefault(); searchForm(event.currentTarget); }}>
        <QueryBox query={route.query} label="Query" onQuery={search} />
        <label>Since<input key={`s${route.since}`} ref={since} defaultValue={route.since} list="spans" placeholder="15m or a date" autocomplete="off" /></label>
        <label>Until<input key={`u${route.until}`} ref={until} defaultValue={route.until} list="spans" placeholder="now" autocomplete="off" /></label>
        <datalist id="spans">{spans.map(span => <option key={span} value={span} />)}</datalist>
        <button type="submit" class="primary">Search</button>
      </form>
      {mistaken && <QueryMistakeNote query={route.query} message={refusal.message} />}
      {refusal !== null && !mistaken && <Refusal error={refusal} />}
      {found?.last.hint != null && <Notice>{found.last.hint}</Notice>}
      {found !== null && <Summary found={found} />}
      {found === null && refusal === null && <Loading what="lines" />}
      {found?.events.length === 0 && refusal === null && <NothingFound route={route} />}
      {found !== null && found.events.length > 0 && (
        <div class={loading ? 'busy' : undefined}>
          <div class="row row-found row-head" aria-hidden="true"><span class="row-main"><span>Time <i>{zoneOf(found.events[0]!.time)}</i></span><span>Service</span><span>Level</span><span>Message</span></span><span class="row-request">Request</span></div>
          <LogList label="Found lines, newest first" events={found.events} />
          <p class="more">
            {found.last.cursor !== null
              ? <button type="button" disabled={loading} onClick={() => void load(found)}>{loading ? 'Loading …' : 'Load more'}</button>
              : <span class="faint">These are all.</span>}
          </p>
        </div>
      )}
    </>
  );
}

function Summary({ found }: { found: Found }) {
  const { scanned, last } = found;
  const looked = `${formatCount(scanned.events)} ${scanned.events === 1 ? 'line' : 'lines'} (${formatBytes(scanned.bytes)}) in ${formatDuration(scanned.ms)}`;
  return (
    <div role="status">
      {last.truncated && <Notice kind="warning">The search was stopped before its end: it looked at {looked}. Older lines may match too. Narrow the time, or name a service.</Notice>}
      <p class="summary"><strong>{formatCount(found.events.length)}{last.cursor === null ? '' : '+'}</strong> {found.events.length === 1 ? 'line' : 'lines'}{!last.truncated && <span class="faint"> · looked at {looked}{scanned.passedOver > 0 && `, passed over ${formatCount(scanned.passedOver)} ${scanned.passedOver === 1 ? 'block' : 'blocks'} without these words`}</span>}</p>
    </div>
  );
}

function NothingFound({ route }: { route: SearchRoute }) {
  const bounded = route.since !== '' || route.until !== '';
  return (
    <EmptyState title="No line matches">
      <p>No stored line{bounded ? ' of that time' : ''} fits <code>{route.query === '' ? '*' : route.query}</code>.</p>
      <ul>
        {bounded && <li><a href={formatRoute({ ...route, since: '', until: '' })}>Search without the time bounds</a></li>}
        <li>Bare words and “quoted phrases” are found in any case; <code>field:value</code> is exact.</li>
        <li>Fewer words find more: words next to each other must all match.</li>
        <li><a href="/streams">Streams</a> shows whether the lines have arrived yet.</li>
      </ul>
    </EmptyState>
  );
}
