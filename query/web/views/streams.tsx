/** What is read, how far it has come, and whether every byte is accounted for. */
import { useEffect, useState } from 'preact/hooks';
import { getStreams, type Answer } from '../api.ts';
import type { StreamsAnswer, StreamStatus } from '#schemas/http-api.ts';
import { Refusal } from '../parts/refusal.tsx';
import { EmptyState, Loading, Notice, ServiceChip, Time } from '../parts/show.tsx';
import { poll } from '../poll.ts';
import type { StreamSort } from '../route.ts';
import { amendRoute } from '../router.ts';
import { droppedBytesOf, unaccountedBytes } from '../stream-balance.ts';
import { formatBytes, formatCount } from '../time-format.ts';

const pollMs = 2000;
/** More rows than this slow the page down and are not read by anyone; the totals cover all. */
const rowMax = 500;

const orders: Record<StreamSort, (a: StreamStatus, b: StreamStatus) => number> = {
  lag: (a, b) => b.lagBytes - a.lagBytes,
  service: () => 0,
  size: (a, b) => b.sizeBytes - a.sizeBytes,
  dropped: (a, b) => droppedBytesOf(b) + b.gapBytes - droppedBytesOf(a) - a.gapBytes,
};

function sorted(streams: readonly StreamStatus[], sort: StreamSort): StreamStatus[] {
  const name = (stream: StreamStatus): string => `${stream.service ?? '￿'} ${stream.path ?? stream.source}`;
  return streams.toSorted((a, b) => orders[sort](a, b) || name(a).localeCompare(name(b)));
}

export function StreamsView({ sort }: { sort: StreamSort }) {
  const [answer, setAnswer] = useState<Answer<StreamsAnswer> | null>(null);
  useEffect(() => poll(async abort => setAnswer(await getStreams(abort)), pollMs), []);
  if (answer === null) return <Loading what="streams" />;
  if (!answer.ok) return <Refusal error={answer.error} />;
  const { streams, totals, store, limits } = answer.body;
  const rows = sorted(streams, sort).slice(0, rowMax);
  const unbalanced = streams.filter(stream => unaccountedBytes(stream) !== 0).length;
  const head = (by: StreamSort, text: string, number = false) => (
    <th scope="col" class={number ? 'number' : undefined} aria-sort={sort === by ? (by === 'service' ? 'ascending' : 'descending') : undefined}>
      <button type="button" class="sort" onClick={() => amendRoute({ view: 'streams', sort: by })}>{text}{sort === by && <span aria-hidden="true"> {by === 'service' ? '↑' : '↓'}</span>}</button>
    </th>
  );
  return (
    <>
      <div class="view-head"><h1>Streams</h1></div>
      <dl class="figures">
        <div><dt>Streams</dt><dd>{formatCount(totals.streams)}</dd></div>
        <div><dt>Written</dt><dd title={`${formatCount(totals.bytes)} bytes`}>{formatBytes(totals.bytes)}</dd></div>
        <div><dt>Stored</dt><dd title={`${formatCount(totals.storedBytes)} bytes`}>{formatBytes(totals.storedBytes)}</dd></div>
        <div><dt>Lag</dt><dd class={totals.lagBytes > 0 ? 'warn' : undefined} title={`${formatCount(totals.lagBytes)} bytes`}>{formatBytes(totals.lagBytes)}</dd></div>
        <div><dt>Dropped</dt><dd class={totals.droppedBytes > 0 ? 'bad' : undefined} title={`${formatCount(totals.droppedBytes)} bytes`}>{formatBytes(totals.droppedBytes)}</dd></div>
        <div><dt>Lines</dt><dd>{formatCount(totals.lines)}</dd></div>
        <div><dt>Balance</dt><dd class={unbalanced > 0 ? 'bad' : 'good'}>{unbalanced === 0 ? 'closes' : `${formatCount(unbalanced)} open`}</dd></div>
        <div><dt>Store</dt><dd title={`${formatCount(store.files)} files, ${formatCount(store.events)} events`}>{formatBytes(store.bytes)}<span class="faint small"> {formatCount(store.events)} events</span></dd></div>
        {store.oldest !== null && store.newest !== null && <div><dt>Holds</dt><dd class="small"><Time time={store.oldest} /> to <Time time={store.newest} /></dd></div>}
      </dl>
      {limits.map(limit => <Notice key={limit.limit} kind="warning"><strong>{limit.limit}</strong> was reached {formatCount(limit.count)} {limit.count === 1 ? 'time' : 'times'}. {limit.message}</Notice>)}
      {streams.length === 0
        ? <EmptyState title="Nothing is being read"><p>Start Leadline with the folder your containers log to: <code>leadline up ./logs</code>. Finished files are read with <code>leadline ingest PATH</code>.</p></EmptyState>
        : (
          <table class="streams">
            <caption class="faint">Bytes written = stored + dropped + gap + lag{streams.length > rowMax && `. The first ${rowMax} of ${formatCount(streams.length)} streams`}</caption>
            <thead><tr>{head('service', 'Service')}<th scope="col">Path</th>{head('size', 'Written', true)}<th scope="col" class="number">Stored</th>{head('dropped', 'Dropped, gap', true)}{head('lag', 'Lag', true)}<th scope="col">Balance</th><th scope="col">Read to its end</th></tr></thead>
            <tbody>{rows.map(stream => <StreamRow key={stream.streamId} stream={stream} />)}</tbody>
          </table>
        )}
    </>
  );
}

function Bytes({ bytes }: { bytes: number }) {
  return <span title={`${formatCount(bytes)} bytes`}>{formatBytes(bytes)}</span>;
}

function StreamRow({ stream }: { stream: StreamStatus }) {
  const unaccounted = unaccountedBytes(stream);
  const dropped = droppedBytesOf(stream);
  const causes = Object.entries(stream.droppedBytes).filter(([, bytes]) => bytes > 0).map(([cause, bytes]) => `${cause}: ${formatCount(bytes)} bytes`);
  return (
    <tr>
      <td>{stream.service === null ? <span class="faint">none</span> : <ServiceChip service={stream.service} />}</td>
      <td class="path" title={`${stream.streamId}\nsource ${stream.source}`}><bdi>{stream.path ?? stream.source}</bdi>{stream.closed && <span class="faint"> ended</span>}</td>
      <td class="number" data-name="Written"><Bytes bytes={stream.sizeBytes} /></td>
      <td class="number" data-name="Stored"><Bytes bytes={stream.storedBytes} /></td>
      <td class={`number${dropped + stream.gapBytes > 0 ? ' bad' : ' faint'}`} data-name="Dropped, gap" title={causes.join('\n')}>{dropped + stream.gapBytes === 0 ? '–' : <Bytes bytes={dropped + stream.gapBytes} />}</td>
      <td class={`number${stream.lagBytes > 0 ? ' warn' : ' faint'}`} data-name="Lag">{stream.lagBytes === 0 ? '–' : <Bytes bytes={stream.lagBytes} />}</td>
      <td data-name="Balance">{unaccounted === 0 ? <span class="good">closes</span> : <span class="bad">off by {formatCount(unaccounted)} bytes</span>}</td>
      <td data-name="Read to its end">{stream.lastReadAt === null ? <span class="faint">not yet</span> : <Time time={stream.lastReadAt} />}</td>
    </tr>
  );
}
