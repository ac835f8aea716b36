/** Lines as they arrive. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { checkQuery, tailAddress } from '../api.ts';
import type { ErrorBody, EventBody } from '#schemas/http-api.ts';
import { useKeys } from '../keys.ts';
import { LogList } from '../parts/log-list.tsx';
import { QueryBox, QueryMistakeNote } from '../parts/query-box.tsx';
import { Refusal } from '../parts/refusal.tsx';
import { EmptyState, Notice, zoneOf } from '../parts/show.tsx';
import { formatRoute, type Route } from '../route.ts';
import { openRoute } from '../router.ts';
import { addLines, emptyTail, tailLineMax, type TailBuffer } from '../tail-buffer.ts';
import { formatCount } from '../time-format.ts';

type TailRoute = Extract<Route, { view: 'tail' }>;
type TailState = 'connecting' | 'open' | 'lost';

const reopenMs = 2000;
/** Closer to the end than this, the view follows. */
const followPx = 60;

const atEnd = (): boolean => window.scrollY + window.innerHeight >= document.documentElement.scrollHeight - followPx;

function skippedCount(data: string): number {
  const body: unknown = JSON.parse(data);
  return typeof body === 'object' && body !== null && 'count' in body && typeof body.count === 'number' ? body.count : 0;
}

export function TailView({ route }: { route: TailRoute }) {
  const { query } = route;
  const [tail, setTail] = useState<TailBuffer<EventBody>>(emptyTail);
  const [paused, setPaused] = useState(false);
  const [state, setState] = useState<TailState>('connecting');
  const [skipped, setSkipped] = useState(0);
  const [missed, setMissed] = useState(false);
  const [refusal, setRefusal] = useState<ErrorBody | null>(null);
  const stick = useRef<HTMLDivElement>(null);
  const hold = useRef(false);
  const following = useRef(true);

  useEffect(() => {
    hold.current = paused;
    if (!paused) {
      following.current = true;
      setTail(before => addLines(before, [], false));
    }
  }, [paused]);

  useEffect(() => {
    let lastY = window.scrollY;
    const look = (): void => {
      // Only scrolling up leaves the end. The event of our own scrolling down may come when more lines are there already.
      following.current = atEnd() || (following.current && window.scrollY >= lastY);
      lastY = window.scrollY;
    };
    window.addEventListener('scroll', look, { passive: true });
    return () => window.removeEventListener('scroll', look);
  }, []);
  useEffect(() => {
    if (following.current && !paused) window.scrollTo(0, document.documentElement.scrollHeight);
  }, [tail.shown]);

  useEffect(() => {
    const abort = new AbortController();
    let source: EventSource | null = null;
    let timer: ReturnType<typeof setTimeout> | null = null;
    let frame = 0;
    let arrived: EventBody[] = [];
    // One draw a frame, however many lines come.
    const flush = (): void => {
      frame = 0;
      const lines = arrived;
      arrived = [];
      setTail(before => addLines(before, lines, hold.current || !following.current));
    };
    const open = (): void => {
      source = new EventSource(tailAddress(query));
      source.onopen = () => setState('open');
      source.onmessage = message => {
        arrived.push(JSON.parse(String(message.data)) as EventBody);
        if (arrived.length > tailLineMax * 2) flush();
        if (frame === 0) frame = requestAnimationFrame(flush);
      };
      source.addEventListener('skipped', message => setSkipped(before => before + skippedCount(String((message).data))));
      source.onerror = () => {
        setState('lost');
        // While it says `connecting` the browser tries again by itself and resumes after the last line it has.
        if (source?.readyState === EventSource.CLOSED) void refused();
      };
    };
    const refused = async (): Promise<void> => {
      const answer = await checkQuery(query, abort.signal).catch(() => null);
      if (abort.signal.aborted) return;
      if (answer?.ok === false && answer.status < 500) {
        setRefusal(answer.error);
        return;
      }
      setMissed(true);
      timer = setTimeout(open, reopenMs);
    };
    setTail(emptyTail());
    setRefusal(null);
    setSkipped(0);
    setMissed(false);
    setState('connecting');
    following.current = true;
    open();
    return () => {
      abort.abort();
      source?.close();
      if (timer !== null) clearTimeout(timer);
      cancelAnimationFrame(frame);
    };
  }, [query]);

  const clear = (): void => {
    setTail(emptyTail());
    setSkipped(0);
    setMissed(false);
  };
  const release = (): void => {
    following.current = true;
    setPaused(false);
    setTail(before => addLines(before, [], false));
  };
  useKeys({ p: () => setPaused(before => !before) });

  return (
    <>
      <div class="tail-stick" ref={stick}>
        <div class="view-head">
          <h1>Live tail</h1>
          <span class={`live${state !== 'open' || paused ? ' live-off' : ''}`} role="status">{paused ? 'Paused' : state === 'open' ? 'Live' : state === 'lost' ? 'Reconnecting' : 'Connecting'}</span>
          <span class="spring" />
          <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>{paused ? 'Resume' : 'Pause'}</button>
          <button type="button" onClick={clear}>Clear</button>
        </div>
        <form class="search-form" role="search" onSubmit={event => { event.preventDefault(); openRoute({ view: 'tail', query: (event.currentTarget.elements.namedItem('query') as HTMLInputElement).value.trim() }); }}>
          <QueryBox query={query} label="Only lines that match" onQuery={next => openRoute({ view: 'tail', query: next })} />
          <button type="submit" class="primary">Filter</button>
        </form>
      </div>
      {refusal?.code === 'BAD_QUERY' && <QueryMistakeNote query={query} message={refusal.message} />}
      {refusal !== null && refusal.code !== 'BAD_QUERY' && <Refusal error={refusal} />}
      {missed && <Notice kind="warning">The tail was opened anew. Lines written meanwhile are not below; <a href={formatRoute({ view: 'search', query, since: '15m', until: '' })}>search the last 15 minutes</a>.</Notice>}
      {skipped > 0 && <Notice kind="warning">{formatCount(skipped)} {skipped === 1 ? 'line was' : 'lines were'} skipped: they came faster than this connection takes them. They are stored; search finds them.</Notice>}
      {tail.forgotten > 0 && <Notice>Only the last {formatCount(tailLineMax)} lines are kept here; {formatCount(tail.forgotten)} older {tail.forgotten === 1 ? 'one is' : 'ones are'} left to search.</Notice>}
      {tail.shown.length === 0 && refusal === null && (
        <EmptyState title="Waiting for lines">
          <p>{query === '' ? 'Every line that any container writes from now on appears here.' : <>Lines that match <code>{query}</code> appear here from now on.</>}</p>
          <p>For those already written, <a href={formatRoute({ view: 'search', query, since: '', until: '' })}>search</a>.</p>
        </EmptyState>
      )}
      {tail.shown.length > 0 && (
        <>
          <div class="row row-found row-head" aria-hidden="true"><span class="row-main"><span>Time <i>{zoneOf(tail.shown[0]!.time)}</i></span><span>Service</span><span>Level</span><span>Message</span></span><span class="row-request">Request</span></div>
          <LogList label="Lines, newest last" events={tail.shown} coveredPx={() => stick.current?.offsetHeight ?? 0} />
        </>
      )}
      <div class="pill-room pill-end" aria-live="off">
        {tail.waiting.length > 0 && <button type="button" class="pill" onClick={release}>{formatCount(tail.waiting.length)} new ↓</button>}
      </div>
    </>
  );
}
