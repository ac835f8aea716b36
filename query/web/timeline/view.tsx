/** One request over all containers. */
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { getTimeline, type Answer } from '../api.ts';
import type { TimelineBody } from '#schemas/http-api.ts';
import { useKeys } from '../keys.ts';
import { EventDetail } from '../parts/event-detail.tsx';
import { firstLine } from '../parts/log-row.tsx';
import { Refusal } from '../parts/refusal.tsx';
import { RequestRows } from '../parts/request-rows.tsx';
import { RowList, type ShowRow } from '../parts/row-list.tsx';
import { CopyButton, EmptyState, Loading, Notice } from '../parts/show.tsx';
import { rowPxNarrow, rowPxWide, useNarrow } from '../parts/use-narrow.ts';
import { poll } from '../poll.ts';
import { formatRoute, type Route } from '../route.ts';
import { amendRoute } from '../router.ts';
import { formatMs } from '../time-format.ts';
import { TimelineHeader } from './header.tsx';
import { LaneChart } from './lane-chart.tsx';
import { layLanes, namelessService, neighbourError } from './lanes.ts';
import { findFolds } from './time-axis.ts';
import { TimelineRow } from './timeline-row.tsx';

type TimelineRoute = Extract<Route, { view: 'timeline' }>;

const pollMs = 2000;
/** A request whose last line is older than this is taken as finished. */
const openMs = 60_000;
/** A longer timeline is not asked for again and again. */
const pollLineMax = 5000;

/** Whether more lines may still come: the id is unknown so far, or its last line is fresh. */
function mayGrow(answer: Answer<TimelineBody>): boolean {
  if (!answer.ok) return answer.status === 404;
  const { to, events } = answer.body;
  return events.length <= pollLineMax && to !== null && Date.now() - Date.parse(to) < openMs;
}

function same(a: Answer<TimelineBody> | null, b: Answer<TimelineBody>): boolean {
  if (a === null || a.ok !== b.ok) return false;
  if (!a.ok || !b.ok) return true;
  return a.body.events.length === b.body.events.length && a.body.events.at(-1)?.eventId === b.body.events.at(-1)?.eventId && a.body.ids.length === b.body.ids.length;
}

export function TimelineView({ route }: { route: TimelineRoute }) {
  const { id } = route;
  const [answer, setAnswer] = useState<Answer<TimelineBody> | null>(null);
  useEffect(() => {
    let settled = false;
    let inferred = false;
    setAnswer(null);
    return poll(async abort => {
      if (settled) return;
      // Lines that carry an id are there at once; those that are inferred come after them.
      if (!inferred) {
        const direct = await getTimeline(id, false, abort);
        settled = !mayGrow(direct);
        setAnswer(before => (same(before, direct) ? before : direct));
        if (!direct.ok || direct.body.events.length === 0) return;
        inferred = true;
      }
      const next = await getTimeline(id, true, abort);
      settled = !mayGrow(next);
      setAnswer(before => (same(before, next) ? before : next));
    }, pollMs);
  }, [id]);
  if (answer === null) return <Loading what="the request" />;
  if (!answer.ok) return answer.status === 404 ? <UnknownId id={id} said={answer.error.message} /> : <Refusal error={answer.error} />;
  if (answer.body.events.length === 0 && answer.body.grouping === null) return <UnknownId id={id} said="No stored line carries this id." />;
  return <Timeline key={answer.body.asked} timeline={answer.body} route={route} />;
}

function Timeline({ timeline, route }: { timeline: TimelineBody; route: TimelineRoute }) {
  const { events, grouping } = timeline;
  const layout = useMemo(() => layLanes(timeline), [timeline]);
  const foldCount = useMemo(() => findFolds(layout.offsetsNs).length, [layout]);
  const narrow = useNarrow();
  const showRow = useRef<ShowRow>(null) as { current: ShowRow };
  const stick = useRef<HTMLDivElement>(null);
  const pointed = useSignal<number | null>(null);
  const currentId = useSignal<string | null>(route.eventId);
  const indexOf = useMemo(() => {
    const indexes = new Map(events.map((event, index) => [event.eventId, index]));
    return (eventId: string | null): number => (eventId === null ? -1 : (indexes.get(eventId) ?? -1));
  }, [events]);
  const current = useComputed(() => {
    const index = indexOf(currentId.value);
    return index === -1 ? null : index;
  });
  const open = indexOf(route.eventId);

  const go = (index: number | null, focus = true): void => {
    if (index === null || events[index] === undefined) return;
    currentId.value = events[index].eventId;
    showRow.current(index, focus);
  };
  const openRow = (index: number): void => {
    amendRoute({ ...route, eventId: events[index]!.eventId });
    go(index);
  };
  const toggle = (index: number): void => {
    const { eventId } = events[index]!;
    currentId.value = eventId;
    amendRoute({ ...route, eventId: eventId === route.eventId ? null : eventId });
  };
  const fold = (): void => amendRoute({ ...route, folded: !route.folded });
  const at = indexOf(currentId.value);
  useKeys({
    j: () => go(Math.min(events.length - 1, at + 1)),
    k: () => go(Math.max(0, at - 1)),
    e: () => go(neighbourError(layout.errors, at, 1)),
    E: () => go(neighbourError(layout.errors, at, -1)),
    g: fold,
  });
  useEffect(() => {
    if (open !== -1) go(open, false);
  }, []);

  const stuckPx = (): number => {
    const element = stick.current;
    return element === null || getComputedStyle(element).position !== 'sticky' ? 0 : element.offsetHeight;
  };
  return (
    <article>
      <TimelineHeader timeline={timeline} layout={layout} onShow={eventId => openRow(indexOf(eventId))} />
      {route.eventId !== null && open === -1 && events.length > 0 && <Notice>The line this link points to is not part of the answer.</Notice>}
      {grouping !== null && (
        <section>
          <Notice>This is a {grouping.kind} id: it groups {grouping.requests.length} {grouping.requests.length === 1 ? 'request' : 'requests'} without merging them. Choose one:</Notice>
          <RequestRows requests={grouping.requests} />
        </section>
      )}
      {events.length > 0 && (
        <>
          <div class="stick" ref={stick}>
            <LaneChart
              layout={layout} folded={route.folded} narrow={narrow} pointed={pointed} current={current} onPick={openRow}
              tipOf={index => `${formatMs(layout.offsetsNs[index]!)} ms · ${events[index]!.service ?? namelessService} · ${firstLine(events[index]!.message).slice(0, 140)}`}
            />
            <div class="chart-tools">
              <button type="button" aria-pressed={route.folded} disabled={foldCount === 0} onClick={fold} title={foldCount === 0 ? 'No idle stretch is longer than a tenth of the request' : 'Fold idle stretches longer than a tenth of the request (g)'}>{foldCount === 0 ? 'No idle gaps' : `${route.folded ? 'Folded' : 'Fold'} ${foldCount} idle ${foldCount === 1 ? 'gap' : 'gaps'}`}</button>
              {layout.errors.length > 0 && <button type="button" onClick={() => go(neighbourError(layout.errors, at, 1))} title="Next line of level error or fatal (e)">Next error</button>}
              <span class="spring" />
              <span class="cli"><code>leadline trace {timeline.asked}</code><CopyButton text={`leadline trace ${timeline.asked}`} label="Copy the command" /></span>
            </div>
            <div class="row row-line row-head" aria-hidden="true"><span class="row-main"><span>Service</span><span class="number">ms since start</span><span class="number">to line before</span><span>Level</span><span>Message</span></span></div>
          </div>
          <RowList
            label="Lines of the request, by time" count={events.length} rowPx={narrow ? rowPxNarrow : rowPxWide} open={open} showRow={showRow} coveredPx={stuckPx}
            keyOf={index => events[index]!.eventId}
            row={index => <TimelineRow event={events[index]!} index={index} layout={layout} open={index === open} current={index === at} pointed={pointed} onToggle={() => toggle(index)} />}
            detail={index => <EventDetail event={events[index]!} linkTimeline={false} />}
          />
        </>
      )}
    </article>
  );
}

function UnknownId({ id, said }: { id: string; said: string }) {
  return (
    <EmptyState title="No request is known under this id">
      <p><span class="id">{id}</span></p>
      <p>{said}</p>
      <ul>
        <li><strong>Mistyped or cut off?</strong> Any id of the request works: trace, request, correlation or span id, upper or lower case, with or without dashes, but it must be whole.</li>
        <li><strong>Only inside a message?</strong> <a href={formatRoute({ view: 'search', query: JSON.stringify(id), since: '', until: '' })}>Search all lines for this text</a>.</li>
        <li><strong>Not here yet?</strong> <a href="/streams">Streams</a> shows how far reading has come. This page looks again every two seconds and opens by itself.</li>
        <li><strong>Too old?</strong> Lines past the retention are deleted; Streams says since when lines are held.</li>
      </ul>
      <p><a class="button" href="/">Recent requests</a></p>
    </EmptyState>
  );
}
