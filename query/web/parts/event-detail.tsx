/** Everything that is known of one line: as it was written, its fields, its ids, and how sure we are. */
import type { EventBody } from '#schemas/http-api.ts';
import { formatBytes, formatTimeInFull } from '../time-format.ts';
import { timelineAddress } from '../route.ts';
import { CopyButton } from './show.tsx';

const timeSourceSays: Record<string, string> = {
  runtime: 'stamped by the container runtime',
  line: 'written in the line',
  inherited: 'taken from the line before: this one carries none',
  read: 'when it was read: the line carries none',
};

/** `inherited` and `generated` are ours; everything else was read from the line. */
function idSourceSays(source: string, confidence: number | null): string {
  if (source === 'inherited') return `inferred from the lines around it, ${confidence === null ? 'confidence unknown' : `${Math.round(confidence * 100)} % sure`}`;
  if (source === 'generated') return 'made by Leadline: no line gave this request an id';
  const [how, name] = [source.slice(0, source.indexOf(':')), source.slice(source.indexOf(':') + 1)];
  return how === 'field' ? `read from the field ${name}` : how === 'header' ? `read from the header ${name}` : how === 'text' ? `read after “${name}” in the text` : source;
}

/** A longer message is cut in its row, so that the detail repeats it whole. */
const longMessage = 110;

export function fieldText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function EventDetail({ event, linkTimeline }: { event: EventBody; linkTimeline: boolean }) {
  const fields = Object.entries(event.fields);
  const raw = event.raw ?? null;
  const facts: [string, string | null][] = [
    ['Time', `${formatTimeInFull(event.time)} (${timeSourceSays[event.timeSource] ?? event.timeSource})`],
    ['ISO', event.time],
    ['Corrected', event.correctedTimeNs === null ? null : `${event.correctedTimeNs} ns${event.clockErrorNs === null ? '' : ` ± ${event.clockErrorNs} ns`}`],
    ['Service', event.service],
    ['Container', event.container === event.service ? null : event.container],
    ['Pod', event.pod],
    ['Namespace', event.namespace],
    ['Node', event.node],
    ['Output', event.output],
    ['Exception', event.exceptionType],
    ['Part', event.part === null ? null : `${event.part.n} of ${event.part.of ?? 'unknown'}`],
    ['Event', event.eventId],
    ['Source', `${event.source}, bytes ${event.streamOffset}–${event.streamOffsetEnd}`],
  ];
  return (
    <div class="detail">
      {event.gap !== null && <p class="detail-gap">{event.gap.exact ? '' : 'At least '}{formatBytes(event.gap.bytes)} of this stream could not be had: {event.gap.cause}.</p>}
      <div class="detail-actions">
        {linkTimeline && event.requestId !== null && <a class="button" href={timelineAddress(event.requestId, event.eventId)}>Open this request’s timeline</a>}
        {raw !== null && <CopyButton text={raw} label="Copy the line" />}
      </div>
      {event.message !== raw && (event.message.includes('\n') || event.message.length > longMessage) && <><p class="detail-name">Message</p><pre class="raw">{event.message}</pre><p class="detail-name">As written</p></>}
      {raw === null
        ? <pre class="raw"><span class="faint">Not valid UTF-8; as base64:</span>{`\n${event.rawBase64 ?? ''}`}</pre>
        : <pre class="raw">{raw}</pre>}
      <div class="detail-columns">
        <dl class="facts">
          {facts.filter((fact): fact is [string, string] => fact[1] !== null).map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
          {event.requestId !== null && event.requestIdSource !== null && (
            <div><dt>Request</dt><dd class={event.requestIdSource === 'inherited' ? 'inferred' : undefined}>{event.requestId}<br /><span class="faint">{idSourceSays(event.requestIdSource, event.confidence)}</span>{event.evidence !== undefined && <><br /><span class="faint">Because {event.evidence.because} (<a href={timelineAddress(event.requestId, event.evidence.eventId)}>the line it was concluded from</a>).</span></>}</dd></div>
          )}
        </dl>
        <div>
          {event.ids.length > 0 && (
            <table class="pairs">
              <caption>Ids</caption>
              <tbody>{event.ids.map(id => <tr key={`${id.kind} ${id.name} ${id.value}`}><th scope="row">{id.name}<span class="faint"> {id.kind}</span></th><td><a href={timelineAddress(id.value)}>{id.value}</a></td></tr>)}</tbody>
            </table>
          )}
          {fields.length > 0 && (
            <table class="pairs">
              <caption>Fields</caption>
              <tbody>{fields.map(([name, value]) => <tr key={name}><th scope="row">{name}</th><td>{fieldText(value)}</td></tr>)}</tbody>
            </table>
          )}
        </div>
      </div>
    </div>
  );
}
