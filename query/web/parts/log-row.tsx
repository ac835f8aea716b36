/** One found or tailed line: the line opens its detail, its request id opens the timeline. */
import type { EventBody } from '#schemas/http-api.ts';
import { namelessService } from '../timeline/lanes.ts';
import { timelineAddress } from '../route.ts';
import { openAddress } from '../router.ts';
import { Level, serviceColour, Time } from './show.tsx';

/** Rows hold one line of text: a trace's first line stands for it. */
export function firstLine(message: string): string {
  const end = message.indexOf('\n');
  return (end === -1 ? message : `${message.slice(0, end)} ⏎`).slice(0, 1000);
}

export function LogRow({ event, open, current, onToggle }: { event: EventBody; open: boolean; current: boolean; onToggle: () => void }) {
  const service = event.service ?? namelessService;
  const { requestId } = event;
  return (
    <div class={`row row-found${open ? ' open' : ''}${current ? ' current' : ''}${event.gap !== null ? ' gap' : ''}`} style={{ '--c': serviceColour(service) }}>
      <button
        type="button" class="row-main" aria-expanded={open} onClick={onToggle}
        onKeyDown={pressed => { if (pressed.key === 'Enter' && requestId !== null) { pressed.preventDefault(); openAddress(timelineAddress(requestId, event.eventId)); } }}
      >
        <Time time={event.time} />
        <span class="row-service">{service}</span>
        <Level level={event.level} />
        <span class="row-message">{firstLine(event.message)}</span>
      </button>
      {requestId !== null
        ? <a class={`row-request${event.requestIdSource === 'inherited' ? ' inferred' : ''}`} href={timelineAddress(requestId, event.eventId)} title={`Timeline of ${requestId}`} aria-label={`Timeline of request ${requestId}`}>{requestId.length > 12 ? `${requestId.slice(0, 8)}…` : requestId}</a>
        : <span class="row-request faint" title="No request id was found for this line">–</span>}
    </div>
  );
}
