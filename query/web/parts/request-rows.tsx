/** Requests as rows that link to their timelines. */
import type { RequestSummary } from '#schemas/http-api.ts';
import { timelineAddress } from '../route.ts';
import { formatCount, formatDuration } from '../time-format.ts';
import { ServiceChips, Time, zoneOf } from './show.tsx';

/** The bar's share of its room. The square root keeps a 20 ms request visible beside one of 20 s. */
function barShare(durationMs: number, longestMs: number): number {
  return longestMs <= 0 ? 0 : Math.sqrt(Math.max(0, durationMs) / longestMs);
}

export function RequestRows({ requests, arrived }: { requests: readonly RequestSummary[]; arrived?: ReadonlySet<string> }) {
  const longestMs = requests.reduce((longest, request) => Math.max(longest, request.durationMs), 0);
  return (
    <div class="requests">
      <div class="request request-head" aria-hidden="true">
        <span>Time <i>{zoneOf(requests[0]?.from)}</i></span><span>Request</span><span>Services, in order</span><span class="number">Lines</span><span class="number">Errors</span><span class="number">Duration</span>
      </div>
      <ul role="list">
        {requests.map(request => (
          <li key={request.id}>
            <a class={`request${request.errors > 0 ? ' failed' : ''}${arrived?.has(request.id) === true ? ' arrived' : ''}`} href={timelineAddress(request.id)} data-row title={request.id}>
              <Time time={request.from} />
              <span class="request-title">{request.title}</span>
              <ServiceChips services={request.services} />
              <span class="number request-lines">{formatCount(request.lines)}<span class="unit"> {request.lines === 1 ? 'line' : 'lines'}</span></span>
              <span class="number request-errors">{request.errors > 0 ? <>{formatCount(request.errors)}<span class="unit"> {request.errors === 1 ? 'error' : 'errors'}</span></> : <span class="faint none">–</span>}</span>
              <span class="request-duration"><span class="bar" style={{ '--share': barShare(request.durationMs, longestMs) }} /><span class="number">{formatDuration(request.durationMs)}</span></span>
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}
