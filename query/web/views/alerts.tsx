/** Alert episodes, and one of them. */
import { useEffect, useState } from 'preact/hooks';
import type { AlertBody } from '#schemas/http-api.ts';
import { alertsAnswer } from '../alerts-watch.ts';
import { getAlert, type Answer } from '../api.ts';
import { useRowKeys } from '../keys.ts';
import { firstLine } from '../parts/log-row.tsx';
import { Refusal } from '../parts/refusal.tsx';
import { CopyButton, EmptyState, Loading, Notice, ServiceChips, Time, zoneOf } from '../parts/show.tsx';
import { poll } from '../poll.ts';
import { timelineAddress } from '../route.ts';
import { formatCount, formatDuration } from '../time-format.ts';

const pollMs = 1000;

function StateBadge({ state }: { state: AlertBody['state'] }) {
  return <span class={`state state-${state}`}>{state}</span>;
}

export function keyText(key: Record<string, string>): string {
  return Object.entries(key).map(([name, value]) => `${name} ${value}`).join(', ');
}

function lengthMs(alert: AlertBody): number {
  return Date.parse(alert.lastAt) - Date.parse(alert.firstAt);
}

export function AlertsView() {
  useRowKeys();
  const answer = alertsAnswer.value;
  if (answer === null) return <Loading what="alerts" />;
  if (!answer.ok) return <Refusal error={answer.error} />;
  const { alerts } = answer.body;
  return (
    <>
      <div class="view-head"><h1>Alerts</h1><span class="faint">{zoneOf(alerts[0]?.openedAt)}</span></div>
      {alerts.length === 0 && (
        <EmptyState title="No alert so far">
          <p>An episode appears here when the errors of a rule come faster than it allows, and stays after it has ended.</p>
          <p><code>leadline alerts test</code> replays your rules over what is stored, to see what they would have found.</p>
        </EmptyState>
      )}
      <ul class="alerts" role="list">
        {alerts.map(alert => (
          <li key={alert.episodeId}>
            <a class="alert" href={`/alerts/${encodeURIComponent(alert.episodeId)}`} data-row>
              <StateBadge state={alert.state} />
              <span class="alert-rule"><strong>{alert.rule}</strong> <span class="faint">{keyText(alert.key)}</span></span>
              <span class="alert-error">{alert.topError === null ? '' : firstLine(alert.topError.message)}</span>
              <span class="number">{formatCount(alert.count)}<span class="faint"> counted, peak {formatCount(alert.peak)}</span></span>
              <Time time={alert.openedAt} />
              <span class="faint number">{alert.state === 'firing' ? 'goes on' : formatDuration(lengthMs(alert))}</span>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

export function AlertView({ id }: { id: string }) {
  const [answer, setAnswer] = useState<Answer<AlertBody> | null>(null);
  useRowKeys();
  useEffect(() => {
    setAnswer(null);
    return poll(async abort => setAnswer(await getAlert(id, abort)), pollMs);
  }, [id]);
  if (answer === null) return <Loading what="the alert" />;
  if (!answer.ok) {
    if (answer.status !== 404) return <Refusal error={answer.error} />;
    return <EmptyState title="No such alert"><p>{answer.error.message}</p><p><a class="button" href="/alerts">All alerts</a></p></EmptyState>;
  }
  const alert = answer.body;
  return (
    <article>
      <div class="view-head"><h1>{alert.rule}</h1><StateBadge state={alert.state} /><span class="faint">{keyText(alert.key)}</span></div>
      {!alert.told && <Notice>Nobody was told: this episode was over more than an hour before Leadline read of it.</Notice>}
      <dl class="figures">
        <div><dt>Counted</dt><dd>{formatCount(alert.count)}</dd></div>
        <div><dt>Peak in one window</dt><dd>{formatCount(alert.peak)}</dd></div>
        <div><dt>First</dt><dd><Time time={alert.firstAt} /></dd></div>
        <div><dt>Opened</dt><dd><Time time={alert.openedAt} /></dd></div>
        <div><dt>Last</dt><dd><Time time={alert.lastAt} /></dd></div>
        <div><dt>{alert.resolvedAt === null ? 'Lasting' : 'Resolved'}</dt><dd>{alert.resolvedAt === null ? formatDuration(lengthMs(alert)) : <Time time={alert.resolvedAt} />}</dd></div>
        <div><dt>Found</dt><dd><Time time={alert.foundAt} /></dd></div>
        <div><dt>Services</dt><dd><ServiceChips services={alert.services} max={12} /></dd></div>
      </dl>
      <h2>Top error</h2>
      {alert.topError === null
        ? <p class="faint">No error message was common to the counted lines.</p>
        : <div class="top-error"><p class="faint">{alert.topError.exceptionType !== null && <strong>{alert.topError.exceptionType} · </strong>}{formatCount(alert.topError.count)} of {formatCount(alert.count)}</p><pre class="raw">{alert.topError.message}</pre></div>}
      <h2>Requests that failed</h2>
      {alert.requests.length === 0
        ? <p class="faint">None of the counted lines carries a request id.</p>
        : <ul class="samples" role="list">{alert.requests.map(request => <li key={request.id}><a href={timelineAddress(request.id)} data-row>{request.id}</a></li>)}</ul>}
      <p class="faint episode">Episode {alert.episodeId}, revision {alert.revision} <CopyButton text={alert.episodeId} label="Copy the episode’s id" /></p>
    </article>
  );
}
