/** The page: navigation, alert banner and connection strip around the view that the address names. */
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { firingAlerts, startAlertsWatch } from './alerts-watch.ts';
import { connectionLost } from './api.ts';
import { startKeys, useKeys } from './keys.ts';
import { AskBox } from './parts/ask-box.tsx';
import { firstLine } from './parts/log-row.tsx';
import { Help } from './parts/help.tsx';
import { EmptyState, Time } from './parts/show.tsx';
import type { Route } from './route.ts';
import { route, startRouter } from './router.ts';
import { TimelineView } from './timeline/view.tsx';
import { AlertsView, AlertView, keyText } from './views/alerts.tsx';
import { RequestsView } from './views/requests.tsx';
import { SearchView } from './views/search.tsx';
import { StreamsView } from './views/streams.tsx';
import { TailView } from './views/tail.tsx';

const links: { href: string; text: string; views: Route['view'][] }[] = [
  { href: '/', text: 'Requests', views: ['requests', 'timeline'] },
  { href: '/search', text: 'Search', views: ['search'] },
  { href: '/tail', text: 'Tail', views: ['tail'] },
  { href: '/alerts', text: 'Alerts', views: ['alerts', 'alert'] },
  { href: '/streams', text: 'Streams', views: ['streams'] },
];

function titleOf(shown: Route): string {
  switch (shown.view) {
    case 'requests': return 'Requests';
    case 'timeline': return shown.id;
    case 'search': return shown.query === '' ? 'Search' : shown.query;
    case 'tail': return 'Tail';
    case 'alerts': case 'alert': return 'Alerts';
    case 'streams': return 'Streams';
    case 'unknown': return 'Not found';
  }
}

function View({ shown }: { shown: Route }) {
  switch (shown.view) {
    case 'requests': return <RequestsView route={shown} />;
    case 'timeline': return <TimelineView route={shown} />;
    case 'search': return <SearchView route={shown} />;
    case 'tail': return <TailView route={shown} />;
    case 'alerts': return <AlertsView />;
    case 'alert': return <AlertView id={shown.id} />;
    case 'streams': return <StreamsView sort={shown.sort} />;
    case 'unknown': return <EmptyState title="There is no such page"><p><code>{shown.path}</code></p><p><a class="button" href="/">Recent requests</a></p></EmptyState>;
  }
}

/** Shown on every view but the alert's own. The live region's text changes only with the set of alerts, so that it is read out once. */
function AlertBanner({ shown }: { shown: Route }) {
  const firing = firingAlerts.value;
  const first = firing[0];
  const said = firing.map(alert => `${alert.rule}, ${keyText(alert.key)}`).join('; ');
  const visible = first !== undefined && shown.view !== 'alerts' && !(shown.view === 'alert' && firing.every(alert => alert.episodeId === shown.id));
  return (
    <>
      <div class="hidden" aria-live="assertive">{first === undefined ? '' : `Alert firing: ${said}`}</div>
      {visible && (
        <a class="alert-banner" href={firing.length === 1 ? `/alerts/${encodeURIComponent(first.episodeId)}` : '/alerts'}>
          <span class="pulse" aria-hidden="true" />
          <strong>{first.rule}</strong>
          <span>{keyText(first.key)}</span>
          <span class="alert-banner-more">{first.count} counted since <Time time={first.firstAt} /></span>
          {first.topError !== null && <span class="alert-banner-error">{firstLine(first.topError.message)}</span>}
          {firing.length > 1 && <span>and {firing.length - 1} more</span>}
        </a>
      )}
    </>
  );
}

function Page() {
  const shown = route.value;
  const firing = firingAlerts.value.length;
  const [help, setHelp] = useState(false);
  useKeys({
    '/': () => {
      const box = [...document.querySelectorAll<HTMLInputElement>('[data-search-box]')].at(-1);
      box?.focus();
      box?.select();
    },
    '?': () => setHelp(true),
  });
  useEffect(() => {
    document.title = `${firing > 0 ? `(${firing} firing) ` : ''}${titleOf(shown)} · Leadline`;
  });
  return (
    <>
      <a class="skip" href="#main" onClick={event => { event.preventDefault(); document.querySelector<HTMLElement>('#main')?.focus(); }}>To the content</a>
      <header class="top">
        <a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="22" height="22" /> Leadline</a>
        <nav aria-label="Views">
          {links.map(link => <a key={link.href} href={link.href} aria-current={link.views.includes(shown.view) ? 'page' : undefined}>{link.text}{link.href === '/alerts' && firing > 0 && <span class="badge" aria-label={`${firing} firing`}>{firing}</span>}</a>)}
        </nav>
        <AskBox />
        <button type="button" class="quiet help-button" aria-label="Keys and queries" onClick={() => setHelp(true)}>?</button>
      </header>
      <div role="status">{connectionLost.value && <div class="strip">Connection lost, retrying. What you see is as of the last answer.</div>}</div>
      <AlertBanner shown={shown} />
      <main id="main" tabIndex={-1}><View shown={shown} /></main>
      <Help open={help} onClose={() => setHelp(false)} />
    </>
  );
}

startRouter();
startKeys();
startAlertsWatch();
render(<Page />, document.querySelector('#page')!);
