/** The newest requests, live. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { RequestSummary } from '#schemas/http-api.ts';
import { getRequests, type Answer } from '../api.ts';
import type { RequestsAnswer } from '#schemas/http-api.ts';
import { meetPoll, type HeldRows } from '../held-rows.ts';
import { useRowKeys } from '../keys.ts';
import { Refusal } from '../parts/refusal.tsx';
import { RequestRows } from '../parts/request-rows.tsx';
import { EmptyState, Loading, Notice } from '../parts/show.tsx';
import { poll } from '../poll.ts';
import { formatRoute, type Route } from '../route.ts';
import { amendRoute } from '../router.ts';
import { formatBytes, formatCount } from '../time-format.ts';

type RequestsRoute = Extract<Route, { view: 'requests' }>;

const pollMs = 1000;
const errorsOnlyQuery = 'level>=error';
/** Scrolled further than this, the list no longer moves under the reader. */
const scrolledPx = 120;

export function RequestsView({ route }: { route: RequestsRoute }) {
  const { errorsOnly, paused, cursor } = route;
  const [answer, setAnswer] = useState<Answer<RequestsAnswer> | null>(null);
  const [held, setHeld] = useState<HeldRows<RequestSummary>>({ rows: [], waiting: 0 });
  const [arrived, setArrived] = useState<ReadonlySet<string>>(new Set());
  const shown = useRef<readonly RequestSummary[]>([]);
  const newest = useRef<readonly RequestSummary[]>([]);
  const pointed = useRef(false);
  useRowKeys();

  const show = (next: HeldRows<RequestSummary>): void => {
    if (shown.current.length > 0) {
      const before = new Set(shown.current.map(request => request.id));
      setArrived(new Set(next.rows.filter(request => !before.has(request.id)).map(request => request.id)));
    }
    shown.current = next.rows;
    setHeld(next);
  };
  const release = (): void => {
    show(meetPoll(shown.current, newest.current, false));
    window.scrollTo(0, 0);
  };

  useEffect(() => {
    shown.current = [];
    setAnswer(null);
  }, [errorsOnly, cursor]);

  const still = paused || cursor !== null;
  useEffect(() => {
    let settled = false;
    return poll(async abort => {
      if (settled) return;
      const next = await getRequests(errorsOnly ? errorsOnlyQuery : '', cursor, abort);
      settled = still;
      setAnswer(next);
      if (!next.ok) return;
      newest.current = next.body.requests;
      show(meetPoll(shown.current, next.body.requests, pointed.current || window.scrollY > scrolledPx));
    }, pollMs);
  }, [errorsOnly, cursor, still]);

  const empty = held.rows.length === 0;
  return (
    <>
      <div class="view-head">
        <h1>{cursor === null ? 'Recent requests' : 'Older requests'}</h1>
        <div class="segments" role="group" aria-label="Which requests">
          <button type="button" aria-pressed={!errorsOnly} onClick={() => amendRoute({ ...route, errorsOnly: false, cursor: null })}>All</button>
          <button type="button" aria-pressed={errorsOnly} onClick={() => amendRoute({ ...route, errorsOnly: true, cursor: null })}>With errors</button>
        </div>
        <span class="spring" />
        {cursor === null
          ? <><span class={`live${paused ? ' live-off' : ''}`}>{paused ? 'Paused' : 'Live'}</span><button type="button" aria-pressed={paused} onClick={() => amendRoute({ ...route, paused: !paused })}>{paused ? 'Resume' : 'Pause'}</button></>
          : <a class="button" href={formatRoute({ ...route, cursor: null })}>Back to the newest</a>}
      </div>
      <div class="pill-room" aria-live="polite">
        {held.waiting > 0 && <button type="button" class="pill" onClick={release}>{held.waiting >= 50 ? '50 or more' : held.waiting} new</button>}
      </div>
      {answer === null && empty && <Loading what="requests" />}
      {answer?.ok === false && <Refusal error={answer.error} />}
      {answer?.ok === true && answer.body.truncated && <Notice kind="warning">The list was cut short after {formatCount(answer.body.scanned.events)} lines ({formatBytes(answer.body.scanned.bytes)}): there are more requests than it shows.</Notice>}
      {answer?.ok === true && empty && <NoRequests errorsOnly={errorsOnly} />}
      {answer?.ok !== false && !empty && (
        <div onPointerEnter={event => { pointed.current = event.pointerType === 'mouse'; }} onPointerLeave={() => { pointed.current = false; }}>
          <RequestRows requests={held.rows} arrived={arrived} />
        </div>
      )}
      {answer?.ok === true && answer.body.cursor !== null && !empty && (
        <p class="more"><a class="button" href={formatRoute({ ...route, paused: false, cursor: answer.body.cursor })}>Older requests</a></p>
      )}
    </>
  );
}

function NoRequests({ errorsOnly }: { errorsOnly: boolean }) {
  if (errorsOnly) return <EmptyState title="No request with an error"><p>None of the stored requests has a line of level error or fatal. New ones appear here by themselves.</p></EmptyState>;
  return (
    <EmptyState title="No requests yet">
      <p>A request appears here as soon as one of its lines is stored. To see some now:</p>
      <ul>
        <li>tail a folder of logs: <code>leadline up ./logs</code></li>
        <li>read finished files: <code>leadline ingest app.log.gz</code></li>
        <li>start the demo services: <code>leadline up</code> without a path</li>
      </ul>
      <p><a href="/streams">Streams</a> shows what is being read, and how far.</p>
    </EmptyState>
  );
}
