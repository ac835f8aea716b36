/** One line of a request. */
import type { Signal } from '@preact/signals';
import type { EventBody } from '#schemas/http-api.ts';
import { firstLine } from '../parts/log-row.tsx';
import { Level, serviceColour } from '../parts/show.tsx';
import { formatMs, formatTimeInFull } from '../time-format.ts';
import { deltaNs, namelessService, type LaneLayout } from './lanes.ts';
import { foldShare } from './time-axis.ts';

interface TimelineRowProps {
  event: EventBody;
  index: number;
  layout: LaneLayout;
  open: boolean;
  current: boolean;
  pointed: Signal<number | null>;
  onToggle: () => void;
}

export function TimelineRow({ event, index, layout, open, current, pointed, onToggle }: TimelineRowProps) {
  const delta = deltaNs(layout, index);
  const long = delta !== null && delta > layout.spanNs * foldShare;
  const service = event.service ?? namelessService;
  const inferred = event.requestIdSource === 'inherited';
  const classes = ['row', 'row-line'];
  if (open) classes.push('open');
  if (current) classes.push('current');
  if (pointed.value === index) classes.push('pointed');
  if (inferred) classes.push('row-inferred');
  if (event.gap !== null) classes.push('gap');
  return (
    <div class={classes.join(' ')} style={{ '--c': serviceColour(service) }} onPointerEnter={() => { pointed.value = index; }} onPointerLeave={() => { if (pointed.value === index) pointed.value = null; }}>
      <button type="button" class="row-main" aria-expanded={open} onClick={onToggle}>
        <span class="row-service">{service}</span>
        <span class="number row-since" title={`${formatTimeInFull(event.time)}\n${event.time}`}>{formatMs(layout.offsetsNs[index]!)}</span>
        <span class={`number row-delta${long ? ' row-delta-long' : ''}`}>{delta === null ? '' : `+${formatMs(delta)}`}</span>
        <Level level={event.level} />
        <span class="row-message">{firstLine(event.message)}{inferred && <span class="confidence" title={`This line carries no id: ${event.evidence?.because ?? 'it was tied to the request by the lines around it'}`}>{event.confidence === null ? 'inferred' : `${Math.round(event.confidence * 100)} %`}</span>}</span>
      </button>
    </div>
  );
}
