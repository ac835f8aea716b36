/** What the request is: ids and how they were tied together, when, how long, who took part, how much of it is inferred. */
import type { EventBody, TimelineBody } from '#schemas/http-api.ts';
import { CopyButton, Notice, ServiceChips, Time, zoneOf } from '../parts/show.tsx';
import { timelineAddress } from '../route.ts';
import { formatBytes, formatCount, formatDuration } from '../time-format.ts';
import { proofOf, type LaneLayout } from './lanes.ts';

interface HeaderProps {
  timeline: TimelineBody;
  layout: LaneLayout;
  onShow: (eventId: string) => void;
}

function ProofLink({ eventId, proof, onShow }: { eventId: string; proof: EventBody | null; onShow: (eventId: string) => void }) {
  if (proof === null) return <span title={eventId}>a line outside of this answer</span>;
  return <button type="button" class="link" onClick={() => onShow(eventId)}>a line of {proof.service ?? 'an unnamed service'} that carries both</button>;
}

export function TimelineHeader({ timeline, layout, onShow }: HeaderProps) {
  const { id, asked, ids, joins, events, gaps, clocks, from } = timeline;
  const proof = asked === id ? null : proofOf(timeline);
  const inferred = events.filter(event => event.requestIdSource === 'inherited').length;
  const eventOf = (eventId: string): EventBody | null => events.find(event => event.eventId === eventId) ?? null;
  const errors = layout.errors.length;
  return (
    <header class="timeline-head">
      <div class="view-head">
        <h1>{timeline.grouping === null ? 'Request' : `Requests of one ${timeline.grouping.kind}`} <span class="id">{id}</span></h1>
        <CopyButton text={id} label="Copy the id" />
      </div>
      {asked !== id && (
        <p class="asked">Asked for <span class="id">{asked}</span>{proof === null ? ', the same id in another spelling.' : <> ({proof.kind}), joined by <ProofLink eventId={proof.proofEventId} proof={proof.proof} onShow={onShow} />.</>}</p>
      )}
      {events.length > 0 && (
        <dl class="figures">
          {from !== null && <div><dt>From <i>{zoneOf(from)}</i></dt><dd><Time time={from} /></dd></div>}
          <div><dt>Duration</dt><dd>{formatDuration(layout.spanNs / 1e6)}</dd></div>
          <div><dt>Lines</dt><dd>{formatCount(events.length)}</dd></div>
          <div><dt>Errors</dt><dd class={errors > 0 ? 'bad' : undefined}>{formatCount(errors)}</dd></div>
          {inferred > 0 && <div><dt>Inferred</dt><dd class="inferred" title="Lines without an id of their own, tied to this request by the lines around them">{formatCount(inferred)}</dd></div>}
          <div class="figure-wide"><dt>Services</dt><dd><ServiceChips services={timeline.services} max={14} /></dd></div>
        </dl>
      )}
      {timeline.truncated && <Notice kind="warning">Not all of it is here{timeline.truncatedBecause === null ? '' : `: ${timeline.truncatedBecause}`}.</Notice>}
      {timeline.inference !== null && timeline.inference.cutBecause !== null && <Notice>{timeline.inference.cutBecause[0]!.toUpperCase() + timeline.inference.cutBecause.slice(1)}.</Notice>}
      {gaps.map(gap => <Notice key={gap.eventId} kind="warning">{gap.gap === null ? gap.message : <>{gap.gap.exact ? '' : 'At least '}{formatBytes(gap.gap.bytes)} of {gap.service ?? gap.source} could not be had ({gap.gap.cause}) near <Time time={gap.time} />; lines of this request may be missing.</>}</Notice>)}
      {clocks.length > 1 && <p class="faint small">{clocks.length} clocks took part. {clocks.some(clock => clock.errorNs === null) ? 'How far they differ is not known for all, so the order between their services may be off by that much.' : clocks.map(clock => `${clock.services.join(', ')}: ${clock.offsetNs ?? '0'} ± ${clock.errorNs ?? '0'} ns`).join('; ')}</p>}
      {ids.length > 1 && (
        <details class="ids">
          <summary>Known under {ids.length} ids</summary>
          <table class="pairs">
            <tbody>
              {ids.map(each => {
                const join = joins.find(candidate => candidate.value === each.value);
                return (
                  <tr key={`${each.kind} ${each.name} ${each.value}`}>
                    <th scope="row">{each.kind}<span class="faint"> {each.name}</span></th>
                    <td>{each.value === id ? each.value : <a href={timelineAddress(each.value)}>{each.value}</a>}{join !== undefined && <span class="faint"> proven by <ProofLink eventId={join.proofEventId} proof={eventOf(join.proofEventId)} onShow={onShow} /></span>}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </details>
      )}
    </header>
  );
}
