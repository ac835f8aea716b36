/** Found or tailed lines with their keys: `j` and `k` move, Enter opens the timeline, space the detail. */
import { useRef, useState } from 'preact/hooks';
import type { EventBody } from '#schemas/http-api.ts';
import { useKeys } from '../keys.ts';
import { EventDetail } from './event-detail.tsx';
import { LogRow } from './log-row.tsx';
import { RowList, type ShowRow } from './row-list.tsx';
import { rowPxNarrow, rowPxWide, useNarrow } from './use-narrow.ts';

export function LogList({ label, events, coveredPx = () => 0 }: { label: string; events: readonly EventBody[]; coveredPx?: () => number }) {
  const [openId, setOpenId] = useState<string | null>(null);
  const [currentId, setCurrentId] = useState<string | null>(null);
  const showRow = useRef<ShowRow>(null) as { current: ShowRow };
  const narrow = useNarrow();
  const indexOf = (id: string | null): number => (id === null ? -1 : events.findIndex(event => event.eventId === id));
  const move = (step: 1 | -1): void => {
    const index = Math.min(events.length - 1, Math.max(0, indexOf(currentId) + step));
    if (events[index] === undefined) return;
    setCurrentId(events[index].eventId);
    showRow.current(index, true);
  };
  useKeys({ j: () => move(1), k: () => move(-1) });
  return (
    <RowList
      label={label} count={events.length} rowPx={narrow ? rowPxNarrow : rowPxWide} open={indexOf(openId)} showRow={showRow} coveredPx={coveredPx}
      keyOf={index => events[index]!.eventId}
      row={index => {
        const event = events[index]!;
        return (
          <LogRow
            event={event} open={event.eventId === openId} current={event.eventId === currentId}
            onToggle={() => { setCurrentId(event.eventId); setOpenId(event.eventId === openId ? null : event.eventId); }}
          />
        );
      }}
      detail={index => <EventDetail event={events[index]!} linkTimeline />}
    />
  );
}
